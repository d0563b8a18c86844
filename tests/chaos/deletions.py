"""Deletions that travel, under fire: each takes its partner along once, and nothing that somebody still works with."""

from typing import Any

from connector.models import Connection
from coupling.choices import DeletionConflict
from coupling.models import Coupling, TableMapping
from syncjobs import tasks
from syncjobs.choices import LIVE_JOB_STATES, JobMode, JobState, JobTrigger
from syncjobs.engine.options import RunOptions
from syncjobs.models import SynchJob
from syncjobs.services.jobs import start_job
from tests.engine.live import Hub

_EDITED, _GONE = 8, 18
"""Fewer than would be taken for a lost permission in Business Central."""
_MAPPING = "CUSTOMER"


class Deletions:
    """Coupled customers: a part was deleted on either side, a part of the survivors was changed meanwhile."""

    name = "deletions"
    sizes = {"customers": 120, "accounts": 0, "contacts": 0, "items": 0}
    share = 5
    variants = 1

    def prepare(self, hub: Hub, variant: int) -> None:
        hub.switch(ownership_model="team")
        TableMapping.objects.filter(name=_MAPPING).update(deletion_conflict_resolution=DeletionConflict.PROPAGATE)
        for name in ("CURRENCY", "PAYMENT TERMS", "SHIPMENT METHOD", "SHIPPING AGENT", _MAPPING, _MAPPING):
            hub.run_full(name)
        pairs = list(Coupling.objects.filter(mapping__name=_MAPPING).order_by("bc_key"))
        gone_in_bc, gone_in_sales, edited = pairs[:_GONE], pairs[_GONE : 2 * _GONE], pairs[2 * _GONE :][:_EDITED]
        for pair in gone_in_bc:
            hub.bc.delete("customers", pair.bc_key)
        for pair in gone_in_sales:
            hub.sales.delete("accounts", pair.sales_key)
        for number in range(_EDITED):
            hub.sales.update("accounts", gone_in_bc[number].sales_key, telephone1=f"+47 {number}")
            hub.bc.update("customers", gone_in_sales[number].bc_key, phoneNumber=f"+49 {number}")
        for pair in edited:
            hub.bc.update("customers", pair.bc_key, phoneNumber="+31 1")

    def start(self, connection: Connection) -> None:
        self._start(connection, hand_over=True)

    def is_over(self) -> bool:
        return not SynchJob.objects.filter(state__in=[*LIVE_JOB_STATES]).exists()

    def failures(self) -> list[str]:
        jobs = SynchJob.objects.exclude(state__in=[JobState.SUCCEEDED, JobState.PARTLY]).select_related("mapping")
        return [f"{job.mapping}: {job.state}: {job.message}" for job in jobs]

    def run_again(self, connection: Connection) -> list[SynchJob]:
        job = self._start(connection, hand_over=False)
        tasks.run_job(job.pk)
        job.refresh_from_db()
        return [job]

    def outcome(self) -> dict[str, Any]:
        couplings = Coupling.objects.filter(mapping__name=_MAPPING)
        return {"couplings": couplings.count(), "broken": couplings.exclude(missing="").count()}

    def _start(self, connection: Connection, *, hand_over: bool) -> SynchJob:
        return start_job(
            connection=connection, mapping=TableMapping.objects.get(name=_MAPPING), mode=JobMode.MODIFIED,
            trigger=JobTrigger.COMMAND, options=RunOptions(confirm_deletions=True), hand_over=hand_over,
        )  # fmt: skip
