"""Teams of Sales that may own rows."""

from uuid import UUID

from connector.choices import System
from connector.odata import options
from connector.sales import SalesClient
from connector.services.checks import check_failure, listed
from connector.services.report import Concern

MEMBERS = "teammembership_association"
USUAL_TEAM = "The company's team, else that of the hub's business unit"
"""Who owns new rows where nobody chose a team."""

_OWNER = "teamtype eq 0"
_TEAMS = "Power Platform admin center > Environments > the environment > Settings > Users + permissions > Teams"


def owner_teams(client: SalesClient) -> list[tuple[UUID, str]]:
    """All teams that may own rows, each with its business unit. Raises RemoteError."""
    units = {each.key: str(each.values["name"]) for each in client.query("businessunits", properties=["name"])}
    found = []
    for team in client.query("teams", properties=["name", "_businessunitid_value"], filter=_OWNER, orderby="name"):
        unit = units.get(UUID(str(team.values["_businessunitid_value"])), "")
        found.append((team.key, f"{team.values['name']} (business unit {unit})" if unit else str(team.values["name"])))
    return found


def members_of(client: SalesClient, team_id: UUID) -> set[UUID]:
    """Users in the team, asked live. Raises RemoteError."""
    address = f"teams({team_id})/{MEMBERS}{options(select='systemuserid')}"
    return {UUID(row["systemuserid"]) for row in client.session.get(address).data["value"]}


def judge_team(client: SalesClient, team_id: UUID) -> str:
    """That the team exists and has a role, without which it may own nothing. Raises HubError or Concern."""
    rows = list(client.query("teams", properties=["name"], filter=f"teamid eq {team_id}"))
    if not rows:
        raise check_failure(
            System.SALES,
            "sales.no_team",
            "The team that is to own the hub's rows does not exist in Sales.",
            "Choose another one on the step Ownership and people of Assisted Setup.",
        )
    name = str(rows[0].values["name"])
    address = f"teams({team_id})/teamroles_association{options(select='name')}"
    roles = sorted(str(role["name"]) for role in client.session.get(address).data["value"])
    if not roles:
        raise Concern(
            f"The team {name}, which is to own the hub's rows, has no security role; Sales refuses to let it own any.",
            f"Give it a role that may read the mapped tables: {_TEAMS} > the team > Manage security roles.",
        )
    return f"The team {name} owns the hub's rows; its security roles are {listed(roles)}."
