"""The lines of a document in Business Central: products, write-ins, comment lines, freight. Pure."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from connector.choices import System
from syncjobs.documents.amounts import amount, line_discount, plain, rounded
from syncjobs.documents.choices import DocumentKind
from syncjobs.documents.descriptions import split_description
from syncjobs.documents.facts import Facts, Product
from syncjobs.documents.models import SalesDocument, key_of
from syncjobs.documents.problems import SETUP, Fix, Problem, couple, in_business_central, in_sales, record_of

BC, SALES = System.BUSINESS_CENTRAL, System.SALES
STEP = 10_000
FREIGHT = "Freight Amount"
_INVENTORY, _SERVICE = 1, 3
_TYPES = {_INVENTORY: "Item", _SERVICE: "Resource"}
_STATES = {0: "Active", 1: "Retired", 2: "Draft", 3: "Under Revision"}
_ACTIVE = 0


class LineBuilder:
    """Builds `lines` with their `sources`; what stops them goes to `problems`, one per product and reason."""

    def __init__(self, document: SalesDocument, facts: Facts, customer: UUID | None) -> None:
        self.document, self.facts, self.customer = document, facts, customer
        self.precision = facts.precision_of(document)
        self.is_order = document.kind == DocumentKind.ORDER
        self.lines: list[dict[str, Any]] = []
        self.sources: list[str] = []
        self.gross: dict[int, dict[str, Any]] = {}
        self.expected: dict[int, Decimal] = {}
        self.labels: dict[int, str] = {}
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        self.first = 0
        self._told: set[tuple[str, str]] = set()

    def build(self) -> None:
        for line in sorted(self.document.lines, key=_order):
            self._add_line(line)
        self._add_freight()

    def build_more(self, lines: list[dict[str, Any]], *, after: int) -> None:
        """Some lines alone, numbered behind those that are there."""
        self.first = after // STEP
        for line in sorted(lines, key=_order):
            self._add_line(line)

    def _add_line(self, line: dict[str, Any]) -> None:
        write_in = line["_productid_value"] is None
        product = self._write_in() if write_in else self._product(line)
        if product is None:
            return
        text = str(line["description"] or "").rstrip("\r\n") or str(line["productdescription"] or "")
        description, comments = split_description(
            text, main=product.bc_name, write_in=write_in, always=not self.is_order
        )
        quantity, price = amount(line["quantity"]), amount(line["priceperunit"])
        discount = line_discount(line, self.precision)
        sequence = self._next()
        body: dict[str, Any] = {"sequence": sequence, "lineType": product.line_type}
        if product.line_type == "Item" and product.bc_key:
            body["itemId"] = str(product.bc_key)
        else:
            body["lineObjectNumber"] = product.bc_number
        if write_in and description:
            body["description"] = description
        if not write_in and (unit := self._unit(line, product)):
            body["unitOfMeasureCode"] = unit
        body |= {"quantity": plain(quantity), "unitPrice": plain(price), "discountAmount": plain(discount)}
        self._append(body, str(line["id"]))
        self.expected[sequence] = rounded(quantity * price, self.precision) - discount
        self.labels[sequence] = f"{product.bc_number} {product.bc_name}".strip()
        if self._is_gross(product):
            self.gross[sequence] = {"price": price, "discount": discount, "quantity": quantity}
        for comment in comments:
            self._append({"sequence": self._next(), "lineType": "Comment", "description": comment}, str(line["id"]))

    def _add_freight(self) -> None:
        freight = amount(self.document.values.get("freightamount"))
        if freight <= 0:
            return
        account = self.facts.setup.freight_account
        if not account:
            self._problem(
                "freight.no_account",
                f"Freight G/L Acc. No. is empty, but {self.document} has a freight amount.",
                "Enter the account in Sales & Receivables Setup.",
                record_of(BC, "salesReceivablesSetups", "", "Freight G/L Acc. No."),
                SETUP,
            )
            return
        sequence = self._next()
        body = {
            "sequence": sequence, "lineType": "Account", "lineObjectNumber": account, "description": FREIGHT,
            "quantity": Decimal(1), "unitPrice": plain(freight), "discountAmount": Decimal(0),
        }  # fmt: skip
        self._append(body, "freight")
        self.expected[sequence] = rounded(freight, self.precision)

    def _next(self) -> int:
        return STEP * (self.first + len(self.lines) + 1)

    def _append(self, body: dict[str, Any], source: str) -> None:
        self.lines.append(body)
        self.sources.append(source)

    def _problem(self, code: str, message: str, hint: str, record: Any, fix: Fix | None) -> None:
        if (code, record.id) not in self._told:
            self._told.add((code, record.id))
            self.problems.append(Problem(code, message, hint, record, fix))

    def _write_in(self) -> Product | None:
        setup = self.facts.setup
        record = record_of(BC, "salesReceivablesSetups", "", "Write-in Product No.")
        if not setup.write_in_no:
            self._problem(
                "write_in.not_set", f"{self.document} has a line without a product, but no write-in product is set.",
                "Enter Write-in Product No. in Sales & Receivables Setup.", record, SETUP,
            )  # fmt: skip
            return None
        product = self.facts.write_in
        if product is None:
            self._problem(
                "write_in.gone", f"The write-in product {setup.write_in_no} does not exist in Business Central.",
                "Enter another Write-in Product No. in Sales & Receivables Setup.", record, SETUP,
            )  # fmt: skip
            return None
        if self.facts.write_in_coupled_to:
            self._problem(
                "write_in.coupled", f"The write-in product {setup.write_in_no} is coupled to a Sales product.",
                "Uncouple it, or choose another write-in product.", record, SETUP,
            )  # fmt: skip
            return None
        if product.blocked:
            self._blocked(product, product.name)
            return None
        return product

    def _product(self, line: dict[str, Any]) -> Product | None:
        key = key_of(line["_productid_value"])
        named = line.get("names", {}).get("_productid_value") or line["productname"] or key
        record = record_of(SALES, "products", key or "", str(named))
        product = self.facts.products.get(key) if key else None
        if product is None:
            self._problem(
                "product.gone", f"The product {named} no longer exists in Sales.", "Replace the line.", record, None
            )
            return None
        ok = True
        if product.state != _ACTIVE:
            state = _STATES.get(product.state, str(product.state))
            self._problem(
                "product.not_active", f"The product {product.name} must be Active, but it is {state}.",
                "Publish the product in Sales, or replace the line.", record, in_sales(record, "product"),
            )  # fmt: skip
            ok = False
        if product.type_code not in _TYPES:
            self._problem(
                "product.type",
                f"The product {product.name} has the wrong type: only Sales Inventory and Services can be transferred.",
                "Change the type of the product in Sales, or replace the line.", record, in_sales(record, "product"),
            )  # fmt: skip
            return None
        kind = "a resource" if product.type_code == _SERVICE else "an item"
        if not product.coupled or product.line_type != _TYPES[product.type_code]:
            self._problem(
                "product.not_coupled", f"The product {product.name} is not coupled to {kind}.",
                f"Couple it with {kind}.",
                record, couple(record),
            )  # fmt: skip
            return None
        if not product.bc_number:
            self._problem(
                "product.partner_gone",
                f"The {kind.split()[1]} that the product {product.name} is coupled to no longer exists.",
                "Uncouple the product and couple it again.", record, couple(record, "Open the coupling"),
            )  # fmt: skip
            return None
        if product.blocked:
            self._blocked(product, f"{product.bc_number} {product.bc_name}")
            ok = False
        return product if ok else None

    def _blocked(self, product: Product, name: str) -> None:
        table = "items" if product.line_type == "Item" else "resources"
        record = record_of(BC, table, product.bc_key or "", name)
        self._problem(
            "product.blocked", f"The {product.line_type.lower()} {name} is blocked in Business Central.",
            "Unblock it, or replace the line.", record, in_business_central(record, product.bc_number),
        )  # fmt: skip

    def _unit(self, line: dict[str, Any], product: Product) -> str:
        key = key_of(line["_uomid_value"])
        name = str(line.get("names", {}).get("_uomid_value") or "")
        if key is None:
            return ""
        if not self.facts.unit_groups:
            if name and product.unit and name.casefold() != product.unit.casefold():
                self.warnings.append(
                    f"The unit {name} of {product.name} is ignored: Business Central's own unit {product.unit} is used."
                )
            return ""
        candidates = self.facts.units.get(key, [])
        mine = [unit for unit in candidates if unit.product_number == product.bc_number] or candidates
        record = record_of(SALES, "uoms", key, f"{name} of {product.name}")
        if not mine:
            self._problem(
                "unit.not_coupled", f"The unit {name} of the product {product.name} is not coupled.",
                "Synchronise the units of the item, or couple the unit by hand.", record, couple(record),
            )  # fmt: skip
            return ""
        if mine[0].gone:
            self._problem(
                "unit.gone", f"The unit that {name} of the product {product.name} is coupled to no longer exists.",
                "Uncouple the unit and couple it again.", record, couple(record, "Open the coupling"),
            )  # fmt: skip
            return ""
        return mine[0].code

    def _is_gross(self, product: Product) -> bool:
        """Whether the Sales price of an item includes the VAT of this customer; on orders only."""
        if not (self.is_order and product.price_includes_tax and product.bc_key and self.customer):
            return False
        theirs, group = self.facts.tax_groups.get(self.customer), self.facts.item_tax_groups.get(product.bc_key)
        if theirs is None or group is None:
            self.warnings.append(
                f"The price of {product.name} may include VAT; Business Central does not say for which customers."
            )
            return False
        return group == theirs


def _order(line: dict[str, Any]) -> tuple[int, int]:
    return line.get("sequencenumber") or 0, line.get("lineitemnumber") or 0
