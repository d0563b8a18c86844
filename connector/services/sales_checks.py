"""The steps of a connection test that concern Sales."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from connector.choices import OwnershipModel, System
from connector.error_table import error_of_answer
from connector.errors import ErrorKind, RemoteError, Retry
from connector.http.batch import Part, PartAnswer
from connector.models import Connection
from connector.odata import literal, options
from connector.provisioning import NeededTable, needed_tables
from connector.sales import SalesClient, WhoAmI
from connector.services import sales_privileges
from connector.services.checks import check_failure, listed
from connector.services.facts import default_team
from connector.services.report import Concern
from connector.services.teams import judge_team

_SYSTEM = System.SALES
# A row and a property that never exist: requests for them change nothing, whatever is checked first.
_NOBODY = UUID(int=0)
_IMPOSSIBLE = {"couplet_probe": True}
_ALMIGHTY = "System Administrator"
OVER_PRIVILEGED = "sales.over_privileged"
_BUILT_IN_SOLUTIONS = (
    "bcbi_CdsBaseIntegration",
    "MicrosoftDynamicsNavIntegration",
    "MicrosoftDynamics365BusinessCentralBase",
    "DynamicsNAVIntegration",
)
_USERS = "Power Platform admin center > Environments > the environment > Settings > Application users"


class SalesChecks:
    """Each public method is one step: it returns what it found out, or raises HubError or Concern.

    Steps read what they need themselves unless an earlier one has, so that each can also run alone.
    """

    def __init__(self, connection: Connection, client: SalesClient) -> None:
        self._connection = connection
        self._client = client
        self._me: WhoAmI | None = None
        self._asked_at: datetime | None = None
        self._server_time: datetime | None = None
        self._base_currency: str | None = None
        self._organisation_name = ""
        self._currencies: dict[UUID, str] = {}

    def environment(self) -> str:
        version = self._read_version()
        judge_version(version)
        return f"{self._connection.sales_url} answers, version {version}."

    def application_user(self) -> str:
        self._me = self._client.who_am_i()
        address = f"systemusers({self._me.user_id}){options(select='fullname,isdisabled,applicationid')}"
        user = self._client.session.get(address).data
        if user.get("isdisabled"):
            raise check_failure(
                _SYSTEM,
                "sales.user_disabled",
                "The hub's application user in Sales is disabled.",
                f"Enable it: {_USERS} > the user > Activate.",
            )
        application = str(user.get("applicationid") or "")
        if application.lower() != self._connection.client_id.lower():
            raise Concern(
                f"Sales signs the hub in as {user.get('fullname')}, which is not an application user of its client id.",
                f"Add an application user for the client id: {_USERS} > New app user.",
            )
        return f"The hub works as {user.get('fullname')}."

    def roles(self) -> str:
        """The application user has roles, its own or a team's, and not the one that may do everything."""
        me = self._me or self._client.who_am_i()
        user = f"systemusers({me.user_id})"
        rows = self._client.session.get(f"{user}/systemuserroles_association{options(select='name')}").data["value"]
        teams = self._client.session.get(f"{user}/teammembership_association{options(select='teamid')}").data["value"]
        for team in teams:
            address = f"teams({team['teamid']})/teamroles_association{options(select='name')}"
            rows += self._client.session.get(address).data["value"]
        names = sorted({str(row["name"]) for row in rows})
        if not names:
            raise check_failure(
                _SYSTEM,
                "sales.no_role",
                "The hub's application user in Sales has no security role.",
                f"Give it one: {_USERS} > the user > Edit security roles.",
            )
        if _ALMIGHTY in names:
            sentence = f"The hub's application user in Sales is {_ALMIGHTY}, which may do far more than the hub needs."
            way_out = (
                f"Take the role away and leave one that covers the mapped tables: {_USERS} > the user > Edit security "
                "roles."
            )
            reason = self._connection.over_privileged_reason
            if not reason:
                way_out += " For a sandbox enter why it may stay."
                raise check_failure(_SYSTEM, OVER_PRIVILEGED, sentence, way_out)
            raise Concern(f"{sentence} Accepted: {reason}", way_out)
        return f"The hub's application user has the security roles {listed(names)}."

    def owning_team(self) -> str:
        """The team that was chosen, else the one of the application user's business unit."""
        if self._connection.ownership_model == OwnershipModel.PERSON:
            return "Rows belong to the salesperson's user."
        team = self._connection.chosen_team_id or self._connection.owning_team_id
        if team is None:
            team = default_team(self._client, (self._me or self._client.who_am_i()).business_unit_id)
        if team is None:
            raise Concern(
                "The business unit of the hub's application user has no default team.",
                "Choose the owning team on the step Ownership and people of Assisted Setup.",
            )
        return judge_team(self._client, team)

    def built_in_connector(self) -> list[str]:
        """Versions of the solutions that Business Central's own integration installs; empty where there are none."""
        condition = " or ".join(f"uniquename eq {literal(name)}" for name in _BUILT_IN_SOLUTIONS)
        address = f"solutions{options(select='friendlyname,version', filter=condition)}"
        rows = self._client.session.get(address).data["value"]
        return [f"{row['friendlyname']} {row['version']}" for row in rows]

    @property
    def base_currency_code(self) -> str:
        """Empty where it cannot be read."""
        if self._base_currency is None:
            self._read_currencies()
        return self._base_currency or ""

    @property
    def currency_codes(self) -> set[str]:
        if self._base_currency is None:
            self._read_currencies()
        return set(self._currencies.values())

    def organisation(self) -> str:
        if not self.base_currency_code:
            raise check_failure(
                _SYSTEM,
                "sales.no_base_currency",
                "The base currency of Sales cannot be read.",
                f"Give the hub's application user a role that may read currencies: {_USERS}.",
            )
        return f"The organisation is {self._organisation_name}, its base currency {self.base_currency_code}."

    def tables(self) -> str:
        known = self._client.tables()
        needed = [each.table for each in needed_tables(self._connection) if each.system == _SYSTEM]
        missing = sorted(table for table in needed if table not in known)
        if missing:
            raise check_failure(
                _SYSTEM,
                "sales.unknown_table",
                f"Sales has no table {listed(missing)}.",
                "Install Dynamics 365 Sales in the environment, or the solution that brings the tables.",
            )
        untracked = sorted(table for table in needed if not known[table].change_tracking)
        if untracked:
            raise Concern(
                f"Sales does not track changes of {listed(untracked)}; the hub reads them completely each time.",
                "Connection Setup > Components and roles > Check and repair does it; or Power Apps > Tables > the "
                "table > Properties > Advanced options: switch Track changes on.",
            )
        return f"All {len(needed)} tables that the mappings use exist and track their changes."

    def privileges(self) -> str:
        """Reads a row of each table, and tries writes that cannot succeed: what is refused first is the privilege."""
        needed = [each for each in needed_tables(self._connection) if each.system == _SYSTEM]
        parts: list[Part] = []
        for each in needed:
            info = self._client.table(each.table)
            parts.append(Part("GET", f"{each.table}?$select={info.primary_id}&$top=1"))
            if each.writes:
                parts.append(Part("POST", each.table, _IMPOSSIBLE))
                target = {"@odata.type": f"Microsoft.Dynamics.CRM.{info.entity}", info.primary_id: str(_NOBODY)}
                parts.append(Part("POST", f"{each.table}/Microsoft.Dynamics.CRM.UpdateMultiple", {"Targets": [target]}))
        answers, _ = self._client.timed_batch(parts, repeatable=True)
        refusals = [self._refusal(answer) for answer in answers if answer.status >= 300]
        denied = [error for error in refusals if error.kind is ErrorKind.PERMISSION]
        if denied:
            names = sorted({str(error.details.get("privilege") or error) for error in denied})
            raise RemoteError(
                f"The hub's application user in Sales lacks {listed(names)}.",
                kind=ErrorKind.PERMISSION,
                code="sales.missing_privilege",
                retry=Retry.NEVER,
                system=_SYSTEM,
                hint=denied[0].hint,
                details={"privileges": names},
            )
        self._judge_reach(needed)
        return f"No privilege is missing on the {len(needed)} tables that the mappings use."

    def _judge_reach(self, needed: Sequence[NeededTable]) -> None:
        """What the tries above cannot show: whether privileges reach all rows, and who may be given them."""
        needs: dict[str, tuple[str, ...]] = {}
        for each in needed:
            info = self._client.table(each.table)
            owned = each.writes and info.owned
            person = self._connection.ownership_model == OwnershipModel.PERSON
            needs[info.entity] = sales_privileges.verbs_for(writes=each.writes, owned=owned, assigns=owned and person)
        user = (self._me or self._client.who_am_i()).user_id
        held = sales_privileges.held_privileges(self._client, user, sales_privileges.names_of(needs))
        sales_privileges.judge(needs, held)

    def clock(self, now: datetime) -> tuple[datetime, datetime]:
        """The hub's time and the server's at the same moment, to a second or two."""
        if self._asked_at is None:
            self._read_version()
        return self._asked_at or now, self._server_time or self._asked_at or now

    def _read_version(self) -> str:
        self._asked_at = datetime.now(UTC)
        answer = self._client.session.get("RetrieveVersion")
        self._server_time = answer.date
        return str(answer.data["Version"])

    def _read_currencies(self) -> None:
        self._currencies = {
            record.key: str(record.values["isocurrencycode"])
            for record in self._client.query("transactioncurrencies", properties=["isocurrencycode"])
        }
        rows = self._client.session.get(f"organizations{options(select='name,_basecurrencyid_value')}").data["value"]
        self._organisation_name = str(rows[0]["name"]) if rows else ""
        base = rows[0].get("_basecurrencyid_value") if rows else None
        self._base_currency = self._currencies.get(UUID(base), "") if base else ""

    def _refusal(self, answer: PartAnswer) -> RemoteError:
        return error_of_answer(self._client.session.refusal(answer.status, answer.headers, answer.data))


def judge_version(version: str) -> None:
    """Raises HubError for versions that the hub cannot work with, Concern for those it is not made for."""
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers[:1] < (7,) or numbers == (7, 1):
        raise check_failure(
            _SYSTEM,
            "sales.old_version",
            f"The environment has version {version}, which the hub cannot work with.",
            "Update the environment in the Power Platform admin center.",
        )
    if numbers < (9, 2):
        raise Concern(
            f"The environment has version {version}; the hub is made for 9.2 and later.",
            "Update the environment in the Power Platform admin center.",
        )
