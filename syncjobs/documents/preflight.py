"""From a document and its facts to what will be written, with everything that stands in the way: pure, no I/O.

The same decision feeds the pages (what will become of an order, what is missing) and the transfer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from connector.choices import System
from syncjobs.documents.amounts import amount, header_discount
from syncjobs.documents.choices import DocumentKind, OrderState
from syncjobs.documents.facts import Facts
from syncjobs.documents.lines import LineBuilder
from syncjobs.documents.models import SalesDocument, key_of
from syncjobs.documents.problems import Fix, Problem, couple, in_business_central, in_sales, record_of
from syncjobs.engine.blueprint import COMPANY_READ

BC, SALES = System.BUSINESS_CENTRAL, System.SALES
CUSTOMER_TYPE_CODE = 3
EXTERNAL_NUMBER_LENGTH = 35
_NOT_BLOCKED = ("", " ", "_x0020_")
_SIX = ("line1", "line2", "postalcode", "city", "stateorprovince", "country")
_SHIP_TO = {
    # Post code before city: each may fill in the other.
    "line1": ("shipToAddressLine1", 100), "line2": ("shipToAddressLine2", 50), "postalcode": ("shipToPostCode", 20),
    "city": ("shipToCity", 30), "stateorprovince": ("shipToState", 30), "country": ("shipToCountry", 10),
}  # fmt: skip
_BILL_TO = {
    "line1": ("billToAddress", 100), "line2": ("billToAddress2", 50), "postalcode": ("billToPostCode", 20),
    "city": ("billToCity", 30), "stateorprovince": ("billToCounty", 30), "country": ("billToCountryRegionCode", 10),
}  # fmt: skip


@dataclass(slots=True)
class Prepared:
    """What a transfer would write, and what stops it.

    `header` and `lines` are bodies in the order in which Business Central shall check them; `sources` are the Sales
    lines that `lines` come from. `further` are header fields that only a page takes. `gross` are lines whose price
    still includes tax. `expected` is what Sales says the lines (by sequence) and the document come to; `labels` say
    in words what the lines sell.
    """

    document: SalesDocument
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    omissions: list[str] = field(default_factory=list)
    customer: Mapping[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    discount: Decimal | None = None
    further: dict[str, Any] = field(default_factory=dict)
    work_description: str = ""
    gross: dict[int, dict[str, Any]] = field(default_factory=dict)
    expected_lines: dict[int, Decimal] = field(default_factory=dict)
    labels: dict[int, str] = field(default_factory=dict)
    expected_total: Decimal = Decimal(0)

    def plan(self) -> dict[str, Any]:
        """What the document's row keeps of it."""
        return {
            "header": self.header,
            "lines": self.lines,
            "sources": self.sources,
            "discount": self.discount,
            "further": self.further,
            "work_description": self.work_description,
            "gross": {str(sequence): values for sequence, values in self.gross.items()},
            "expected_lines": {str(sequence): value for sequence, value in self.expected_lines.items()},
            "expected_total": self.expected_total,
            "labels": {str(sequence): label for sequence, label in self.labels.items()},
            "customer": f"{self.customer['number']} {self.customer['displayName']}" if self.customer else "",
        }


def prepare(document: SalesDocument, facts: Facts) -> Prepared:
    """The whole decision for one order or quote; state and coupling are the caller's to check."""
    return _Preparation(document, facts).run()


def state_problem(document: SalesDocument) -> Problem | None:
    """Why the document is not for transfer by what Sales says of it; None where it is."""
    record = record_of(SALES, "salesorders", document.sales_key, document.number)
    entity = "salesorder"
    if document.sales_gone:
        return Problem("order.gone", f"{document} no longer exists in Sales.", record=record)
    if document.sales_state != OrderState.SUBMITTED:
        return Problem(
            "order.not_submitted",
            f"The status of {document} must be Submitted, but it is {document.state_choice.label}.",
            "Submit the order in Sales, then try again.",
            record,
            in_sales(record, entity),
        )
    if document.handed_over is not None and document.coupling_id is None:
        return Problem(
            "order.handed_over",
            f"{document} was handed over on {document.handed_over.isoformat()}, but no order of it is known.",
            "Find the order in Business Central and couple the two, or clear the stamp in Sales to create a new one.",
            record,
            Fix("Find and couple", "sales-order-detail", {"key": str(document.sales_key)}),
        )
    return None


class _Preparation:
    def __init__(self, document: SalesDocument, facts: Facts) -> None:
        self.document, self.facts, self.values = document, facts, document.values
        self.result = Prepared(document)
        self.is_order = document.kind == DocumentKind.ORDER
        self.table, self.entity = ("salesorders", "salesorder") if self.is_order else ("quotes", "quote")
        self.own_record = record_of(SALES, self.table, document.sales_key, document.number or document.name)

    def run(self) -> Prepared:
        result = self.result
        self._company()
        self._customer()
        self._references()
        self._currency()
        self._dates()
        self._terms()
        self._ship_to()
        self._bill_to()
        builder = LineBuilder(self.document, self.facts, result.customer.get("key"))
        builder.build()
        result.lines, result.sources = builder.lines, builder.sources
        result.gross, result.expected_lines, result.labels = builder.gross, builder.expected, builder.labels
        result.problems += builder.problems
        result.warnings += builder.warnings
        if not self.document.lines:
            result.warnings.append(f"The {self.document.kind} has no lines; a document with a header only is created.")
        self._discount()
        result.expected_total = amount(self.values.get("totalamountlessfreight")) + max(
            amount(self.values.get("freightamount")), Decimal(0)
        )
        return result

    def _add(self, code: str, message: str, hint: str = "", record: Any = None, fix: Fix | None = None) -> None:
        self.result.problems.append(Problem(code, message, hint, record, fix))

    def _company(self) -> None:
        theirs = str(self.values.get(COMPANY_READ) or "")
        if theirs and self.facts.company_row and theirs.lower() != self.facts.company_row.lower():
            self._add(
                "document.other_company", f"{self.document} belongs to another Business Central company.",
                "Process it with that company's connection.", self.own_record, in_sales(self.own_record, self.entity),
            )  # fmt: skip

    def _customer(self) -> None:
        key = key_of(self.values.get("_customerid_value"))
        if key is None:
            self._add(
                "document.no_customer", f"{self.document} has no potential customer.", "Choose one in Sales.",
                self.own_record, in_sales(self.own_record, self.entity),
            )  # fmt: skip
            return
        account = self._account(key)
        if account is None:
            return
        values = self.facts.accounts[account]
        record = record_of(SALES, "accounts", account, str(values["name"] or ""))
        if values["customertypecode"] != CUSTOMER_TYPE_CODE:
            self._add(
                "account.not_customer", f"The account {record.name} is not of relationship type Customer.",
                "Set the relationship type of the account to Customer in Sales.", record, in_sales(record, "account"),
            )  # fmt: skip
        if account not in self.facts.customer_keys:
            self._not_coupled(account, record)
            return
        if COMPANY_READ not in self.values and account in self.facts.elsewhere:
            self._add(
                "document.several_companies",
                f"The account {record.name} is coupled in several companies, so it is not clear which one is meant.",
                "Couple the account in one company only, or install the base solution, which marks the company.",
                record,
            )  # fmt: skip
        customer = self.facts.customers.get(account)
        bc_key = self.facts.customer_keys[account]
        if customer is None:
            self._add(
                "customer.gone", f"The customer that the account {record.name} is coupled to no longer exists.",
                "Uncouple the account and couple it with another customer.", record,
                couple(record, "Open the coupling"),
            )  # fmt: skip
            return
        number = str(customer.values["number"])
        bc_record = record_of(BC, "customers", bc_key, f"{number} {customer.values['displayName']}")
        blocked = str(customer.values.get("blocked") or "")
        if blocked not in _NOT_BLOCKED:
            self._add(
                "customer.blocked", f"The customer {bc_record.name} is blocked ({blocked}) in Business Central.",
                "Unblock the customer, then try again.", bc_record, in_business_central(bc_record, number),
            )  # fmt: skip
        self.result.customer = {**customer.values, "key": bc_key, "account": record.name}
        self.result.header["customerId"] = str(bc_key)

    def _account(self, key: UUID) -> UUID | None:
        """The account the document is for: the customer, or the contact's parent."""
        names = self.values.get("names", {})
        if self.values.get("customerid_type") == "contact":
            contact = self.facts.contacts.get(key)
            parent = key_of(contact["_parentcustomerid_value"]) if contact else None
            record = record_of(SALES, "contacts", key, str(names.get("_customerid_value") or ""))
            if parent is None or parent not in self.facts.accounts:
                self._add(
                    "contact.no_account",
                    f"No account can be found for {self.document}: the contact {record.name} has none.",
                    "Give the contact a company in Sales.", record, in_sales(record, "contact"),
                )  # fmt: skip
                return None
            return parent
        if key not in self.facts.accounts:
            self._add(
                "account.gone", f"The account of {self.document} no longer exists in Sales.", record=self.own_record
            )
            return None
        return key

    def _not_coupled(self, account: UUID, record: Any) -> None:
        self._add(
            "account.not_coupled", f"The account {record.name} is not coupled to a Business Central customer.",
            "Couple it with a customer, or create the customer from it.", record,
            couple(record, "Couple or create customer"),
        )  # fmt: skip

    def _references(self) -> None:
        header = self.result.header
        header["externalDocumentNumber"] = self.document.name.strip()[:EXTERNAL_NUMBER_LENGTH].strip()
        if not header["externalDocumentNumber"] and self.facts.setup.external_number_mandatory:
            self.result.warnings.append(
                "The name is empty, but Business Central requires an External Document No. before posting."
            )
        self._further("yourReference", self.document.number[:EXTERNAL_NUMBER_LENGTH], "Your Reference")
        text = str(self.values.get("description") or "")
        if text and self.is_order and self.facts.work_description:
            self.result.work_description = text
        elif text:
            self.result.omissions.append(
                "The description was not transferred: the Work Description is on no page offered."
            )

    def _further(self, name: str, value: Any, label: str) -> None:
        if not value:
            return
        if self.facts.further_fields:
            self.result.further[name] = value
        else:
            self.result.omissions.append(
                f"{label} ({value}) was not transferred: Business Central offers no page for it."
            )

    def _currency(self) -> None:
        key = key_of(self.values.get("_transactioncurrencyid_value"))
        code = self.facts.currencies.get(key, "") if key else ""
        if not code or code == self.facts.local_currency:
            self.result.header["currencyCode"] = self.facts.local_currency
            return
        if code not in self.facts.bc_currencies:
            self._add(
                "currency.unknown", f"The currency {code} does not exist in Business Central.",
                "Create the currency with its exchange rate in Business Central.",
                record_of(SALES, "transactioncurrencies", key or "", code),
            )  # fmt: skip
            return
        self.result.header["currencyCode"] = code

    def _dates(self) -> None:
        header = self.result.header
        if self.is_order:
            if day := _day(self.values.get("requestdeliveryby")):
                header["requestedDeliveryDate"] = day
        elif day := _day(self.values.get("effectiveto")):
            header["validUntilDate"] = day

    def _terms(self) -> None:
        header = self.result.header
        for mapping, attribute, name in (
            ("PAYMENT TERMS", "paymenttermscode", "paymentTermsId"),
            ("SHIPMENT METHOD", "freighttermscode", "shipmentMethodId"),
        ):
            if coupled := self._option(mapping, attribute):
                header[name] = str(coupled[0])
        if coupled := self._option("SHIPPING AGENT", "shippingmethodcode"):
            self._further("shippingAgentCode", coupled[1], "Shipping Agent Code")

    def _option(self, mapping: str, attribute: str) -> tuple[UUID, str] | None:
        value = self.values.get(attribute)
        if value is None:
            return None
        coupled = self.facts.options.get((mapping, int(value)))
        if coupled is None:
            label = self.values.get("names", {}).get(attribute, value)
            self.result.warnings.append(
                f"{mapping.capitalize()} {label} is coupled with no code; the customer's own is used."
            )
        return coupled

    def _ship_to(self) -> None:
        body = self._address("shipto", _SHIP_TO, problems=True)
        self.result.header.update(body)

    def _bill_to(self) -> None:
        body = self._address("billto", _BILL_TO, problems=False)
        if body and self.facts.further_fields:
            self.result.further.update(body)
        elif body:
            self.result.omissions.append(
                "The bill-to address was not transferred: Business Central offers no page for it."
            )

    def _address(self, side: str, names: Mapping[str, tuple[str, int]], *, problems: bool) -> dict[str, str]:
        """All six parts or none: as soon as one is filled, blanks count too."""
        parts = {part: str(self.values.get(f"{side}_{part}") or "").strip() for part in _SIX}
        if not any(parts.values()):
            return {}
        parts["country"] = self._country(parts["country"], side, problems=problems)
        body = {}
        for part, (name, length) in names.items():
            if len(parts[part]) > length:
                self.result.omissions.append(
                    f"The {'ship-to' if side == 'shipto' else 'bill-to'} {part} was cut to {length} characters."
                )
            body[name] = parts[part][:length].strip()
        return body

    def _country(self, text: str, side: str, *, problems: bool) -> str:
        """A country's code; its name in Business Central is understood too."""
        if not text or text.upper() in self.facts.countries:
            return text.upper()
        for code, name in self.facts.countries.items():
            if name.casefold() == text.casefold():
                return code
        if problems:
            self._add(
                "address.country", f"{text} is no country or region code of Business Central.",
                "Enter the code in the ship-to address in Sales, or create the country in Business Central.",
                self.own_record, in_sales(self.own_record, self.entity),
            )  # fmt: skip
        else:
            self.result.omissions.append(f"The bill-to country {text} is no code of Business Central and was left out.")
        return ""

    def _discount(self) -> None:
        self.result.discount = header_discount(self.values, self.facts.precision_of(self.document))
        if self.result.discount:
            self.result.warnings.append(
                "Business Central's own rules for invoice discounts may change the discount of the whole document."
            )


def _day(value: Any) -> str:
    """The day of a wire time; blank for none."""
    return date.fromisoformat(str(value)[:10]).isoformat() if value else ""
