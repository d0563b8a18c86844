"""A fresh organisation: what exists before anyone has entered a record, and who its callers are."""

from decimal import Decimal
from typing import TYPE_CHECKING

from sandbox.dataverse import errors, rows, wellknown
from sandbox.dataverse.schema import Schema
from sandbox.dataverse.wellknown import fixed_id
from sandbox.http import Request, ServiceError
from sandbox.identity.clients import Client
from sandbox.storage import Row, Transaction

if TYPE_CHECKING:
    from sandbox.state import Sandbox

MESSAGES = (
    "Create",
    "Update",
    "Delete",
    "Upsert",
    "CreateMultiple",
    "UpdateMultiple",
    "UpsertMultiple",
    "SetState",
    "Assign",
    "Win",
    "Close",
)
_BULK = ("CreateMultiple", "UpdateMultiple", "UpsertMultiple")
_WALL_TABLES = ("account", "contact", "opportunity", "quote", "salesorder", "invoice", "product")


class Seeder:
    """Inserts rows with everything the platform fills in; datasets use it for their Sales side."""

    def __init__(self, tx: Transaction, schema: Schema, at: str) -> None:
        self.tx = tx
        self.schema = schema
        self.at = at

    def row(self, logical_name: str, values: Row, *, key: str, at: str | None = None) -> Row:
        """A complete row, not yet stored. Base amounts and document totals are the caller's business."""
        table = self.schema.by_name[logical_name]
        owner = (values.get("ownerid__table", "systemuser"), values.get("ownerid", wellknown.SYSTEM_USER_ID))
        return rows.new_row(
            table,
            values,
            key=key,
            at=at or self.at,
            user_id=wellknown.SYSTEM_USER_ID,
            organization_id=wellknown.ORGANIZATION_ID,
            owner=owner,
            business_unit_id=wellknown.BUSINESS_UNIT_ID,
        )

    def add(self, logical_name: str, values: Row, *, key: str, at: str | None = None) -> str:
        self.tx.insert(self.schema.by_name[logical_name].storage, self.row(logical_name, values, key=key, at=at))
        return key


def seeder(sandbox: "Sandbox", tx: Transaction) -> Seeder:
    return Seeder(tx, sandbox.sales.full_schema, sandbox.sales.stamp())


def create_organisation(sandbox: "Sandbox", tx: Transaction, currencies: tuple[str, ...] = ("USD", "GBP")) -> None:
    """The organisation of the ``empty`` dataset: base currency and the given others, business unit, team, users,
    roles."""
    seed = seeder(sandbox, tx)
    _organization_row(seed)
    _currencies(seed, ("EUR", *currencies))
    _principals(seed)
    for client in sandbox.clients.all():
        add_application_user(tx, seed.schema, client, seed.at)
    _units(seed)
    _platform(seed)


def caller(tx: Transaction, request: Request) -> str:
    """The systemuser behind a request. Raises 403 for a client that is no (enabled) user of the organisation."""
    user = _find_user(tx, "applicationid", request.client_id)
    if impersonated := request.header("mscrmcallerid"):
        return _find_user(tx, "systemuserid", impersonated.lower())
    if impersonated := request.header("callerobjectid"):
        return _find_user(tx, "azureactivedirectoryobjectid", impersonated.lower())
    return user


def _find_user(tx: Transaction, column: str, value: str | None) -> str:
    found = tx.execute(
        f'SELECT systemuserid, isdisabled FROM sales_systemusers WHERE "{column}" = ?',  # noqa: S608 - names are ours
        (value,),
    ).fetchone()
    if found is None:
        raise ServiceError(403, errors.NO_USER, "The user is not a member of the organization.")
    if found[1]:
        raise ServiceError(
            403,
            errors.DISABLED_USER,
            f"The specified user(Id = {found[0]}) is disabled. Consider enabling this user.",
        )
    return str(found[0])


def add_application_user(tx: Transaction, schema: Schema, client: Client, at: str) -> None:
    """Makes the client a user with a role, unless it is one already or does not want to be."""
    if not client.sales_application_user or tx.first("sales_systemusers", applicationid=client.client_id):
        return
    key, name = wellknown.APPLICATION_USERS.get(
        client.client_id, (fixed_id("application", client.client_id), f"Application {client.client_id[:8]}")
    )
    seed = Seeder(tx, schema, at)
    seed.add(
        "systemuser",
        {
            "applicationid": client.client_id,
            "fullname": f"# {name}",
            "firstname": "#",
            "lastname": name,
            "domainname": f"{client.client_id}@{wellknown.USER_DOMAIN}",
            "internalemailaddress": f"{client.client_id}@{wellknown.USER_DOMAIN}",
            "businessunitid": wellknown.BUSINESS_UNIT_ID,
            "accessmode": 4,
            "islicensed": False,
            "isintegrationuser": False,
        },
        key=key,
    )
    _assign_role(seed, key, wellknown.INTEGRATION_ROLE_ID)
    if client.client_id == wellknown.GUEST_CLIENT_ID:
        _assign_role(seed, key, wellknown.SYSTEM_ADMINISTRATOR_ROLE_ID)


def _organization_row(seed: Seeder) -> None:
    seed.add(
        "organization",
        {
            "name": wellknown.ORGANIZATION_NAME,
            "basecurrencyid": wellknown.BASE_CURRENCY_ID,
            "createproductswithoutparentinactivestate": False,
            "currencydecimalprecision": 2,
            "discountcalculationmethod": 0,
            "expirechangetrackingindays": 7,
            "isduplicatedetectionenabled": False,
            "languagecode": 1033,
            "localeid": 1033,
            "maxuploadfilesize": 10485760,
            "oobpricecalculationenabled": True,
            "pricingdecimalprecision": 2,
            "issopintegrationenabled": False,
        },
        key=wellknown.ORGANIZATION_ID,
    )


def _currencies(seed: Seeder, codes: tuple[str, ...]) -> None:
    for code in codes:
        name, symbol, rate = wellknown.CURRENCIES[code]
        seed.add(
            "transactioncurrency",
            {
                "currencyname": name,
                "currencysymbol": symbol,
                "currencyprecision": 2,
                "exchangerate": Decimal(rate),
                "isocurrencycode": code,
            },
            key=wellknown.CURRENCY_IDS[code],
        )


def _principals(seed: Seeder) -> None:
    unit = {"businessunitid": wellknown.BUSINESS_UNIT_ID}
    seed.add("businessunit", {"name": wellknown.BUSINESS_UNIT_NAME}, key=wellknown.BUSINESS_UNIT_ID)
    for key, name in (
        (wellknown.SYSTEM_ADMINISTRATOR_ROLE_ID, "System Administrator"),
        (wellknown.SALESPERSON_ROLE_ID, "Salesperson"),
        (wellknown.INTEGRATION_ROLE_ID, "Business Central Integration User"),
    ):
        seed.add("role", {"name": name, **unit, "parentrootroleid": key}, key=key)
    seed.add(
        "systemuser",
        {**unit, "fullname": "SYSTEM", "lastname": "SYSTEM", "domainname": "", "accessmode": 3, "islicensed": False},
        key=wellknown.SYSTEM_USER_ID,
    )
    for key, (first, last) in zip(wellknown.USER_IDS, wellknown.USERS, strict=True):
        address = f"{first}.{last}@{wellknown.USER_DOMAIN}".lower()
        seed.add(
            "systemuser",
            {
                **unit,
                "firstname": first,
                "lastname": last,
                "fullname": f"{first} {last}",
                "domainname": address,
                "internalemailaddress": address,
                "islicensed": True,
                "invitestatuscode": 4,
                "issyncwithdirectory": True,
                "caltype": 7,
            },
            key=key,
        )
        _assign_role(seed, key, wellknown.SALESPERSON_ROLE_ID)
    seed.add(
        "team",
        {
            **unit,
            "name": wellknown.BUSINESS_UNIT_NAME,
            "isdefault": True,
            "administratorid": wellknown.SYSTEM_USER_ID,
            "systemmanaged": True,
        },
        key=wellknown.DEFAULT_TEAM_ID,
    )
    table = seed.schema.by_name["teamroles"]
    role = {"teamid": wellknown.DEFAULT_TEAM_ID, "roleid": wellknown.SALESPERSON_ROLE_ID}
    seed.tx.insert(table.storage, {table.primary_id: fixed_id("team role", *role.values()), **role})
    for key in wellknown.USER_IDS:
        table = seed.schema.by_name["teammembership"]
        values = {"teamid": wellknown.DEFAULT_TEAM_ID, "systemuserid": key}
        seed.tx.insert(table.storage, {table.primary_id: fixed_id("member", key), **values})


def _assign_role(seed: Seeder, user: str, role: str) -> None:
    table = seed.schema.by_name["systemuserroles"]
    seed.tx.insert(
        table.storage, {table.primary_id: fixed_id("role", user, role), "systemuserid": user, "roleid": role}
    )


def _units(seed: Seeder) -> None:
    seed.add("uomschedule", {"name": "Default Unit", "baseuomname": "Primary Unit"}, key=wellknown.UNIT_GROUP_ID)
    seed.add(
        "uom",
        {
            "name": "Primary Unit",
            "uomscheduleid": wellknown.UNIT_GROUP_ID,
            "quantity": Decimal(1),
            "isschedulebaseuom": True,
        },
        key=wellknown.PRIMARY_UNIT_ID,
    )


def _platform(seed: Seeder) -> None:
    """Messages and their filters, activity walls, the installed solutions."""
    for name in MESSAGES:
        seed.add("sdkmessage", {"name": name}, key=fixed_id("message", name))
        for table in seed.schema.tables:
            supported = not table.messages and not table.intersect if name in _BULK else table.allows(name)
            if supported and not table.intersect and name not in ("SetState", "Win", "Close"):
                seed.add(
                    "sdkmessagefilter",
                    {"sdkmessageid": fixed_id("message", name), "primaryobjecttypecode": table.logical_name},
                    key=fixed_id("filter", name, table.logical_name),
                )
    for logical_name in _WALL_TABLES:
        seed.add(
            "msdyn_postconfig",
            {
                "msdyn_entityname": logical_name,
                "msdyn_entitydisplayname": logical_name.capitalize(),
                "msdyn_configurewall": True,
            },
            key=fixed_id("wall", logical_name),
        )
    publisher = fixed_id("publisher", "default")
    seed.add(
        "publisher",
        {
            "uniquename": "DefaultPublisher",
            "friendlyname": "Default Publisher",
            "customizationprefix": "new",
            "customizationoptionvalueprefix": 10000,
        },
        key=publisher,
    )
    for unique, friendly, version, managed in (
        ("Active", "Active Solution", "1.0", False),
        ("Default", "Default Solution", "1.0", False),
        ("Sales", "Dynamics 365 Sales", "9.2.24011.1004", True),
        ("MicrosoftDynamics365BusinessCentralBase", "Business Central Integration Base", "1.2.0.0", True),
        ("DynamicsNAVIntegration", "Business Central Integration", "2.0.0.0", True),
    ):
        seed.add(
            "solution",
            {
                "uniquename": unique,
                "friendlyname": friendly,
                "version": version,
                "ismanaged": managed,
                "isvisible": True,
                "publisherid": publisher,
                "installedon": seed.at,
            },
            key=fixed_id("solution", unique),
        )
