"""What a chaos run synchronises, and what has to be true when it is over.

A scenario fills both systems once per variant, starts the work that is going to be disturbed, says when it is over, and
can do an undisturbed further run. Comparing contents is the campaign's own work, the same for every scenario.
"""

import random
from collections.abc import Mapping
from typing import Any, Protocol

from connector.choices import System
from connector.models import Connection
from coupling.models import Coupling, DirtyPair
from syncjobs import tasks
from syncjobs.choices import LIVE_JOB_STATES, OPEN_OPERATION_STATES, JobMode, JobState, JobTrigger
from syncjobs.models import FullSynch, JobSlice, Operation, SynchJob
from syncjobs.services.full_synch import eligible_mappings, start_full_synch
from syncjobs.services.jobs import start_job
from tests.chaos.contents import Contents
from tests.engine.live import Hub

_CUSTOMERS, _CONTACTS, _ITEMS, _RESOURCES, _PRICES, _VENDORS, _OPPORTUNITIES = 150, 90, 60, 25, 40, 20, 30
_BAD = 6
_NO_COUNTRY = "Atlantis"
"""Business Central has no such country and refuses the record."""


class Scenario(Protocol):
    """A kind of work that has to come out the same however often it is disturbed.

    `sizes`: numbers of the sandbox's bulk dataset, to which `prepare` adds the rest. A campaign makes one run for every
    `share` seeds. `variants`: how many sets of data and settings there are.
    """

    name: str
    sizes: Mapping[str, int]
    share: int
    variants: int

    def prepare(self, hub: Hub, variant: int) -> None:
        """Fills both systems and sets the connection up; the same data for the same variant."""

    def start(self, connection: Connection) -> None:
        """Starts what is going to be disturbed and returns at once."""

    def is_over(self) -> bool:
        """Whether everything that was started has ended, in whatever way."""

    def failures(self) -> list[str]:
        """Sentences about parts of the work that ended as a whole without being done."""

    def run_again(self, connection: Connection) -> list[SynchJob]:
        """A further run in this process; the jobs it made."""

    def outcome(self) -> dict[str, Any]:
        """What the hub says it did, in figures that have to be the same in every run."""


class FullSynchronisation:
    """All mappings over a few thousand mixed records of both sides, some of which are refused."""

    name = "full"
    sizes = {"customers": _CUSTOMERS, "accounts": _CUSTOMERS, "contacts": _CONTACTS, "items": _ITEMS}
    share = 1
    variants = 4

    def prepare(self, hub: Hub, variant: int) -> None:
        extended = variant % 2 == 0
        hub.switch(
            ownership_model="person" if variant % 4 < 2 else "team", unit_group_mapping=extended,
            extended_pricing=extended,
        )  # fmt: skip
        rng = random.Random(f"data/{variant}")
        items = [record.values["number"] for record in hub.bc.client.query("items", properties=["number"])]
        resources = [f"RES{number:04d}" for number in range(_RESOURCES)]
        hub.create(hub.bc, "resources", [
            {"number": number, "displayName": f"Crew {number}", "baseUnitOfMeasureCode": "HOUR",
             "unitPrice": rng.randint(20, 90)}
            for number in resources
        ])  # fmt: skip
        hub.create(hub.bc, "itemUnitsOfMeasure", [
            {"itemNumber": number, "code": "BOX", "quantityPerUnitOfMeasure": 12} for number in items[::4]
        ])  # fmt: skip
        self._make_prices(hub, rng, items, extended=extended)
        hub.create(hub.bc, "vendors", [{"displayName": f"Supplier {number}"} for number in range(_VENDORS)])
        hub.create(hub.sales, "accounts", [
            {"name": f"Maker {number}", "customertypecode": 11} for number in range(_VENDORS)
        ] + [
            {"name": f"Nowhere {number}", "customertypecode": 3, "address1_country": _NO_COUNTRY}
            for number in range(_BAD)
        ])  # fmt: skip
        self._make_opportunities(hub, rng)

    def start(self, connection: Connection) -> None:
        start_full_synch(connection=connection)

    def is_over(self) -> bool:
        live = [*LIVE_JOB_STATES]
        return (
            FullSynch.objects.exists()
            and not FullSynch.objects.filter(state__in=live).exists()
            and not SynchJob.objects.filter(state__in=live).exists()
        )

    def failures(self) -> list[str]:
        jobs = SynchJob.objects.exclude(state__in=[JobState.SUCCEEDED, JobState.PARTLY]).select_related("mapping")
        return [f"{job.mapping}: {job.state}: {job.message}" for job in jobs]

    def run_again(self, connection: Connection) -> list[SynchJob]:
        jobs = []
        for mapping in eligible_mappings(connection):
            job = start_job(
                connection=connection, mapping=mapping, mode=JobMode.MODIFIED, trigger=JobTrigger.COMMAND,
                hand_over=False,
            )  # fmt: skip
            tasks.run_job(job.pk)
            job.refresh_from_db()
            jobs.append(job)
        return jobs

    def outcome(self) -> dict[str, Any]:
        jobs = SynchJob.objects.filter(mode=JobMode.FULL)
        figures = {name: (inserted, failed) for name, inserted, failed in
                   jobs.values_list("mapping__name", "inserted", "failed")}  # fmt: skip
        couplings = Coupling.objects.values_list("mapping__name", flat=True)
        names = sorted(set(couplings))
        return {"created and failed": figures, "couplings": {n: list(couplings).count(n) for n in names}}

    def _make_prices(self, hub: Hub, rng: random.Random, items: list[str], *, extended: bool) -> None:
        if extended:
            hub.bc.create("priceLists", code="S1", displayName="Summer", amountType="Price")
            hub.create(hub.bc, "priceListLines", [
                {"priceListCode": "S1", "assetType": "Item", "assetNumber": number, "unitOfMeasureCode": "PCS",
                 "amountType": "Price", "unitPrice": rng.randint(5, 500)}
                for number in items[:_PRICES]
            ])  # fmt: skip
            return
        hub.bc.create("customerPriceGroups", code="RETAIL", displayName="Retail shops")
        hub.create(hub.bc, "salesPrices", [
            {"salesType": "Customer_x0020_Price_x0020_Group", "salesCode": "RETAIL", "itemNumber": number,
             "unitPrice": rng.randint(5, 500)}
            for number in items[:_PRICES]
        ])  # fmt: skip

    def _make_opportunities(self, hub: Hub, rng: random.Random) -> None:
        persons = hub.bc.client.query(
            "contacts", properties=["number"], filter="type eq 'Person' and companyNumber ne ''", orderby="number"
        )
        hub.create(hub.bc, "opportunities", [
            {"description": f"Refit {number}", "contactNumber": person.values["number"]}
            for number, person in zip(range(_OPPORTUNITIES), persons, strict=False)
        ])  # fmt: skip
        contacts = hub.sales.client.query(
            "contacts", properties=["contactid"], filter="statecode eq 0", orderby="lastname"
        )
        hub.create(hub.sales, "opportunities", [
            {"name": f"Outlook {number}", "estimatedvalue": rng.randint(100, 9000),
             "parentcontactid@odata.bind": f"/contacts({contact.key})"}
            for number, contact in zip(range(_OPPORTUNITIES), contacts, strict=False)
        ])  # fmt: skip


def loose_ends(contents: Contents) -> list[str]:
    """Sentences about what a run has left half-done in the hub, or coupled with nothing."""
    found = []
    if operations := list(Operation.objects.filter(state__in=OPEN_OPERATION_STATES, preview=False)[:5]):
        found.append(f"open operations: {[(each.state, each.table, each.record_name) for each in operations]}")
    if JobSlice.objects.filter(open=True).exists():
        found.append("open slices")
    if pairs := DirtyPair.objects.filter(job_id__isnull=False).count():
        found.append(f"{pairs} pairs belong to ended jobs")
    keys = contents.keys
    everything = set().union(*keys.values())
    for coupling in Coupling.objects.select_related("mapping"):
        for system, key in ((System.BUSINESS_CENTRAL, coupling.bc_key), (System.SALES, coupling.sales_key)):
            if str(key) not in everything and coupling.missing != system:
                found.append(f"{coupling.mapping} couples {key}, which {system.label} does not have")
    return found
