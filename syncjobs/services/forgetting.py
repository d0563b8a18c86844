"""Leaving out what changed while a connection was off, where somebody chose so when switching it off.

The mirror is brought up to date first. Then the values that both sides have now count as agreed, whatever they are, and
nothing waits to be planned. Records that were deleted meanwhile stay in question: a pair with one side cannot agree.
"""

import logging

import django_rq
from django.core.cache import cache
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from connector.choices import System
from connector.errors import ErrorKind, RemoteError
from connector.models import Connection
from coupling.choices import MappingKind
from coupling.models import DirtyPair
from syncjobs.services import schedules
from syncjobs.services.watching import Quiet, read_quietly

log = logging.getLogger(__name__)

_AGAIN_SECONDS = 300
_TASK_SECONDS = 3600

# Only properties that were agreed on before: one that never was is no change.
_AGREE = """
UPDATE coupling_coupling coupling SET
    bc_base = coupling.bc_base || COALESCE((
        SELECT jsonb_object_agg(name, bc.values -> name)
        FROM jsonb_object_keys(coupling.bc_base) name WHERE bc.values ? name), '{}'),
    sales_base = coupling.sales_base || COALESCE((
        SELECT jsonb_object_agg(name, sales.values -> name)
        FROM jsonb_object_keys(coupling.sales_base) name WHERE sales.values ? name), '{}'),
    bc_token = bc.token, sales_token = sales.token, conflict = false
FROM coupling_businesscentralrecord bc, coupling_salesrecord sales
WHERE coupling.connection_id = %(connection)s
    AND bc.connection_id = coupling.connection_id AND bc.table = coupling.bc_table AND bc.key = coupling.bc_key
    AND sales.connection_id = coupling.connection_id AND sales.table = coupling.sales_table
    AND sales.key = coupling.sales_key AND bc.deleted_at IS NULL AND sales.deleted_at IS NULL
    AND EXISTS (
        SELECT FROM coupling_dirtypair dirty WHERE dirty.mapping_id = coupling.mapping_id
            AND (dirty.bc_key = coupling.bc_key OR dirty.sales_key = coupling.sales_key))
"""

_FORGET = """
DELETE FROM coupling_dirtypair dirty USING coupling_tablemapping mapping
WHERE mapping.id = dirty.mapping_id AND mapping.connection_id = %(connection)s AND dirty.job_id IS NULL
    AND NOT EXISTS (
        SELECT FROM coupling_businesscentralrecord bc WHERE bc.connection_id = mapping.connection_id
            AND bc.table = mapping.business_central_table AND bc.key = dirty.bc_key AND bc.deleted_at IS NOT NULL)
    AND NOT EXISTS (
        SELECT FROM coupling_salesrecord sales WHERE sales.connection_id = mapping.connection_id
            AND sales.table = mapping.sales_table AND sales.key = dirty.sales_key AND sales.deleted_at IS NOT NULL)
"""


def ask_for(connection_id: int) -> None:
    """Calls a worker; asked twice within minutes it is called once."""
    if cache.add(f"couplet:forget:{connection_id}", "1", timeout=_AGAIN_SECONDS):
        django_rq.get_queue("high").enqueue(
            "syncjobs.tasks.forget_changes", connection_id, job_timeout=_TASK_SECONDS, result_ttl=0, failure_ttl=3600
        )


def ask_again() -> None:
    """Part of the scheduler's tick: a worker may have died over it."""
    for pk in Connection.objects.filter(enabled=True, forget_changes=True).values_list("pk", flat=True):
        ask_for(pk)


def forget_changes(connection_id: int) -> None:
    """Reads every table, then counts what is there as agreed and lets the schedules go on.

    A system that does not answer leaves everything waiting: the next try is a few minutes away. A table that is refused
    is passed over, as its mapping cannot run either.
    """
    connection = Connection.objects.filter(pk=connection_id, enabled=True, forget_changes=True).first()
    if connection is None:
        return
    progress, since = Quiet(), timezone.now()
    tables = {
        (system, mapping.table(system))
        for mapping in connection.mappings.filter(enabled=True, available=True)
        for system in System
        if not (system == System.SALES and mapping.kind == MappingKind.OPTION)
    }
    for system, table in sorted(tables):
        try:
            read_quietly(connection=connection, system=system, table=table, progress=progress, since=since, sweep=True)
        except RemoteError as error:
            log.warning("What changed in %s cannot be left out: %s", table, error)
            if error.kind in (ErrorKind.TRANSIENT, ErrorKind.THROTTLED):
                return
    with transaction.atomic():
        left_out = DirtyPair.objects.filter(mapping__connection=connection).count()
        with database.cursor() as cursor:
            cursor.execute(_AGREE, {"connection": connection.pk})
            cursor.execute(_FORGET, {"connection": connection.pk})
        Connection.objects.filter(pk=connection.pk).update(forget_changes=False)
        schedules.resume(connection=connection)
    log.info("Connection %s goes on without %s changes.", connection.slug, left_out)
