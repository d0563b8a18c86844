"""The Sales organisation that every dataset starts from."""

from collections.abc import Iterator

from sandbox.datasets.sales_rows import SalesRows
from sandbox.dataverse import wellknown
from sandbox.dataverse.wellknown import fixed_id
from sandbox.storage import Row

BASE_CURRENCIES = ("EUR",)
_ROLES = (
    (wellknown.SYSTEM_ADMINISTRATOR_ROLE_ID, "System Administrator"),
    (wellknown.SALESPERSON_ROLE_ID, "Salesperson"),
    (wellknown.INTEGRATION_ROLE_ID, "Business Central Integration User"),
)


def user_row(rows: SalesRows, user_id: str, given: str, family: str, *, job: str = "", phone: str = "") -> Row:
    """A licensed person who may own records."""
    address = f"{given}.{family}@{wellknown.USER_DOMAIN}".lower()
    return rows.row(
        "systemuser",
        {
            "systemuserid": user_id,
            "ownerid": user_id,
            "firstname": given,
            "lastname": family,
            "fullname": f"{given} {family}",
            "domainname": address,
            "internalemailaddress": address,
            "azureactivedirectoryobjectid": fixed_id("directory", user_id),
            "businessunitid": wellknown.BUSINESS_UNIT_ID,
            "islicensed": True,
            "accessmode": 0,
            "jobtitle": job or "Sales Representative",
            "mobilephone": phone or None,
        },
    )


def _application_user(rows: SalesRows, user_id: str, client_id: str, name: str) -> Row:
    return rows.row(
        "systemuser",
        {
            "systemuserid": user_id,
            "ownerid": user_id,
            "firstname": "#",
            "lastname": name,
            "fullname": f"# {name}",
            "domainname": f"{client_id}@{wellknown.USER_DOMAIN}",
            "internalemailaddress": f"{client_id}@{wellknown.USER_DOMAIN}",
            "applicationid": client_id,
            "azureactivedirectoryobjectid": fixed_id("directory", user_id),
            "businessunitid": wellknown.BUSINESS_UNIT_ID,
            "accessmode": 4,
            "islicensed": False,
        },
    )


def users(rows: SalesRows) -> Iterator[Row]:
    yield rows.row(
        "systemuser",
        {
            "systemuserid": wellknown.SYSTEM_USER_ID,
            "ownerid": wellknown.SYSTEM_USER_ID,
            "firstname": "",
            "lastname": "SYSTEM",
            "fullname": "SYSTEM",
            "domainname": "",
            "businessunitid": wellknown.BUSINESS_UNIT_ID,
            "accessmode": 3,
            "isintegrationuser": True,
        },
    )
    for client_id, (user_id, name) in wellknown.APPLICATION_USERS.items():
        yield _application_user(rows, user_id, client_id, name)
    for user_id, (given, family) in zip(wellknown.USER_IDS, wellknown.USERS, strict=True):
        yield user_row(rows, user_id, given, family)


def currency_row(rows: SalesRows, code: str) -> Row:
    name, symbol, rate = wellknown.CURRENCIES[code]
    return rows.row(
        "transactioncurrency",
        {
            "transactioncurrencyid": wellknown.CURRENCY_IDS[code],
            "currencyname": name,
            "isocurrencycode": code,
            "currencysymbol": symbol,
            "currencyprecision": 2,
            "exchangerate": rate,
        },
    )


def organization(rows: SalesRows) -> Iterator[tuple[str, list[Row]]]:
    """(logical name, rows) of everything that exists before any business data."""
    yield (
        "organization",
        [
            rows.row(
                "organization",
                {
                    "organizationid": wellknown.ORGANIZATION_ID,
                    "name": wellknown.ORGANIZATION_NAME,
                    "basecurrencyid": wellknown.BASE_CURRENCY_ID,
                    "currencydecimalprecision": 2,
                    "pricingdecimalprecision": 2,
                    "discountcalculationmethod": 0,
                    "expirechangetrackingindays": 7,
                    "languagecode": 1033,
                    "localeid": 1033,
                    "maxuploadfilesize": 5_242_880,
                    "oobpricecalculationenabled": True,
                    "createproductswithoutparentinactivestate": False,
                },
            )
        ],
    )
    yield (
        "businessunit",
        [
            rows.row(
                "businessunit",
                {
                    "businessunitid": wellknown.BUSINESS_UNIT_ID,
                    "name": wellknown.BUSINESS_UNIT_NAME,
                    "isdisabled": False,
                },
            )
        ],
    )
    everyone = list(users(rows))
    yield "systemuser", everyone
    yield (
        "team",
        [
            rows.row(
                "team",
                {
                    "teamid": wellknown.DEFAULT_TEAM_ID,
                    "ownerid": wellknown.DEFAULT_TEAM_ID,
                    "name": wellknown.BUSINESS_UNIT_NAME,
                    "administratorid": wellknown.SYSTEM_USER_ID,
                    "businessunitid": wellknown.BUSINESS_UNIT_ID,
                    "isdefault": True,
                    "systemmanaged": True,
                    "teamtype": 0,
                },
            )
        ],
    )
    yield "teammembership", memberships(rows, [user["systemuserid"] for user in everyone])
    yield "transactioncurrency", [currency_row(rows, code) for code in BASE_CURRENCIES]
    yield (
        "uomschedule",
        [
            rows.row(
                "uomschedule",
                {"uomscheduleid": wellknown.UNIT_GROUP_ID, "name": "Default Unit", "baseuomname": "Primary Unit"},
            )
        ],
    )
    yield (
        "uom",
        [
            rows.row(
                "uom",
                {
                    "uomid": wellknown.PRIMARY_UNIT_ID,
                    "name": "Primary Unit",
                    "quantity": 1,
                    "isschedulebaseuom": True,
                    "uomscheduleid": wellknown.UNIT_GROUP_ID,
                },
            )
        ],
    )
    yield (
        "role",
        [
            rows.row("role", {"roleid": role_id, "name": name, "businessunitid": wellknown.BUSINESS_UNIT_ID})
            for role_id, name in _ROLES
        ],
    )
    yield "systemuserroles", role_assignments(rows)
    yield from _solution(rows)


def memberships(rows: SalesRows, user_ids: list[str]) -> list[Row]:
    return [
        rows.row(
            "teammembership",
            {
                "teammembershipid": fixed_id("membership", user_id),
                "teamid": wellknown.DEFAULT_TEAM_ID,
                "systemuserid": user_id,
            },
        )
        for user_id in user_ids
    ]


def role_assignments(rows: SalesRows) -> list[Row]:
    pairs = [(user_id, wellknown.SALESPERSON_ROLE_ID) for user_id in wellknown.USER_IDS]
    for user_id, _ in wellknown.APPLICATION_USERS.values():
        pairs += [(user_id, wellknown.SYSTEM_ADMINISTRATOR_ROLE_ID), (user_id, wellknown.INTEGRATION_ROLE_ID)]
    return [
        rows.row(
            "systemuserroles",
            {"systemuserroleid": fixed_id("role", user_id, role_id), "systemuserid": user_id, "roleid": role_id},
        )
        for user_id, role_id in pairs
    ]


def _solution(rows: SalesRows) -> Iterator[tuple[str, list[Row]]]:
    publisher = fixed_id("publisher", "couplet")
    yield (
        "publisher",
        [
            rows.row(
                "publisher",
                {
                    "publisherid": publisher,
                    "uniquename": "MicrosoftCorporation",
                    "friendlyname": "Microsoft",
                    "customizationprefix": "bcbi",
                    "customizationoptionvalueprefix": 10000,
                },
            )
        ],
    )
    yield (
        "solution",
        [
            rows.row(
                "solution",
                {
                    "solutionid": fixed_id("solution", unique_name),
                    "uniquename": unique_name,
                    "friendlyname": friendly_name,
                    "version": version,
                    "publisherid": publisher,
                    "ismanaged": managed,
                    "isvisible": True,
                    "installedon": "2025-03-03T08:00:00Z",
                },
            )
            for unique_name, friendly_name, version, managed in (
                ("Default", "Default Solution", "1.0", False),
                ("DynamicsNAVIntegration", "Business Central Integration Solution", "1.0.6.0", True),
                ("bcbi_CdsBaseIntegration", "Business Central Base Integration", "1.1.2.0", True),
            )
        ],
    )
