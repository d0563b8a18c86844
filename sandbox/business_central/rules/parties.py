"""Customers, vendors and contacts: required names, plausible phones and addresses, and the company contact that the
marketing set-up keeps for each customer and vendor, in step in both directions."""

from typing import Any

from sandbox.business_central.errors import dialog
from sandbox.business_central.rules.registry import (
    after_insert,
    after_modify,
    before_delete,
    before_insert,
    before_modify,
    validates,
)
from sandbox.business_central.session import Session
from sandbox.business_central.writer import take_number
from sandbox.storage import Row

SHARED_WITH_CONTACT = (
    "name", "address", "address_2", "city", "county", "post_code", "country_region_code", "phone_no", "mobile_phone_no",
    "e_mail", "home_page", "fax_no", "vat_registration_no", "currency_code", "salesperson_code",
)  # fmt: skip
"""Columns that a customer and its company contact have in common."""

_LINKS = {"Customer": "customer_no", "Vendor": "vendor_no"}
_EU = {
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV",
    "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
}  # fmt: skip


def _name_required(session: Session, row: Row, old: Any) -> None:
    if not row["name"].strip():
        raise dialog("Name must be filled in. Enter a value.")


def _phone_without_letters(session: Session, row: Row, old: Any) -> None:
    if any(character.isalpha() for character in row["phone_no"]):
        raise dialog("Phone No. must not contain letters.")


def _mail_plausible(session: Session, row: Row, old: Any) -> None:
    for address in row["e_mail"].replace(",", ";").split(";"):
        address = address.strip()
        name, at, domain = address.rpartition("@")
        if address and (not at or not name or not domain or "@" in name or " " in address):
            raise dialog(f'The email address "{address}" is not valid.')


for _table in ("Customer", "Vendor", "Contact"):
    validates(_table, "Name")(_name_required)
    validates(_table, "Phone No.")(_phone_without_letters)
    validates(_table, "E-Mail")(_mail_plausible)
validates("Salesperson/Purchaser", "E-Mail")(_mail_plausible)


@validates("Customer", "Salesperson Code")
def _salesperson_usable(session: Session, row: Row, old: Any) -> None:
    person = session.find("Salesperson/Purchaser", code=row["salesperson_code"])
    if person is not None and (person["blocked"] or person["privacy_blocked"]):
        raise dialog(f"You cannot choose {person['code']} because the salesperson is blocked.")


@validates("Customer", "Currency Code")
@validates("Vendor", "Currency Code")
def _currency_known(session: Session, row: Row, old: Any) -> None:
    if row["currency_code"] and not session.exists("Currency", code=row["currency_code"]):
        raise dialog('The "currencyCode" does not match to a Currency.')


@validates("Customer", "Credit Limit (LCY)")
def _credit_limit_positive(session: Session, row: Row, old: Any) -> None:
    if row["credit_limit_lcy"] < 0:
        raise dialog("Credit Limit (LCY) must not be negative.")


@validates("Customer", "Blocked")
def _not_privacy_blocked(session: Session, row: Row, old: Any) -> None:
    if row["privacy_blocked"] and row["blocked"] == "":
        raise dialog("The customer is privacy blocked and cannot be unblocked here.")


@validates("Customer", "Primary Contact No.")
def _primary_contact(session: Session, row: Row, old: Any) -> None:
    """The primary contact must belong to the customer's company contact; its name becomes the contact text."""
    if not row["primary_contact_no"]:
        row["contact"] = ""
        return
    contact = session.find("Contact", no=row["primary_contact_no"])
    company = session.find("Contact", customer_no=row["no"]) if row["no"] else None
    if contact is None or company is None or contact["company_no"] != company["no"]:
        raise dialog(f"Contact {row['primary_contact_no']} is not related to customer {row['no']}.")
    if contact["type"] == "Person":
        row["contact"] = contact["name"]


@before_insert("Customer")
def _customer_defaults(session: Session, row: Row) -> None:
    """What the product's configuration template fills: posting groups by country, so that it can be sold to at once."""
    country = row["country_region_code"]
    home = session.setup("Company Information")["country_region_code"]
    group = "DOMESTIC" if country in ("", home) else "EU" if country in _EU else "EXPORT"
    row["gen_bus_posting_group"] = row["gen_bus_posting_group"] or group
    row["vat_bus_posting_group"] = row["vat_bus_posting_group"] or group
    row["customer_posting_group"] = row["customer_posting_group"] or ("DOMESTIC" if group == "DOMESTIC" else "FOREIGN")


@before_insert("Vendor")
def _vendor_defaults(session: Session, row: Row) -> None:
    row["gen_bus_posting_group"] = row["gen_bus_posting_group"] or "DOMESTIC"
    row["vat_bus_posting_group"] = row["vat_bus_posting_group"] or "DOMESTIC"
    row["vendor_posting_group"] = row["vendor_posting_group"] or "DOMESTIC"


def _search_name(session: Session, row: Row) -> None:
    row["search_name"] = row["search_name"] or row["name"].upper()


def _follow_search_name(session: Session, row: Row, old: Row) -> None:
    if old["search_name"] == old["name"].upper() and row["search_name"] == old["search_name"]:
        row["search_name"] = row["name"].upper()


for _table in ("Customer", "Vendor", "Contact"):
    before_insert(_table)(_search_name)
    before_modify(_table)(_follow_search_name)


def _add_company_contact(session: Session, row: Row, link: str) -> None:
    if not session.setup("Sales & Receivables Setup")["company_contact_per_customer"]:
        return
    contact = session.new_row("Contact", type="Company", search_name=row["name"].upper(), **{link: row["no"]})
    for column in SHARED_WITH_CONTACT:
        if column in row:
            contact[column] = row[column]
    take_number(session, "Contact", contact)
    contact["company_no"] = contact["no"]
    session.insert("Contact", contact)


@after_insert("Customer")
def _customer_contact(session: Session, row: Row) -> None:
    _add_company_contact(session, row, "customer_no")


@after_insert("Vendor")
def _vendor_contact(session: Session, row: Row) -> None:
    _add_company_contact(session, row, "vendor_no")


def _copy_shared(session: Session, table: str, source: Row, old: Row, target: Row) -> None:
    changed = dict(target)
    for column in SHARED_WITH_CONTACT:
        if column in source and column in target and source[column] != old[column]:
            changed[column] = source[column]
    if "name" in changed and target["search_name"] == target["name"].upper():
        changed["search_name"] = changed["name"].upper()
    session.update(table, changed, target)


@after_modify("Customer")
def _update_customer_contact(session: Session, row: Row, old: Row) -> None:
    for contact in session.all("Contact", customer_no=row["no"]):
        _copy_shared(session, "Contact", row, old, contact)


@after_modify("Vendor")
def _update_vendor_contact(session: Session, row: Row, old: Row) -> None:
    for contact in session.all("Contact", vendor_no=row["no"]):
        _copy_shared(session, "Contact", row, old, contact)


@before_insert("Contact")
def _contact_company(session: Session, row: Row) -> None:
    if row["type"] == "Company":
        row["company_no"] = row["no"]
    _split_name(row)


@validates("Contact", "Company No.")
def _company_is_company(session: Session, row: Row, old: Any) -> None:
    company = session.find("Contact", no=row["company_no"]) if row["company_no"] else None
    if company is not None and company["type"] != "Company":
        raise dialog(f"Contact {row['company_no']} is not of type Company.")


@validates("Contact", "Name")
def _name_of_person(session: Session, row: Row, old: Any) -> None:
    if row["name"] != old:
        _split_name(row)


@validates("Contact", "First Name", "Middle Name", "Surname")
def _name_from_parts(session: Session, row: Row, old: Any) -> None:
    parts = [row["first_name"], row["middle_name"], row["surname"]]
    row["name"] = " ".join(part for part in parts if part)[:100]


def _split_name(row: Row) -> None:
    """First, middle and last name of a person, each cut to its 30 characters."""
    if row["type"] != "Person":
        row["first_name"] = row["middle_name"] = row["surname"] = ""
        return
    words = row["name"].split()
    row["first_name"] = words[0][:30] if len(words) > 1 else ""
    row["surname"] = words[-1][:30] if words else ""
    row["middle_name"] = " ".join(words[1:-1])[:30]


@before_modify("Contact")
def _contact_type_follows(session: Session, row: Row, old: Row) -> None:
    if row["type"] != old["type"]:
        if old["customer_no"] or old["vendor_no"]:
            raise dialog("You cannot change the type of a contact that is linked to a customer or vendor.")
        row["company_no"] = row["no"] if row["type"] == "Company" else ""
        _split_name(row)
    elif row["type"] == "Company":
        row["company_no"] = row["no"]


@after_modify("Contact")
def _update_linked_party(session: Session, row: Row, old: Row) -> None:
    if row["type"] == "Company":
        for table, link in _LINKS.items():
            party = session.find(table, no=row[link]) if row[link] else None
            if party is not None:
                _copy_shared(session, table, row, old, party)
    else:
        for customer in session.all("Customer", primary_contact_no=row["no"]):
            session.update("Customer", {**customer, "contact": row["name"]}, customer)


@before_delete("Customer")
def _customer_deletable(session: Session, row: Row) -> None:
    if session.exists("Sales Header", sell_to_customer_no=row["no"], posted=False):
        raise dialog(f"You cannot delete Customer {row['no']} because there is at least one open document for it.")
    if session.exists("Cust. Ledger Entry", customer_no=row["no"]):
        raise dialog(f"You cannot delete Customer {row['no']} because it has ledger entries.")
    for contact in session.all("Contact", customer_no=row["no"]):
        session.update("Contact", {**contact, "customer_no": ""}, contact)


@before_delete("Vendor")
def _unlink_vendor(session: Session, row: Row) -> None:
    for contact in session.all("Contact", vendor_no=row["no"]):
        session.update("Contact", {**contact, "vendor_no": ""}, contact)


@before_delete("Contact")
def _contact_deletable(session: Session, row: Row) -> None:
    if row["type"] == "Company" and session.tx.count(
        "bc_contact", "company_no = ? AND no <> ?", (row["no"], row["no"]), limit=1
    ):
        raise dialog(f"You cannot delete contact {row['no']} because other contacts belong to it.")
    for customer in session.all("Customer", primary_contact_no=row["no"]):
        session.update("Customer", {**customer, "primary_contact_no": "", "contact": ""}, customer)
