"""Customers, accounts and contacts as rows of either system, from the same invented companies and people."""

from collections.abc import Mapping
from typing import Any

from sandbox.datasets.central_rows import CentralRows
from sandbox.datasets.people import Company, Person
from sandbox.datasets.sales_rows import SalesRows, lookup, owned_by
from sandbox.storage import Row

_EU = {"DK", "SE", "NL", "FR", "PL", "AT"}
_LOCAL = "EUR"


def customer_row(
    rows: CentralRows, row_id: str, number: str, company: Company, salesperson: str, values: Mapping[str, Any]
) -> Row:
    return {**rows.template("Customer"), **customer_values(row_id, number, company, salesperson), **values}


def customer_values(row_id: str, number: str, company: Company, salesperson: str) -> Row:
    """What differs from a blank customer."""
    address = company.address
    group = "DOMESTIC" if address.country == "DE" else "EU" if address.country in _EU else "EXPORT"
    return {
        "system_id": row_id,
        "no": number,
        "name": company.name,
        "search_name": company.name.upper(),
        "contact_type": "Company",
        "address": address.street,
        "city": address.city,
        "county": address.state,
        "post_code": address.post_code,
        "country_region_code": address.country,
        "phone_no": company.phone,
        "e_mail": company.email,
        "home_page": company.website,
        "salesperson_code": salesperson,
        "currency_code": "" if company.currency == _LOCAL else company.currency,
        "gen_bus_posting_group": group,
        "vat_bus_posting_group": group,
        "customer_posting_group": "DOMESTIC" if group == "DOMESTIC" else "FOREIGN",
    }


def company_contact_row(rows: CentralRows, row_id: str, number: str, customer: Row) -> Row:
    """The contact of type Company that the marketing set-up keeps for a customer."""
    return {**rows.template("Contact"), **company_contact_values(row_id, number, customer)}


def company_contact_values(row_id: str, number: str, customer: Row) -> Row:
    """What differs from a blank contact."""
    return {
        "system_id": row_id,
        "no": number,
        "company_no": number,
        "type": "Company",
        "customer_no": customer["no"],
        "name": customer["name"],
        "search_name": customer["search_name"],
        "address": customer["address"],
        "city": customer["city"],
        "county": customer["county"],
        "post_code": customer["post_code"],
        "country_region_code": customer["country_region_code"],
        "phone_no": customer["phone_no"],
        "e_mail": customer["e_mail"],
        "home_page": customer["home_page"],
        "salesperson_code": customer["salesperson_code"],
        "currency_code": customer["currency_code"],
    }


def person_row(rows: CentralRows, row_id: str, number: str, company: Row, person: Person, domain: str) -> Row:
    """A person at the company of a company contact."""
    return {
        **rows.template("Contact"),
        "system_id": row_id,
        "no": number,
        "company_no": company["no"],
        "type": "Person",
        "name": person.name,
        "first_name": person.given,
        "surname": person.family,
        "search_name": person.name.upper(),
        "job_title": person.job[:30],
        "address": company["address"],
        "city": company["city"],
        "county": company["county"],
        "post_code": company["post_code"],
        "country_region_code": company["country_region_code"],
        "phone_no": person.phone,
        "mobile_phone_no": person.mobile,
        "e_mail": person.email(domain)[:80],
        "salesperson_code": company["salesperson_code"],
        "currency_code": company["currency_code"],
    }


def account_row(rows: SalesRows, row_id: str, company: Company, owner_id: str, values: Mapping[str, Any]) -> Row:
    return {**rows.template("account"), **account_values(row_id, company), **owned_by(owner_id), **values}


def account_values(row_id: str, company: Company) -> Row:
    """What differs from a new account, but for its owner."""
    address = company.address
    return {
        "accountid": row_id,
        "name": company.name,
        "address1_line1": address.street,
        "address1_city": address.city,
        "address1_stateorprovince": address.state or None,
        "address1_postalcode": address.post_code,
        "address1_country": address.country,
        "address1_composite": f"{address.street}\r\n{address.post_code} {address.city}\r\n{address.country}",
        "telephone1": company.phone,
        "emailaddress1": company.email,
        "websiteurl": company.website,
        "customertypecode": 3,
    }


def sales_contact_row(rows: SalesRows, row_id: str, account: Row, person: Person, domain: str) -> Row:
    return {
        **rows.template("contact"),
        "contactid": row_id,
        "firstname": person.given,
        "lastname": person.family,
        "fullname": person.name,
        "jobtitle": person.job,
        "telephone1": person.phone,
        "mobilephone": person.mobile,
        "emailaddress1": person.email(domain),
        "address1_line1": account["address1_line1"],
        "address1_city": account["address1_city"],
        "address1_stateorprovince": account["address1_stateorprovince"],
        "address1_postalcode": account["address1_postalcode"],
        "address1_country": account["address1_country"],
        "transactioncurrencyid": account["transactioncurrencyid"],
        "exchangerate": account["exchangerate"],
        **owned_by(account["ownerid"]),
        **lookup("parentcustomerid", "account", account["accountid"]),
    }


def salesperson_row(rows: CentralRows, code: str, name: str, email: str, phone: str, job: str) -> Row:
    return rows.row(
        "Salesperson/Purchaser",
        {"code": code, "name": name, "e_mail": email, "phone_no": phone, "job_title": job[:30]},
    )
