"""How far the application user's privileges in Sales reach, beside what requests without effect have shown.

Most privileges are named after their table; some are not (those of orders are called prvReadOrder and so on), and only
tries tell them. What is not listed under the table's own name is therefore not judged here.
"""

from collections.abc import Iterable, Mapping
from uuid import UUID

from connector.choices import System
from connector.errors import ErrorKind, RemoteError, Retry
from connector.http.batch import Part
from connector.odata import literal
from connector.sales import SalesClient
from connector.services.checks import listed
from connector.services.report import Concern

_ASSIGN = "Assign"
_DEPTHS = ("Basic", "Local", "Deep", "Global")
_ROLES = (
    "Power Platform admin center > Environments > the environment > Settings > Users + permissions > Security roles > "
    "the hub's role"
)


def verbs_for(*, writes: bool, owned: bool, assigns: bool) -> tuple[str, ...]:
    """What a table asks for; tables of the organisation's own have no privileges to append in every version."""
    found = ("Read", "Create", "Write") if writes else ("Read",)
    return (*found, *(("Append", "AppendTo") if owned else ()), *((_ASSIGN,) if assigns else ()))


def held_privileges(client: SalesClient, user: UUID, wanted: Iterable[str]) -> dict[str, str]:
    """Depth by name in small letters. Raises RemoteError.

    The list of all reports only the smallest depth for what a team passes on; those are asked for one by one.
    """
    own = f"systemusers({user})/Microsoft.Dynamics.CRM"
    found = _widest(client.session.get(f"{own}.RetrieveUserPrivileges()").data["RolePrivileges"])
    asked = [name for name in wanted if found.get(name) == _DEPTHS[0]]
    parts = [
        Part("GET", f"{own}.RetrieveUserPrivilegeByPrivilegeName(PrivilegeName={literal(name)})") for name in asked
    ]
    answers = client.timed_batch(parts, repeatable=True)[0] if parts else []
    rows = [row for answer in answers if answer.status < 300 for row in answer.data["RolePrivileges"]]
    return found | _widest(rows)


def names_of(needs: Mapping[str, Iterable[str]]) -> list[str]:
    """Names of the privileges for the verbs that each table (by its logical name) needs."""
    return [_name(verb, entity) for entity, verbs in needs.items() for verb in verbs]


def judge(needs: Mapping[str, Iterable[str]], held: Mapping[str, str]) -> None:
    """Raises RemoteError where rows cannot be assigned, Concern for what is missing or reaches too short."""
    listed_tables = {entity: verbs for entity, verbs in needs.items() if _name("Read", entity) in held}
    wanted = [
        (verb, f"prv{verb}{entity.capitalize()}", _name(verb, entity))
        for entity, verbs in listed_tables.items()
        for verb in verbs
    ]
    if lost := [shown for verb, shown, name in wanted if verb == _ASSIGN and name not in held]:
        raise RemoteError(
            f"The hub's application user in Sales lacks {listed(lost)}, without which salespeople cannot own rows.",
            kind=ErrorKind.PERMISSION,
            code="sales.missing_privilege",
            retry=Retry.NEVER,
            system=System.SALES,
            hint=f"{_ROLES}: give it Assign on these tables, or choose a team as the owner.",
            details={"privileges": lost},
        )
    if missing := [shown for _, shown, name in wanted if name not in held]:
        raise Concern(
            f"The hub's application user in Sales does not seem to have {listed(missing)}.",
            f"{_ROLES}: give it these; without them rows cannot refer to one another.",
        )
    if narrow := [shown for _, shown, name in wanted if held[name] != _DEPTHS[-1]]:
        raise Concern(
            "Some privileges of the hub's application user in Sales do not reach the whole organisation: "
            f"{listed(narrow)}.",
            f"{_ROLES}: set them to Organization. Rows of other business units are not synchronised otherwise.",
        )


def _widest(rows: Iterable[Mapping[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for row in rows:
        name, depth = row["PrivilegeName"].casefold(), row["Depth"]
        if name not in found or _DEPTHS.index(depth) > _DEPTHS.index(found[name]):
            found[name] = depth
    return found


def _name(verb: str, entity: str) -> str:
    return f"prv{verb}{entity}".casefold()
