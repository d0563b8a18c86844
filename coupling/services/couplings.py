"""Coupling, moving and uncoupling one pair: the link in the hub, after both records were read live.

Nothing here writes business data into either system. What has to be written elsewhere (the company marker of a row
that was let go, a first synchronisation) is asked of `coupling.synchronisation`.
"""

from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from connector.choices import System
from connector.models import Connection
from connector.services.audit import record_change
from coupling.choices import CouplingOrigin
from coupling.exceptions import AlreadyCoupledError, CouplingError, OutsideFilterError, RecordMissingError
from coupling.models import Coupling, RemoteRecord, TableMapping
from coupling.services.admission import is_admitted, violated_condition
from coupling.services.changes import note_coupled, note_moved, note_uncoupled
from coupling.services.claims import require_unclaimed
from coupling.services.list_counts import forget_counts
from coupling.services.search import mirror_of
from coupling.synchronisation import service


def require_enabled(connection: Connection) -> None:
    """Raises CouplingError where the connection is disabled."""
    if not connection.enabled:
        raise CouplingError(
            "The connection is disabled.",
            code="connection.disabled",
            hint="Enable it in Connection Setup, then try again.",
        )


def require_usable(mapping: TableMapping) -> None:
    """Raises CouplingError where nothing can be coupled under the mapping now."""
    require_enabled(mapping.connection)
    if not mapping.available:
        raise CouplingError(mapping.unavailable_reason, code="mapping.unavailable")
    if not mapping.enabled:
        raise CouplingError(
            f"{mapping.name} is switched off.", code="mapping.disabled", hint="Switch it on under Mappings."
        )


def couple(
    *,
    mapping: TableMapping,
    bc_key: UUID,
    sales_key: UUID,
    origin: CouplingOrigin = CouplingOrigin.MANUAL,
    user: User | None = None,
    take_over: bool = False,
) -> Coupling:
    """Couples two records after reading both live.

    The same pair again lifts its failure marks. A coupling whose other record no longer exists gives way. Raises
    RecordMissingError, OutsideFilterError, AlreadyCoupledError, ClaimedError unless `take_over`, CouplingError, and
    RemoteError where a system cannot be asked.
    """
    require_usable(mapping)
    if not take_over:
        sides = {System.BUSINESS_CENTRAL: (mapping.business_central_table, bc_key)}
        require_unclaimed(mapping.connection, {**sides, System.SALES: (mapping.sales_table, sales_key)}, user)
    read_live(mapping, System.BUSINESS_CENTRAL, bc_key)
    read_live(mapping, System.SALES, sales_key)
    for system, key in ((System.BUSINESS_CENTRAL, bc_key), (System.SALES, sales_key)):
        _require_admitted(mapping, system, key)
    if (present := _free_both(mapping, bc_key, sales_key)) is not None:
        Coupling.objects.filter(pk=present.pk).mark_retry()
        present.refresh_from_db()
        return present
    try:
        with transaction.atomic():
            coupling = Coupling.objects.create(
                connection=mapping.connection,
                mapping=mapping,
                bc_table=mapping.business_central_table,
                bc_key=bc_key,
                sales_table=mapping.sales_table,
                sales_key=sales_key,
                origin=origin,
                created_by=user if user is not None and user.pk else None,
            )
            note_coupled(coupling, user)
            _record(coupling, user, "coupling.create", after={"origin": str(origin), **_keys(coupling)})
    except IntegrityError as error:
        raise AlreadyCoupledError("Somebody coupled one of the two records a moment ago.") from error
    forget_counts(mapping)
    service().after_coupling(coupling=coupling, released=None, user=user)
    return coupling


def move(*, coupling: Coupling, sales_key: UUID, user: User | None = None, take_over: bool = False) -> Coupling:
    """Couples the BC record with another free row; the old row becomes free and loses the company marker.

    Bookkeeping starts over: nothing of the new pair has been agreed on. Raises as `couple` does.
    """
    mapping = coupling.mapping
    require_usable(mapping)
    if coupling.sales_key == sales_key:
        return coupling
    if not take_over:
        sides = {System.BUSINESS_CENTRAL: (coupling.bc_table, coupling.bc_key)}
        require_unclaimed(mapping.connection, {**sides, System.SALES: (mapping.sales_table, sales_key)}, user)
    read_live(mapping, System.BUSINESS_CENTRAL, coupling.bc_key)
    read_live(mapping, System.SALES, sales_key)
    _require_admitted(mapping, System.SALES, sales_key)
    _make_way(mapping, System.SALES, sales_key)
    before, released = _keys(coupling), coupling.sales_key
    try:
        with transaction.atomic():
            coupling = Coupling.objects.select_for_update().select_related("mapping__connection").get(pk=coupling.pk)
            earlier = Coupling.objects.get(pk=coupling.pk)
            coupling.sales_key = sales_key
            coupling.bc_base, coupling.sales_base = {}, {}
            coupling.bc_token = coupling.sales_token = ""
            coupling.last_synchronised_at = None
            coupling.missing, coupling.outside_filter, coupling.conflict = "", "", False
            coupling.save()
            note_moved(coupling, earlier=earlier, user=user)
            Coupling.objects.filter(pk=coupling.pk).mark_retry()
            _record(coupling, user, "coupling.move", before=before, after=_keys(coupling))
    except IntegrityError as error:
        raise AlreadyCoupledError("Somebody coupled that row a moment ago.") from error
    coupling.refresh_from_db()
    service().after_coupling(coupling=coupling, released=released, user=user)
    return coupling


def take_over(*, mapping: TableMapping, sales_key: UUID, user: User | None = None) -> None:
    """Frees a Sales row for another Business Central record: its present coupling goes, for which undo remembers it.

    The company marker stays, since the row gets a partner of the same company at once.
    """
    require_usable(mapping)
    present = Coupling.objects.for_record(
        connection_id=mapping.connection_id, system=System.SALES, table=mapping.sales_table, key=sales_key
    )
    for coupling in present.select_related("mapping__connection", "connection"):
        note_uncoupled([coupling], user)
        uncouple(coupling=coupling, user=user)


def uncouple(*, coupling: Coupling, user: User | None = None) -> None:
    """Removes the link, in the hub only; both records stay as they are. The company marker is the caller's affair."""
    with transaction.atomic():
        _record(coupling, user, "coupling.delete", before=_keys(coupling))
        Coupling.objects.filter(pk=coupling.pk).delete()
    forget_counts(coupling.mapping)


def read_live(mapping: TableMapping, system: System, key: UUID) -> None:
    """Reads one record into the mirror as it is now. Raises RecordMissingError where it does not exist."""
    table = mapping.table(system)
    exists = service().refresh(connection=mapping.connection, system=system, table=table, keys=[key])
    if not exists.get(key):
        raise RecordMissingError(
            f"There is no such record in {table} of {system.label}.",
            hint="It was deleted or merged a moment ago; choose another one.",
            details={"system": str(system), "key": str(key)},
        )


def mirrored(connection: Connection, system: System, table: str, key: UUID) -> RemoteRecord | None:
    """The mirror's row of a record, dead or alive."""
    return mirror_of(system).objects.of_table(connection.pk, table).filter(key=key).first()


def label_of(connection: Connection, system: System, table: str, key: UUID) -> str:
    """Number and name of a record for sentences."""
    record = mirrored(connection, system, table, key)
    return str(record) if record else str(key)


def _require_admitted(mapping: TableMapping, system: System, key: UUID) -> None:
    if is_admitted(mapping, system, key):
        return
    label = label_of(mapping.connection, system, mapping.table(system), key)
    condition = violated_condition(mapping, system, key) or mapping.filter(system)
    raise OutsideFilterError(
        f"{label} is left out by the {mapping.name} filter of {system.label}: {condition}",
        hint="Change the record so that it meets the filter, or ask an administrator to change the filter.",
        details={"system": str(system), "condition": condition},
    )


def _free_both(mapping: TableMapping, bc_key: UUID, sales_key: UUID) -> Coupling | None:
    """Makes both records free, or finds that they are this very pair. Raises AlreadyCoupledError."""
    present = Coupling.objects.filter(mapping=mapping, bc_key=bc_key, sales_key=sales_key).first()
    if present is not None:
        return present
    _make_way(mapping, System.BUSINESS_CENTRAL, bc_key)
    _make_way(mapping, System.SALES, sales_key)
    return None


def _make_way(mapping: TableMapping, system: System, key: UUID) -> None:
    """Drops a coupling of the record whose partner is gone. Raises AlreadyCoupledError where the partner lives."""
    table = mapping.table(system)
    taken = (
        Coupling.objects.for_record(connection_id=mapping.connection_id, system=system, table=table, key=key)
        .select_related("mapping__connection")
        .first()
    )
    if taken is None:
        return
    other = system.other
    partner_key = taken.sales_key if other == System.SALES else taken.bc_key
    try:
        read_live(taken.mapping, other, partner_key)
    except RecordMissingError:
        uncouple(coupling=taken)
        return
    label = label_of(mapping.connection, system, table, key)
    partner = label_of(mapping.connection, other, taken.mapping.table(other), partner_key)
    raise AlreadyCoupledError(
        f"{label} is already coupled with {partner}.",
        hint="Uncouple or move that coupling first.",
        details={"system": str(system), "coupling": taken.pk, "mapping": taken.mapping.name},
    )


def _keys(coupling: Coupling) -> dict[str, str]:
    return {"business_central_id": str(coupling.bc_key), "sales_id": str(coupling.sales_key)}


def _record(coupling: Coupling, user: User | None, action: str, **values: dict[str, Any]) -> None:
    label = label_of(coupling.connection, System.BUSINESS_CENTRAL, coupling.bc_table, coupling.bc_key)
    target = f"{coupling.mapping.name} {label}"[:200]
    record_change(connection=coupling.connection, user=user, action=action, target=target, **values)
