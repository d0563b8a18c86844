"""Item availability: items whose stock moved since the last run are synchronised once more, which carries the quantity.

Stock moves without touching the item, so the ledger tells. The mapping ITEM-PRODUCT writes `quantityonhand`; here is
only found out for which items.
"""

from collections.abc import Sequence
from uuid import UUID

from django.utils import timezone

from connector.business_central import BusinessCentralClient
from connector.choices import System
from coupling.models import BusinessCentralRecord, Coupling, TableCursor
from syncjobs.choices import JobMode, JobTrigger
from syncjobs.engine.context import JobRun
from syncjobs.engine.options import PairRef, RunOptions
from syncjobs.services.jobs import start_job

LEDGER = "itemLedgerEntries"


def carry_stock(run: JobRun, keys: Sequence[UUID] = ()) -> None:
    """Has the items with new ledger entries synchronised; the first run takes all coupled ones. Raises RemoteError."""
    client = run.client(System.BUSINESS_CENTRAL)
    assert isinstance(client, BusinessCentralClient)  # noqa: S101 - narrows the type
    cursor, _ = TableCursor.objects.get_or_create(
        connection=run.connection, system=System.BUSINESS_CENTRAL, table=LEDGER
    )
    seen = int(cursor.cursor or 0)
    entries = list(client.query(LEDGER, properties=["entryNumber", "itemNumber"], filter=f"entryNumber gt {seen}"))
    couplings = Coupling.objects.filter(mapping=run.mapping, bc_table="items")
    if cursor.cursor:
        numbers = {str(entry.values["itemNumber"]) for entry in entries}
        items = BusinessCentralRecord.objects.filter(connection=run.connection, table="items", number__in=numbers)
        couplings = couplings.filter(bc_key__in=items.values("key"))
    pairs = [PairRef(bc_key, sales_key) for bc_key, sales_key in couplings.values_list("bc_key", "sales_key")]
    if pairs:
        job = start_job(
            connection=run.connection, mapping=run.mapping, mode=JobMode.SELECTED,
            trigger=JobTrigger(run.job.trigger), user=run.job.user, options=RunOptions().with_pairs(pairs),
        )  # fmt: skip
        run.progress.log(f"{len(pairs)} items with new stock are synchronised by {job}.")
    newest = max((int(entry.values["entryNumber"]) for entry in entries), default=seen)
    cursor.cursor, cursor.read_at = str(newest), timezone.now()
    cursor.save(update_fields=["cursor", "read_at"])
