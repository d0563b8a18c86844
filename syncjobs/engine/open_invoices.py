"""Payments need not touch an invoice's time stamp, so coupled invoices that are still open are read again every run."""

from __future__ import annotations

from connector.choices import System
from coupling.models import BusinessCentralRecord, Coupling
from syncjobs.constants import PAGE_ROWS
from syncjobs.engine.context import JobRun
from syncjobs.engine.pull import refresh_records


def read_open_invoices(run: JobRun) -> None:
    """Some thousand invoices to a request. Raises RemoteError."""
    system = System.BUSINESS_CENTRAL
    coupled = Coupling.objects.filter(mapping=run.mapping).values("bc_key")
    rows = BusinessCentralRecord.objects.of_table(run.connection.pk, run.mapping.table(system)).alive()
    keys = rows.filter(key__in=coupled, values__status="Open").values_list("key", flat=True).iterator(PAGE_ROWS)
    refresh_records(reading=run.reading(system), keys=keys, client=run.client(system), progress=run.progress)
