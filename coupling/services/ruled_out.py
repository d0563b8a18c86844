"""Pairs that somebody said are not the same: never suggested again until that is taken back."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet

from connector.services.audit import record_change
from coupling.matching.models import MatchCandidate, MatchLine, RuledOutPair
from coupling.matching.verdicts import judge
from coupling.models import TableMapping


def rule_out(*, mapping: TableMapping, pairs: Iterable[tuple[UUID, UUID]], user: User | None, reason: str = "") -> int:
    """Rules out (BC key, Sales key) pairs and takes them out of the suggestions at once. Returns how many are new."""
    wanted = set(pairs)
    present = set(_of(mapping, wanted).values_list("bc_key", "sales_key"))
    new = sorted(wanted - present, key=str)
    with transaction.atomic():
        RuledOutPair.objects.bulk_create(
            [
                RuledOutPair(
                    mapping=mapping, bc_key=bc_key, sales_key=sales_key, reason=reason[:200], user=_of_hub(user)
                )
                for bc_key, sales_key in new
            ],
            ignore_conflicts=True,
        )
        _forget(mapping, wanted)
        record_change(
            connection=mapping.connection,
            user=user,
            action="pair.rule_out",
            target=mapping.name,
            after={"pairs": len(new), "reason": reason},
        )
    return len(new)


def allow_again(*, rows: Sequence[RuledOutPair], user: User | None) -> int:
    """Takes it back; the pairs come up again when their records are compared the next time, which is soon."""
    for mapping in {row.mapping for row in rows}:
        mine = [row for row in rows if row.mapping_id == mapping.pk]
        with transaction.atomic():
            RuledOutPair.objects.filter(pk__in=[row.pk for row in mine]).delete()
            # A record without a line is compared anew.
            lines = MatchLine.objects.filter(mapping=mapping, job_id=None, bc_key__in=[row.bc_key for row in mine])
            lines.delete()
            mapping_state = getattr(mapping, "suggestion_state", None)
            if mapping_state is not None:
                type(mapping_state).objects.filter(pk=mapping_state.pk).update(mark="")
            record_change(
                connection=mapping.connection,
                user=user,
                action="pair.allow",
                target=mapping.name,
                after={"pairs": len(mine)},
            )
    return len(rows)


def _of_hub(user: User | None) -> User | None:
    return user if user is not None and user.pk else None


def _of(mapping: TableMapping, pairs: Iterable[tuple[UUID, UUID]]) -> QuerySet[RuledOutPair]:
    condition = Q(pk__in=[])
    for bc_key, sales_key in pairs:
        condition |= Q(bc_key=bc_key, sales_key=sales_key)
    return RuledOutPair.objects.filter(condition, mapping=mapping)


def _forget(mapping: TableMapping, pairs: Iterable[tuple[UUID, UUID]]) -> None:
    condition = Q(pk__in=[])
    for bc_key, sales_key in pairs:
        condition |= Q(line__bc_key=bc_key, sales_key=sales_key)
    lines = MatchLine.objects.filter(mapping=mapping, job_id=None)
    keys, rows = {bc_key for bc_key, _ in pairs}, {sales_key for _, sales_key in pairs}
    near = lines.filter(Q(bc_key__in=keys) | Q(candidates__sales_key__in=rows))
    touched = list(near.distinct().values_list("pk", flat=True))
    MatchCandidate.objects.filter(condition, line__in=lines).delete()
    judge(mapping, only=touched)
