"""What a salesperson does on the pages, in the words of the scenarios."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from connector.choices import System
from coupling.models import Coupling
from coupling.synchronisation import service
from tests.engine.live import BC, SALES
from tests.scenarios.engine.world import World

TABLES = {
    "CUSTOMER": ("customers", "accounts"),
    "CONTACT": ("contacts", "contacts"),
    "SALESPEOPLE": ("salespeoplePurchasers", "systemusers"),
    "CURRENCY": ("currencies", "transactioncurrencies"),
    "ITEM-PRODUCT": ("items", "products"),
    "RESOURCE-PRODUCT": ("resources", "products"),
    "UNIT OF MEASURE": ("unitsOfMeasure", "uomschedules"),
    "CUSTPRCGRP-PRICE": ("customerPriceGroups", "pricelevels"),
    "PLHEADER-PRICE": ("priceLists", "pricelevels"),
    "OPPORTUNITY": ("opportunities", "opportunities"),
}


@dataclass
class Seller:
    """A person with a browser."""

    hub: World
    client: Client

    def reads(self, *names: str) -> None:
        """The hub reads the tables of these mappings."""
        for name in names:
            for system, table in zip((BC, SALES), TABLES[name], strict=True):
                service().refresh_table(connection=self.hub.connection, system=system, table=table)

    def address(self, name: str, key: UUID, system: System = BC) -> str:
        table = TABLES[name][0 if system == BC else 1]
        place = {"connection": "default", "system": str(system), "table": table, "key": key}
        return reverse("coupling-setup", kwargs=place)

    def sets_up(self, name: str, key: UUID, system: System = BC, **query: Any) -> Any:
        """Opens Set Up Coupling of a record."""
        answer = self.client.get(self.address(name, key, system), {"mapping": name, **query})
        assert answer.status_code == 200, answer.status_code
        return answer

    def confirms(self, name: str, key: UUID, system: System = BC, **form: Any) -> Any:
        """Presses the main button of Set Up Coupling."""
        return self.client.post(self.address(name, key, system), {"mapping": name, **form}, follow=True)

    def page_of(self, coupling: Coupling) -> str:
        place = {"connection": "default", "pk": coupling.pk}
        return self.client.get(reverse("coupling-detail", kwargs=place)).content.decode()

    def lists(self, table: str, system: System = BC, **query: Any) -> Any:
        place = {"connection": "default", "system": str(system), "table": table}
        return self.client.get(reverse("record-list", kwargs=place), query)

    def acts(self, table: str, action: str, keys: list[UUID], system: System = BC, **form: Any) -> Any:
        """A bulk action of a record list, confirmed."""
        records = (
            self.hub.connection.business_central_records if system == BC else self.hub.connection.sales_records
        ).filter(table=table, key__in=keys)
        place = {"connection": "default", "system": str(system), "table": table}
        body = {"action": action, "pk": [record.pk for record in records], "confirmed": "1", **form}
        return self.client.post(reverse("record-list", kwargs=place), body, follow=True)


def said(answer: Any) -> str:
    """The sentences that answered the last deed."""
    return " ".join(str(message) for message in get_messages(answer.wsgi_request)) or answer.content.decode()


def offered(answer: Any) -> list[UUID]:
    """Keys of the rows that can be chosen, in order."""
    return [row.record.key for row in answer.context["candidates"].rows if row.selectable]


def shown(answer: Any) -> list[UUID]:
    """Keys of all rows of the picker."""
    return [row.record.key for row in answer.context["candidates"].rows]
