"""Which tables a run reads, and how many runs share the reading of one.

What changed in many tables is asked for in one batch for each service. The lines of a full synchronisation ask for the
tables of all of them together, and a reading serves every line that comes soon after, unless the synchronisation has
written to that system since: a write may bring about further rows that only a reading shows.
"""

from collections.abc import Collection, Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta

from django.db.models import Max
from django.utils import timezone

from connector.choices import System
from connector.clients import ChangeQuery, Client, FirstPage
from connector.errors import ErrorKind, RemoteError
from connector.models import Connection
from coupling.choices import MappingKind
from coupling.models import TableCursor, TableMapping
from syncjobs.choices import JobMode, OperationState
from syncjobs.engine import locks
from syncjobs.engine.context import JobRun
from syncjobs.engine.pull import Reports, TableReader, pull_table, table_lock
from syncjobs.engine.rules import rule_for
from syncjobs.engine.tables import TableReading
from syncjobs.engine.unit_groups import client_for
from syncjobs.models import FullSynchLine, Operation

Table = tuple[System, str]
SHARED_FOR = timedelta(minutes=1)
"""How old a reading may be that a line of a full synchronisation takes over from another one."""


def read_tables(run: JobRun) -> None:
    """Brings the mirror of all tables up to date that the run's mapping needs. Raises RemoteError."""
    beside, own = auxiliary_tables(run.mapping), own_tables(run.mapping)
    # A full synchronisation shares its readings between many mappings; a single full run ignores cursors.
    full = run.job.mode == JobMode.FULL and run.job.full_synch_line_id is None
    tables = beside if run.options.only_pairs else [*beside, *own]
    wanted = _wanted_since(run, tables)
    _read_ahead(run, wanted, skip=own if full else [])
    for (system, table), moment in wanted.items():
        pull_table(
            connection=run.connection,
            system=system,
            table=table,
            client=run.client(system),
            progress=run.progress,
            wanted_since=moment,
            full=full and (system, table) in own,
        )


def own_tables(mapping: TableMapping) -> list[Table]:
    """The Sales side of an option mapping is a column's metadata, not rows."""
    option = mapping.kind == MappingKind.OPTION
    return [(system, mapping.table(system)) for system in System if not (option and system == System.SALES)]


def auxiliary_tables(mapping: TableMapping) -> list[Table]:
    rule = rule_for(mapping.name)
    others = TableMapping.objects.filter(
        connection_id=mapping.connection_id, name__in=rule.looks_at, available=True, enabled=True
    )
    return [
        *((System.BUSINESS_CENTRAL, table) for table in rule.auxiliary_tables),
        *((System.SALES, table) for table in rule.sales_tables),
        *((System.SALES, other.sales_table) for other in (others if rule.looks_at else ())),
    ]


def pull_together(
    *, connection: Connection, tables: Mapping[Table, datetime], clients: Mapping[System, Client], progress: Reports
) -> None:
    """Reads the changes of `tables` that were not read since the given moments, with one request for each service.

    Tables that another worker reads at the moment, or that have to be read completely, are left out. Raises
    RemoteError.
    """
    with ExitStack() as held:
        readers: list[TableReader] = []
        for (system, table), wanted_since in tables.items():
            cursor = TableCursor.objects.filter(connection=connection, system=system, table=table).first()
            if cursor is None or (cursor.read_at and cursor.read_at >= wanted_since):
                continue
            reading, client = TableReading(connection, system, table), clients[system]
            if client_for(table, client) is not client or not locks.try_lock(table_lock(reading)):
                continue
            held.callback(locks.unlock, table_lock(reading))
            cursor.refresh_from_db()
            reader = TableReader(reading, cursor, client, progress)
            if not reader.full and not (cursor.read_at and cursor.read_at >= wanted_since):
                readers.append(reader)
        for system in System:
            _ask([reader for reader in readers if reader.reading.system == system])
        for reader in readers:
            # One that was refused is read by itself, which tells why.
            if reader.reading.table in reader.first:
                reader.read(sweep=False)


def _ask(readers: Collection[TableReader]) -> None:
    """Gives the readers the first pages of their tables and of the services beside them."""
    queries = {}
    for reader in readers:
        cursors = [reader.cursor, *reader.stamped_services]
        for cursor in cursors:
            names = reader.reading.services.get(cursor.table, reader.reading.properties)
            queries[cursor.table] = ChangeQuery(cursor.table, names, cursor.cursor)
    if len(queries) < 2:
        return
    pages: dict[str, FirstPage] = next(iter(readers)).client.first_pages(list(queries.values()))
    for reader in readers:
        tables = [reader.reading.table, *reader.reading.services]
        reader.first = {table: pages[table] for table in tables if table in pages}


def _read_ahead(run: JobRun, wanted: Mapping[Table, datetime], *, skip: Collection[Table]) -> None:
    """What cannot be read together is left to be read one by one, which tells what is wrong."""
    with ExitStack() as held:
        if run.job.full_synch_line is not None:
            # Lines start side by side: one asks for all, the others find it done.
            name = f"couplet:ahead:{run.connection.pk}"
            held.enter_context(locks.waiting_lock(name, while_waiting=run.progress.beat))
            wanted = {**_wanted_since(run, _tables_of_all_lines(run.job.full_synch_line)), **wanted}
        try:
            pull_together(
                connection=run.connection,
                tables={table: moment for table, moment in wanted.items() if table not in skip},
                clients={system: run.client(system) for system in System},
                progress=run.progress,
            )
        except RemoteError as error:
            if error.kind in (ErrorKind.TRANSIENT, ErrorKind.THROTTLED):
                raise


def _tables_of_all_lines(line: FullSynchLine) -> list[Table]:
    lines = FullSynchLine.objects.filter(full_synch=line.full_synch_id)
    mappings = TableMapping.objects.filter(pk__in=lines.values("mapping"), available=True, enabled=True)
    return sorted({table for each in mappings for table in (*auxiliary_tables(each), *own_tables(each))})


def _wanted_since(run: JobRun, tables: Collection[Table]) -> dict[Table, datetime]:
    """From when on a reading of each table is good enough for the run."""
    now = timezone.now()
    wanted = dict.fromkeys(tables, now)
    line = run.job.full_synch_line
    if line is None:
        return wanted
    earliest = max(line.full_synch.started_at or now, now - SHARED_FOR)
    readings = TableCursor.objects.filter(connection=run.connection, read_at__gte=earliest)
    written = _written(line, earliest)
    for system, table, read_at in readings.values_list("system", "table", "read_at"):
        place = (System(system), table)
        if read_at and place in wanted and (place[0] not in written or written[place[0]] < read_at):
            wanted[place] = read_at
    return wanted


def _written(line: FullSynchLine, earliest: datetime) -> dict[System, datetime]:
    """When the full synchronisation last wrote to each system, as far as that was not before `earliest`."""
    writes = Operation.objects.filter(job__full_synch_line__full_synch=line.full_synch_id, preview=False)
    done = writes.filter(settled_at__gte=earliest).order_by().values("system").annotate(last=Max("settled_at"))
    found: dict[System, datetime] = {System(row["system"]): row["last"] for row in done}
    under_way = writes.filter(state=OperationState.SENT).order_by().values_list("system", flat=True).distinct()
    return found | {System(system): timezone.now() for system in under_way}
