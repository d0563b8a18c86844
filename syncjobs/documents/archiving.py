"""Archive Orders of Business Central: bidirectional orders need it, since it keeps what was posted and removed.

Where the companion extension offers the setup it is switched on in every run that finds it off; otherwise the run says
that somebody has to.
"""

from connector.business_central import BusinessCentralClient
from connector.choices import System
from connector.http.batch import Part
from syncjobs.choices import LogLevel, OperationKind
from syncjobs.documents import journal
from syncjobs.documents.setup import COMPANION_SETUP, read_setup
from syncjobs.engine.context import JobRun
from syncjobs.models import Operation

_BC = System.BUSINESS_CENTRAL
_NAME = "archiveOrders"
_LOST = (
    "Archive Orders is off in Business Central: of orders that are posted completely only the shipments tell. Switch it"
    " on there: search for Sales & Receivables Setup, open Archiving, switch on Archive Orders."
)


def keep_archiving(run: JobRun) -> None:
    """Raises RemoteError."""
    client = run.client(_BC)
    assert isinstance(client, BusinessCentralClient)  # noqa: S101 - narrows the type
    setup = read_setup(client, run.connection)
    if setup.archive_orders is not False:
        return
    if setup.source != COMPANION_SETUP:
        run.progress.log(_LOST, LogLevel.WARNING)
        return
    row = client.singleton(COMPANION_SETUP)
    if row[_NAME]:
        return  # switched on since it was last read
    operation = Operation.objects.create(
        job=run.job, connection=run.connection, mapping=run.mapping, system=_BC, table=COMPANION_SETUP,
        record_id=row["id"], bc_key=row["id"], record_name="Sales & Receivables Setup", kind=OperationKind.UPDATE,
        before={_NAME: False}, after={_NAME: True},
    )  # fmt: skip
    path = f"{client.addresses.table(COMPANION_SETUP)}({row['id']})"
    error = journal.post(run, operation, Part("PATCH", path, {_NAME: True}, {"If-Match": "*"}))
    if error is None:
        run.progress.log("Archive Orders was switched on in Business Central: bidirectional orders need it.")
    else:
        run.progress.log(f"{_LOST} The hub may not: {error}", LogLevel.WARNING)
