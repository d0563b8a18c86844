"""Which company contact belongs to which customer or vendor in Business Central.

The API tells it below a customer or vendor only, one request each. So it is asked once, for those that a contact on
either side waits for, a hundred to a batch, and remembered in the mirror as the rows of a table of its own: the key is
the customer's or vendor's, the number the company contact's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models

from connector.business_central import BusinessCentralClient
from connector.business_central_addresses import Service
from connector.choices import System
from connector.http.batch import BUSINESS_CENTRAL_LIMIT, Part
from connector.models import Connection
from connector.odata import chunks
from coupling.models import BusinessCentralRecord, Coupling, SalesRecord
from syncjobs.engine.keys import key_array

if TYPE_CHECKING:
    from syncjobs.engine.context import JobRun

RELATIONS = "businessRelations"
_MAPPINGS = {"CUSTOMER": "customers", "VENDOR": "vendors"}
_CHILDREN = {"contacts": "_parentcustomerid_value", "opportunities": "_parentaccountid_value"}
_BOTH_KINDS = ("Vendor", "Multiple")


def read_relations(run: JobRun) -> None:
    """Asks for the company contacts of coupled customers and vendors that contacts of the connection refer to.

    Raises RemoteError.
    """
    client = run.client(System.BUSINESS_CENTRAL)
    if not isinstance(client, BusinessCentralClient):
        return
    for mapping, table in _MAPPINGS.items():
        keys = list(_unknown(run.connection, mapping))
        for part in chunks(keys, BUSINESS_CENTRAL_LIMIT):
            _store(run.connection, table, _ask(client, table, part))
            run.progress.beat()


def companies_of(connection: Connection, keys: Iterable[UUID]) -> dict[str, str]:
    """Customer or vendor → number of its company contact, as far as known."""
    rows = _rows(connection).filter(key__in=key_array(keys))
    return {str(key): number for key, number in rows.values_list("key", "number")}


def owners_of(connection: Connection, numbers: Iterable[str]) -> dict[str, list[str]]:
    """Company contact's number → customers and vendors it belongs to, customers first."""
    found: dict[str, list[str]] = {}
    rows = _rows(connection).filter(number__in=sorted(numbers)).order_by("name", "key")
    for number, key in rows.values_list("number", "key"):
        found.setdefault(number, []).append(str(key))
    return found


def _rows(connection: Connection) -> models.QuerySet[BusinessCentralRecord]:
    found: models.QuerySet[BusinessCentralRecord] = BusinessCentralRecord.objects.of_table(connection.pk, RELATIONS)
    return found


def _unknown(connection: Connection, mapping: str) -> Iterable[UUID]:
    """Coupled ones without a remembered company whose account has contacts or opportunities that are not coupled yet.

    All vendors where Business Central has persons of vendors: nothing but this tells whose they are.
    """
    coupled = Coupling.objects.filter(connection=connection, mapping__name=mapping)
    coupled = coupled.exclude(bc_key__in=_rows(connection).values("key"))
    wanted: set[UUID] = set()
    for table, parent in _CHILDREN.items():
        taken = Coupling.objects.filter(connection=connection, sales_table=table).values("sales_key")
        loose = SalesRecord.objects.of_table(connection.pk, table).alive().exclude(key__in=taken)
        wanted |= {UUID(str(key)) for key in loose.values_list(f"values__{parent}", flat=True).distinct() if key}
    named = coupled.filter(sales_key__in=key_array(wanted))
    if mapping == "VENDOR":
        persons = BusinessCentralRecord.objects.of_table(connection.pk, "contacts").alive()
        if persons.filter(values__type="Person", values__contactBusinessRelation__in=_BOTH_KINDS).exists():
            named = coupled
    return named.values_list("bc_key", flat=True)


def _ask(client: BusinessCentralClient, table: str, keys: Sequence[UUID]) -> Mapping[UUID, str]:
    parts = [Part("GET", f"{client.addresses.in_service(table)}({key})/contactsInformation") for key in keys]
    answers = client.batch(Service.API, parts, repeatable=True)
    found = {}
    for position, key in enumerate(keys):
        answer = answers.get(position)
        # One that was deleted meanwhile has no contacts; it is asked for again as long as it is coupled.
        rows = answer.data.get("value", ()) if answer is not None and answer.status == 200 else ()
        number = next((row["contactNumber"] for row in rows if row.get("contactType") == "Company"), "")
        if number:
            found[key] = number
    return found


def _store(connection: Connection, table: str, companies: Mapping[UUID, str]) -> None:
    BusinessCentralRecord.objects.bulk_create(
        [
            BusinessCentralRecord(
                connection=connection, table=RELATIONS, key=key, number=number, name=table, values={}, token=""
            )
            for key, number in companies.items()
        ],
        update_conflicts=True,
        unique_fields=["connection", "table", "key"],
        update_fields=["number"],
    )
