"""Posted sales invoices: the header, and in which order its lines and its state follow.

The header comes first; what follows are steps: prices that the invoice's list lacks, the lines, their amounts where
Sales does not calculate them, and at last the state that follows from what is left to pay. An invoice that is not
active in Sales is read-only; only its state goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP
from typing import Any
from uuid import UUID

from connector.choices import SalesOrderIntegration, System
from connector.errors import ErrorKind
from connector.models import Connection
from coupling.models import BusinessCentralRecord, Coupling, SalesRecord, TableMapping
from syncjobs.choices import OperationKind
from syncjobs.engine import bodies
from syncjobs.engine.blueprint import COMPANY_READ, COMPANY_WRITE, Blueprint
from syncjobs.engine.invoice_lines import lines_of
from syncjobs.engine.keys import derived_key, key_array
from syncjobs.engine.lookups import Lookups, load_local_currency, load_role
from syncjobs.engine.references import Role
from syncjobs.engine.results import Problem, not_coupled
from syncjobs.engine.rules.base import Extra, Leave, Refusal, TableRule, common_extras, register
from syncjobs.engine.rules.invoice_rows import (
    CENT,
    DETAILS,
    LINES_MAPPING,
    PRODUCT_LINES,
    PRODUCT_ROWS,
    TOTALS,
    amounts_of,
    code_of,
    decimal_of,
    line_key,
    line_values,
    new_line,
    product_of,
    rounding_line,
    totals_of,
)
from syncjobs.engine.rules.orders import CUSTOMER_READ, INVOICE_PROPERTIES, ORDERS_MAPPING, orders_of
from syncjobs.engine.rules.price_rows import (
    CURRENCY_READ,
    ITEM_PROPERTIES,
    ITEMS_TABLE,
    LIST_PROPERTIES,
    LISTS_TABLE,
    find_default_list,
    list_item,
    load_items,
    new_item,
)
from syncjobs.engine.rules.unit_rows import UNIT_PROPERTIES, UNITS_TABLE, load_units
from syncjobs.engine.views import PairView, RecordView
from syncjobs.engine.writes import PlannedWrite

SALES = System.SALES
ACTIVE, BILLED = 0, (0, 4)
PAID, COMPLETE, PARTIAL, CANCELED = 2, (2, 100001), (2, 100002), (3, 100003)
LIST_READ, LIST_WRITE = "_pricelevelid_value", "pricelevelid@odata.bind"
_CUSTOMER_WRITE = "customerid_account@odata.bind"
_ORDER_READ, _ORDER_WRITE = "_salesorderid_value", "salesorderid@odata.bind"
_OPPORTUNITY_READ, _OPPORTUNITY_WRITE = "_opportunityid_value", "opportunityid@odata.bind"
_CALCULATES = "oobpricecalculationenabled"
_LINES, _ACCOUNTS, _BLOCKED, _BLUEPRINT = "lines", "accounts", "blocked", "line_blueprint"
_DETAILS, _LISTS, _ORDERS, _METHODS, _GIVEN = "details", "lists", "orders", "methods", "given"
_WITHOUT_ORDERS = "without_orders"
_LIST_IN = "Price List in {}"


@register("POSTEDSALESINV-INV")
class PostedInvoiceRule(TableRule):
    has_steps = True
    reads_invoice_lines = True
    looks_at = (ORDERS_MAPPING,)
    # A cancelled invoice is outside, and Sales has to learn it.
    beyond_filter = True
    sales_tables = {
        DETAILS: ("_invoiceid_value", "baseamount", "extendedamount"),
        UNITS_TABLE: UNIT_PROPERTIES,
        LISTS_TABLE: LIST_PROPERTIES,
        ITEMS_TABLE: ITEM_PROPERTIES,
        "products": ("productnumber", "_defaultuomid_value", "_defaultuomscheduleid_value"),
        "organizations": (_CALCULATES,),
    }

    def properties(self, system: System) -> frozenset[str]:
        if system == SALES:
            return frozenset({"name", "statecode", "statuscode", LIST_READ, CUSTOMER_READ, CURRENCY_READ, *TOTALS})
        amounts = {"remainingAmount", "totalAmountExcludingTax", "totalAmountIncludingTax", "discountAmount"}
        amounts |= {"pricesIncludeTax", "postingDate", "shipmentMethodId"}
        return frozenset({"status", "customerId", "number", "currencyCode", *amounts, *INVOICE_PROPERTIES})

    def prerequisites(self, blueprint: Blueprint, connection: Connection) -> Sequence[PlannedWrite]:
        """A price list for each foreign currency that an invoice is in; the local one's is the products'."""
        currencies = {
            str(code or "").upper()
            for code in BusinessCentralRecord.objects.of_table(connection.pk, blueprint.bc_table)
            .alive()
            .values_list("values__currencyCode", flat=True)
            .distinct()
        } - {"", blueprint.facts.local_currency}
        lookups = Lookups()
        for code in currencies:
            lookups.want_number(Role.CURRENCY, code)
        load_role(Role.CURRENCY, lookups, connection)
        known = set(
            SalesRecord.objects.of_table(connection.pk, LISTS_TABLE)
            .alive()
            .filter(values__name__in=[_LIST_IN.format(code) for code in currencies])
            .values_list("values__name", flat=True)
        )
        return [
            _new_list(blueprint, code, key)
            for code in sorted(currencies)
            if _LIST_IN.format(code) not in known and (key := lookups.sales_key(Role.CURRENCY, code))
        ]

    def load(self, blueprint: Blueprint, lookups: Lookups, connection: Connection, rows: Sequence[RecordView]) -> None:
        """Customers, lines, products and their units, price lists: a fixed number of queries."""
        extra = lookups.extra
        load_local_currency(lookups, connection)
        lines = extra[_LINES] = lines_of(connection, [row.key for row in rows])
        customers = {str(row.values.get("customerId") or "").lower() for row in rows} - {""}
        coupled = Coupling.objects.filter(connection=connection)
        keys = key_array(map(UUID, customers))
        extra[_ACCOUNTS] = _texts(coupled.filter(mapping__name="CUSTOMER", bc_key__in=keys))
        numbers = {
            code_of(values.get("lineObjectNumber"))
            for each in lines.values()
            for _, values in each
            if values.get("lineType") in PRODUCT_LINES
        }
        for number in numbers:
            lookups.want_number(Role.PRODUCT, number)
        load_role(Role.PRODUCT, lookups, connection)
        products = {key for number in numbers if (key := lookups.sales_key(Role.PRODUCT, number))}
        found = SalesRecord.objects.of_table(connection.pk, "products").filter(key__in=key_array(map(UUID, products)))
        extra[PRODUCT_ROWS] = {str(key): values for key, values in found.values_list("key", "values")}
        groups = {
            str(values.get("_defaultuomscheduleid_value") or "").lower() for values in extra[PRODUCT_ROWS].values()
        }
        load_units(lookups, connection, groups - {""})
        items = BusinessCentralRecord.objects.filter(
            connection=connection, table__in=("items", "resources"), number__in=numbers, values__blocked=True
        )
        extra[_BLOCKED] = {code_of(number) for number in items.values_list("number", flat=True)}
        self._load_lists(lookups, connection, products, rows)
        self._load_orders(lookups, connection, rows)
        mapping = TableMapping.objects.filter(connection=connection, name=LINES_MAPPING, enabled=True).first()
        extra[_BLUEPRINT] = Blueprint.of(mapping) if mapping is not None else None
        wanted = [line_key(blueprint, key) for each in lines.values() for key, _ in each]
        wanted += [line_key(blueprint, invoice) for invoice in lines]
        details = SalesRecord.objects.of_table(connection.pk, DETAILS).alive().filter(key__in=key_array(wanted))
        extra[_DETAILS] = dict(details.values_list("key", "values"))
        settings = SalesRecord.objects.of_table(connection.pk, "organizations").values_list("values", flat=True)
        extra[_WITHOUT_ORDERS] = connection.sales_order_integration == SalesOrderIntegration.NONE
        extra[_CALCULATES] = all(row.get(_CALCULATES, True) for row in settings)

    def _load_lists(
        self, lookups: Lookups, connection: Connection, products: set[str], rows: Sequence[RecordView]
    ) -> None:
        names = {_LIST_IN.format(code_of(row.values.get("currencyCode"))) for row in rows}
        found = SalesRecord.objects.of_table(connection.pk, LISTS_TABLE).alive().filter(values__name__in=names)
        lists = {name.rpartition(" ")[2]: str(key) for key, name in found.values_list("key", "values__name")}
        if default := find_default_list(connection, lookups):
            lists[lookups.local_currency] = lists[""] = default
        lookups.extra[_LISTS] = lists
        load_items(lookups, connection, products, set(lists.values()))

    def _load_orders(self, lookups: Lookups, connection: Connection, rows: Sequence[RecordView]) -> None:
        """Sales orders of the invoices, and the names of shipment methods."""
        lookups.extra[_ORDERS] = orders_of(connection, rows, lookups.extra[_ACCOUNTS])
        methods = BusinessCentralRecord.objects.of_table(connection.pk, "shipmentMethods")
        lookups.extra[_METHODS] = {str(key): name for key, name in methods.values_list("key", "name")}

    def refuse(
        self, blueprint: Blueprint, target: System, source: RecordView, lookups: Lookups, *, coupled: bool
    ) -> Refusal | Problem | None:
        if target != SALES or coupled:
            return None
        customer = str(source.values.get("customerId") or "").lower()
        account = lookups.extra[_ACCOUNTS].get(customer)
        if account is None:
            number = str(source.values.get("customerNumber") or source.name or customer)
            return not_coupled(noun="customer", number=number, partner="account", mapping="CUSTOMER")
        _, order = lookups.extra[_ORDERS].get(source.key, ("", {}))
        ordered_by = str(order.get(CUSTOMER_READ) or "").lower()
        if ordered_by and ordered_by != account:
            return _problem("order_customer", source, "{0} is for another customer than its order in Sales.")
        lines = lookups.extra[_LINES].get(source.key, [])
        if not lines:
            return _problem("no_lines", source, "The lines of the invoice {0} cannot be read yet.")
        for _, line in lines:
            if line.get("lineType") in PRODUCT_LINES and (problem := self._product_problem(source, line, lookups)):
                return problem
        return None

    def _product_problem(self, source: RecordView, line: Mapping[str, Any], lookups: Lookups) -> Problem | None:
        number = code_of(line.get("lineObjectNumber"))
        if number in lookups.extra[_BLOCKED]:
            return Problem(
                kind=ErrorKind.DEPENDENCY,
                code="engine.product_blocked",
                message=f"{number} on the invoice {source.number} is blocked in Business Central.",
                hint="Unblock the item or resource until the invoice is in Sales.",
                value=number,
                details={"mapping": "ITEM-PRODUCT", "number": number},
            )
        place = product_of(line, lookups)
        return place if isinstance(place, Problem) else None

    def keep(self, blueprint: Blueprint, target: System, record: RecordView) -> Refusal | Problem | None:
        if target == SALES and record.values.get("statecode", ACTIVE) != ACTIVE:
            return Refusal(Leave.SKIPPED, "invoice_closed")
        return None

    def extras(
        self,
        blueprint: Blueprint,
        target: System,
        bc: RecordView | None,
        sales: RecordView | None,
        lookups: Lookups,
    ) -> list[Extra] | Problem:
        found = common_extras(blueprint, target, sales)
        if target != SALES or bc is None or sales is not None:
            return found
        account = lookups.extra[_ACCOUNTS][str(bc.values.get("customerId") or "").lower()]
        order_key, order = lookups.extra[_ORDERS].get(bc.key, ("", {}))
        name = str(order.get("name") or bc.number)
        found.append(Extra(_CUSTOMER_WRITE, f"/accounts({account})", CUSTOMER_READ, account))
        found.append(Extra("name", name, "name", name))
        price_list = str(order.get(LIST_READ) or "") or _list_of(bc, lookups)
        if price_list:
            found.append(Extra(LIST_WRITE, f"/pricelevels({price_list})", LIST_READ, price_list))
        if order_key:
            found.append(Extra(_ORDER_WRITE, f"/salesorders({order_key})", _ORDER_READ, order_key))
        if opportunity := str(order.get(_OPPORTUNITY_READ) or ""):
            write = f"/opportunities({opportunity})"
            found.append(Extra(_OPPORTUNITY_WRITE, write, _OPPORTUNITY_READ, opportunity))
        shipped = max((str(line.get("shipmentDate") or "") for _, line in lookups.extra[_LINES][bc.key]), default="")
        if shipped <= "0001-01-01":
            shipped = str(bc.values.get("postingDate") or "")
        if shipped:
            found.append(Extra("datedelivered", f"{shipped}T00:00:00Z", "datedelivered", f"{shipped}T00:00:00Z"))
        method = lookups.extra[_METHODS].get(str(bc.values.get("shipmentMethodId") or "").lower())
        if method:
            found.append(Extra("description", method, "description", method))
        return found

    def steps(self, blueprint: Blueprint, pair: PairView, lookups: Lookups) -> Sequence[PlannedWrite] | Problem:
        if pair.bc is None or pair.sales is None:
            return ()
        state = pair.sales.values.get("statecode", ACTIVE)
        if state == ACTIVE:
            lines = self._line_steps(blueprint, pair.bc, pair.sales, lookups)
            if isinstance(lines, Problem) or lines:
                return lines
            if totals := self._totals(pair.bc, pair.sales, lookups):
                return [_own_write(pair.bc, pair.sales, totals)]
        wanted = _state(pair.bc)
        current = (state, pair.sales.values.get("statuscode"))
        if current == wanted:
            return ()
        # A closed invoice has to be opened before it can get another final state.
        reached = wanted if state == ACTIVE or wanted == BILLED else BILLED
        return [_own_write(pair.bc, pair.sales, {"statecode": reached[0], "statuscode": reached[1]})]

    def _totals(self, bc: RecordView, sales: RecordView, lookups: Lookups) -> dict[str, Any]:
        if lookups.extra[_CALCULATES]:
            return {}
        lines = lookups.extra[_LINES].get(bc.key, [])
        return totals_of(bc, sales, lines, with_line_discounts=lookups.extra[_WITHOUT_ORDERS])

    def _line_steps(
        self, blueprint: Blueprint, bc: RecordView, sales: RecordView, lookups: Lookups
    ) -> list[PlannedWrite] | Problem:
        lines, lined = lookups.extra[_LINES].get(bc.key, []), lookups.extra[_BLUEPRINT]
        if lined is None:
            return []
        details: Mapping[UUID, Mapping[str, Any]] = lookups.extra[_DETAILS]
        prices: dict[UUID, PlannedWrite] = {}
        missing: list[PlannedWrite] = []
        amounts: list[PlannedWrite] = []
        net = bool(bc.values.get("pricesIncludeTax"))
        for key, values in lines:
            record_id, title = line_key(blueprint, key), f"{bc.number}, line {values.get('sequence')}"
            carried = line_values(values, sales.key, net=net)
            if record_id not in details:
                source = RecordView(key, values=carried)
                body = bodies.create_body(lined, SALES, source, lookups)
                if isinstance(body, Problem):
                    return body
                missing.append(new_line(record_id, body.after, body.sales_base, title))
                if price := self._price(blueprint, sales, values, lookups, title):
                    prices.setdefault(price.record_id or record_id, price)
            elif not lookups.extra[_CALCULATES] and (
                amount := amounts_of(record_id, carried, details[record_id], title)
            ):
                amounts.append(amount)
        if net and (rounding := rounding_line(blueprint, bc, sales, lines)) and rounding.record_id not in details:
            missing.append(rounding)
        return list(prices.values()) or missing or amounts

    def _price(
        self, blueprint: Blueprint, sales: RecordView, line: Mapping[str, Any], lookups: Lookups, title: str
    ) -> PlannedWrite | None:
        """The item of the invoice's price list for a line's product, where the list has none."""
        price_list = str(sales.values.get(LIST_READ) or "").lower()
        price = decimal_of(line.get("unitPrice"))
        if line.get("lineType") not in PRODUCT_LINES or not price_list or price <= 0:
            return None
        if price_list not in lookups.extra[_LISTS].values():
            return None
        place = product_of(line, lookups)
        if isinstance(place, Problem) or list_item(lookups, price_list, place[0], place[1].key) is not None:
            return None
        given: set[tuple[str, str, str]] = lookups.extra.setdefault(_GIVEN, set())
        if (price_list, place[0], place[1].key) in given:
            return None
        given.add((price_list, place[0], place[1].key))
        amount = price.quantize(CENT, ROUND_HALF_UP)
        return new_item(blueprint.facts.slug, price_list, place[0], place[1], amount, title)


def _own_write(bc: RecordView, sales: RecordView, values: Mapping[str, Any]) -> PlannedWrite:
    """A step that writes the invoice itself."""
    return PlannedWrite(
        SALES,
        OperationKind.UPDATE,
        record_id=sales.key,
        before={name: sales.values.get(name) for name in values},
        after=values,
        sales_base=values,
        title=bc.title,
    )


def _state(bc: RecordView) -> tuple[int, int]:
    if bc.values.get("status") in ("Canceled", "Corrective"):
        return CANCELED
    remaining, total = (
        decimal_of(bc.values.get("remainingAmount")),
        decimal_of(bc.values.get("totalAmountIncludingTax")),
    )
    if not remaining:
        return COMPLETE
    return BILLED if remaining == total else PARTIAL


def _list_of(bc: RecordView, lookups: Lookups) -> str:
    found: str = lookups.extra[_LISTS].get(code_of(bc.values.get("currencyCode")), "")
    return found


def _new_list(blueprint: Blueprint, code: str, currency: str) -> PlannedWrite:
    name = _LIST_IN.format(code)
    after = {"name": name, "transactioncurrencyid@odata.bind": f"/transactioncurrencies({currency})"}
    base: dict[str, Any] = {"name": name, CURRENCY_READ: currency, "statecode": 0}
    if blueprint.facts.company_row:
        after[COMPANY_WRITE] = f"/bcbi_companies({blueprint.facts.company_row})"
        base[COMPANY_READ] = blueprint.facts.company_row
    return PlannedWrite(
        SALES,
        OperationKind.CREATE,
        record_id=derived_key(blueprint.facts.slug, LISTS_TABLE, name, 0),
        after=after,
        sales_base=base,
        title=name,
        table=LISTS_TABLE,
        is_step=True,
    )


def _problem(code: str, source: RecordView, sentence: str) -> Problem:
    return Problem(
        kind=ErrorKind.DATA,
        code=f"engine.invoice_{code}",
        message=sentence.format(source.number),
        hint="Nothing was written; the next run tries again.",
        value=source.number,
    )


def _texts(couplings: Any) -> dict[str, str]:
    return {str(bc_key): str(sales_key) for bc_key, sales_key in couplings.values_list("bc_key", "sales_key")}
