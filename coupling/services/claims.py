"""Who is coupling which record right now, so that two people do not decide about the same one."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.utils import timezone

from connector.choices import System
from connector.models import Connection
from coupling.exceptions import ClaimedError
from coupling.matching.models import RecordClaim
from coupling.services.search import mirror_of

CLAIM = timedelta(minutes=5)
"""How long a record stays with somebody who does nothing with it."""


def claim(
    *, connection: Connection, system: System, table: str, key: UUID, user: User, take_over: bool = False
) -> RecordClaim | None:
    """Gives the record to `user` for some minutes. Returns the claim of somebody else who has it and keeps it; None
    where `user` has it now. `take_over` takes it from whoever has it."""
    now = timezone.now()
    claimed, created = RecordClaim.objects.get_or_create(
        connection=connection,
        system=system,
        table=table,
        key=key,
        defaults={"user": user, "expires_at": now + CLAIM},
    )
    if created:
        return None
    mine = RecordClaim.objects.filter(pk=claimed.pk)
    if not take_over:
        mine = mine.filter(Q(user=user) | Q(expires_at__lt=now))
    if mine.update(user=user, expires_at=now + CLAIM):
        return None
    return RecordClaim.objects.select_related("user").filter(pk=claimed.pk).first()


def release(*, connection: Connection, system: System, table: str, keys: Iterable[UUID], user: User) -> None:
    """Lets go of the records that `user` has."""
    claims = RecordClaim.objects.filter(connection=connection, system=system, table=table, user=user)
    claims.filter(key__in=list(keys)).delete()


def let_go(*, connection: Connection, system: System, table: str, key: UUID, user: User, until: datetime) -> None:
    """Ends a claim of `user` that ends at `until`: of a page that was left and not opened again since."""
    claims = RecordClaim.objects.filter(connection=connection, system=system, table=table, key=key, user=user)
    claims.filter(expires_at=until).delete()


def claimed_until(*, connection: Connection, system: System, table: str, key: UUID, user: User) -> datetime | None:
    """When the record ceases to be reserved for `user`."""
    claims = RecordClaim.objects.filter(connection=connection, system=system, table=table, key=key, user=user)
    return claims.values_list("expires_at", flat=True).first()


def require_unclaimed(connection: Connection, records: Mapping[System, tuple[str, UUID]], user: User | None) -> None:
    """Raises ClaimedError where somebody else has one of the records; work without a person asks nobody."""
    if user is None:
        return
    for system, (table, key) in records.items():
        found = claimed_by_others(connection, system, table, user).filter(key=key).select_related("user").first()
        if found is not None:
            record = mirror_of(system).objects.of_table(connection.pk, table).filter(key=key).first()
            raise ClaimedError(
                f"{record or 'The record'} is being coupled by {found.user} right now.",
                hint=f"Ask {found.user}, wait until {found.expires_at:%H:%M} UTC, or take it over.",
                details={"system": str(system), "user": found.user.get_username()},
            )


def claimed_by_others(connection: Connection, system: System, table: str, user: User) -> QuerySet[RecordClaim]:
    """Claims of other people that are in force."""
    claims = RecordClaim.objects.filter(connection=connection, system=system, table=table)
    return claims.filter(expires_at__gte=timezone.now()).exclude(user=user)
