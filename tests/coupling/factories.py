"""Objects of the hub that the tests of couplings need; nothing hidden, nothing random."""

from typing import Any
from uuid import UUID, uuid5

from django.contrib.auth.models import Group, User

from connector.choices import System
from connector.models import Connection
from coupling.models import BusinessCentralRecord, Coupling, SalesRecord, TableMapping
from coupling.services.defaults import load_defaults
from coupling.services.search import search_text

NAMESPACE = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")


def key(text: str) -> UUID:
    """A stable id for a short name."""
    return uuid5(NAMESPACE, text)


def make_connection(**values: Any) -> Connection:
    """An enabled connection with person ownership, its delivered mappings loaded."""
    defaults = {
        "slug": "default",
        "enabled": True,
        "state": "enabled",
        "ownership_model": "person",
        "unit_group_mapping": False,
        "extended_pricing": False,
        "sales_url": "https://contoso.crm4.dynamics.com",
        "company_row_id": key("company row"),
    }
    connection = Connection.objects.create(**{**defaults, **values})
    load_defaults(connection=connection)
    return connection


def make_person(name: str, role: str = "") -> User:
    """A user in the group of `role`; an outsider has none."""
    user = User.objects.create_user(name, password="secret")
    if role:
        user.groups.add(Group.objects.get_or_create(name=role)[0])
    return user


def make_record(
    connection: Connection, system: System, table: str, *, number: str = "", name: str = "", **values: Any
) -> BusinessCentralRecord | SalesRecord:
    """A mirrored record; its key follows from system, table, number and name."""
    model = BusinessCentralRecord if system == System.BUSINESS_CENTRAL else SalesRecord
    return model.objects.create(
        connection=connection,
        table=table,
        key=key(f"{system} {table} {number} {name}"),
        number=number,
        name=name,
        values=values,
        search_text=search_text(values, number=number, name=name),
    )


def make_customer(connection: Connection, number: str, name: str, **values: Any) -> Any:
    values = {"number": number, "displayName": name, "blocked": "_x0020_", **values}
    return _named(connection, System.BUSINESS_CENTRAL, "customers", number, name, values)


def make_account(connection: Connection, name: str, number: str = "", **values: Any) -> Any:
    values = {"name": name, "statecode": 0, "customertypecode": 3, "_bcbi_companyid_value": None, **values}
    return _named(connection, System.SALES, "accounts", number, name, values)


def _named(connection: Connection, system: System, table: str, number: str, name: str, values: dict[str, Any]) -> Any:
    model = BusinessCentralRecord if system == System.BUSINESS_CENTRAL else SalesRecord
    return model.objects.create(
        connection=connection,
        table=table,
        key=key(f"{system} {table} {number} {name}"),
        number=number,
        name=name,
        values=values,
        search_text=search_text(values, number=number, name=name),
    )


def make_coupling(mapping: TableMapping, bc: BusinessCentralRecord, sales: SalesRecord, **values: Any) -> Coupling:
    return Coupling.objects.create(
        connection=mapping.connection,
        mapping=mapping,
        bc_table=bc.table,
        bc_key=bc.key,
        sales_table=sales.table,
        sales_key=sales.key,
        **values,
    )
