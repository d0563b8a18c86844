"""What each property of a page reads: a column of the base table, an id behind a code, or a calculation in SQL.

Expressions refer to the row as ``t``. They are plain text without parameters, so that they can stand in select lists,
filters and sort orders alike; dates that depend on the clock are written into them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from sandbox.business_central.codec import decimal_scale
from sandbox.business_central.schema import ZERO_GUID, BaseTable, Page, Property, load_schema, sql_table_name
from sandbox.storage import Kind

LOCAL_CURRENCY = "(SELECT lcy_code FROM bc_general_ledger_setup LIMIT 1)"

_KINDS: dict[str, Kind] = {"enum": "text", "option": "text", "stream": "text", "bigint": "integer"}


@dataclass(frozen=True, slots=True)
class Binding:
    """``column`` is set where writing the property stores its value in exactly that column."""

    sql: str
    kind: Kind
    scale: int
    column: str | None


def _ledger(amount: str, condition: str = "") -> Callable[[str], str]:
    def build(today: str) -> str:
        extra = condition.replace(":today", f"'{today}'")
        return (
            f"coalesce((SELECT sum(e.{amount}) FROM bc_cust_ledger_entry e"  # noqa: S608
            f" WHERE e.customer_no = t.no{extra}), 0)"
        )

    return build


def _fixed(sql: str) -> Callable[[str], str]:
    return lambda today: sql


_COMPANY_CONTACT = "(SELECT {0} FROM bc_contact c WHERE c.no = t.company_no AND t.company_no <> '')"
_BUSINESS_RELATION = (
    "coalesce((SELECT CASE WHEN c.customer_no <> '' AND c.vendor_no <> '' THEN 'Multiple'"
    " WHEN c.customer_no <> '' THEN 'Customer' WHEN c.vendor_no <> '' THEN 'Vendor' ELSE 'None' END"
    " FROM bc_contact c WHERE c.no = CASE WHEN t.company_no <> '' THEN t.company_no ELSE t.no END), 'None')"
)
_OVERDUE = _ledger("remaining_amt_lcy", " AND e.open = 1 AND e.due_date < :today")

_BY_FIELD: dict[tuple[str, str], Callable[[str], str]] = {
    ("Customer", "Balance Due"): _OVERDUE,
    ("Customer", "Balance Due (LCY)"): _OVERDUE,
    ("Customer", "Balance (LCY)"): _ledger("remaining_amt_lcy"),
    ("Customer", "Sales (LCY)"): _ledger("sales_lcy"),
    ("Vendor", "Balance (LCY)"): _fixed("0"),
    ("Contact", "Company Name"): _fixed(f"coalesce({_COMPANY_CONTACT.format('c.name')}, '')"),
    ("Contact", "Contact Business Relation"): _fixed(_BUSINESS_RELATION),
    ("Contact", "Date of Last Interaction"): _fixed("'0001-01-01'"),
}
_BY_PROPERTY: dict[tuple[str, str], Callable[[str], str]] = {
    ("Company Information", "currencyCode"): _fixed(LOCAL_CURRENCY),
    ("Company Information", "currentFiscalYearStartDate"): lambda today: f"'{today[:4]}-01-01'",
    ("Company Information", "experience"): _fixed("'Premium'"),
    ("Customer", "taxAreaDisplayName"): _fixed("''"),
    ("Item", "inventory"): _fixed(
        "coalesce((SELECT sum(e.quantity) FROM bc_item_ledger_entry e WHERE e.item_no = t.no), 0)"
    ),
}


def register_field(table: str, field: str, build: Callable[[str], str]) -> None:
    """Rules modules add calculated fields of their tables; ``build`` gets today's date as text."""
    _BY_FIELD[table, field] = build


def register_property(table: str, name: str, build: Callable[[str], str]) -> None:
    _BY_PROPERTY[table, name] = build


_FILTERS: dict[str, str] = {}


def register_filter(entity_set: str, condition: str) -> None:
    """A restriction of a page that is no plain equation."""
    _FILTERS[entity_set] = condition


def page_filter(entity_set: str) -> str | None:
    return _FILTERS.get(entity_set)


def fixed(sql: str) -> Callable[[str], str]:
    """A calculation that does not depend on the date."""
    return _fixed(sql)


@lru_cache(maxsize=8192)
def _binding(service: str, entity_set: str, name: str, today: str) -> Binding:
    schema = load_schema()
    page = schema.services[service][entity_set]
    table = schema.tables[page.table]
    prop = page.properties[name]
    kind = _KINDS.get(prop.kind, prop.kind)
    scale = decimal_scale(prop.field) if kind == "decimal" else 0
    sql, column = _source(page, table, prop, today)
    return Binding(sql, kind, scale, column)  # type: ignore[arg-type]


def binding(page: Page, prop: Property, today: str) -> Binding:
    return _binding(page.service, page.entity_set, prop.name, today)


def derived_id(table: str, code_sql: str) -> str:
    """The id of the row of ``table`` whose first key field equals ``code_sql``, all zeros when there is none."""
    target = load_schema().tables[table]
    return (
        f"coalesce((SELECT x.system_id FROM {target.sql_name} x"  # noqa: S608
        f" WHERE x.{target.key_columns[0]} = {code_sql}), '{ZERO_GUID}')"
    )


def _source(page: Page, table: BaseTable, prop: Property, today: str) -> tuple[str, str | None]:
    special = _BY_PROPERTY.get((page.entity_set, prop.name)) or _BY_PROPERTY.get((page.table, prop.name))
    if special is None and prop.field is not None:
        special = _BY_FIELD.get((page.table, prop.field))
    if special is not None:
        return _as_expression(special(today)), None
    if prop.field is None:
        return _as_expression("0" if prop.kind in ("decimal", "integer", "bigint", "boolean") else "''"), None
    if prop.field == "SystemRowVersion":
        return "t._version", None
    if prop.field in table.derived_ids:
        derived = table.derived_ids[prop.field]
        return derived_id(derived.table, f't."{table.column(derived.code_field)}"'), None
    if prop.field not in table.fields:
        return _as_expression("0" if prop.kind in ("decimal", "integer", "boolean") else "''"), None
    column = table.column(prop.field)
    if prop.local_currency and page.is_api:
        return f"(CASE t.{column} WHEN '' THEN {LOCAL_CURRENCY} ELSE t.{column} END)", column
    return f't."{column}"', column


def _as_expression(sql: str) -> str:
    """SQLite takes a bare number in ORDER BY for a column's position."""
    return f"CAST({sql} AS INTEGER)" if sql.isdigit() else f"({sql})"


def is_writable(page: Page, prop: Property) -> bool:
    """Whether a write of the property can have an effect at all; calculated ones are refused."""
    if prop.read_only:
        return False
    table = load_schema().tables[page.table]
    if prop.field is not None and prop.field in table.derived_ids:
        return True
    if (page.table, prop.name) in _WRITABLE_CALCULATIONS or (page.entity_set, prop.name) in _WRITABLE_CALCULATIONS:
        return True
    return binding(page, prop, "2000-01-01").column is not None


_WRITABLE_CALCULATIONS: set[tuple[str, str]] = set()


def register_writable(table: str, name: str) -> None:
    """A calculated property that a rule module takes writes of (items.inventory, salesOrders.partialShipping)."""
    _WRITABLE_CALCULATIONS.add((table, name))


__all__ = ["LOCAL_CURRENCY", "Binding", "binding", "derived_id", "fixed", "is_writable", "sql_table_name"]
