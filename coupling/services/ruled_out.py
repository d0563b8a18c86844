"""Pairs that somebody said are not the same: never suggested again until that is taken back."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet

from connector.services.audit import record_change
from coupling.matching.models import MatchCandidate, MatchLine, RuledOutPair, SuggestionState
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
        _judge(mapping, wanted)
        record_change(
            connection=mapping.connection,
            user=user,
            action="pair.rule_out",
            target=mapping.name,
            after={"pairs": len(new), "reason": reason},
        )
    return len(new)


def allow_again(*, rows: Sequence[RuledOutPair], user: User | None) -> int:
    """Takes it back. Pairs whose candidate is still stored are suggested again at once; the others when their records
    are compared the next time, which is soon."""
    for mapping in {row.mapping for row in rows}:
        mine = [row for row in rows if row.mapping_id == mapping.pk]
        with transaction.atomic():
            RuledOutPair.objects.filter(pk__in=[row.pk for row in mine]).delete()
            _judge(mapping, {(row.bc_key, row.sales_key) for row in mine})
            _compare_again(mapping, mine)
            record_change(
                connection=mapping.connection,
                user=user,
                action="pair.allow",
                target=mapping.name,
                after={"pairs": len(mine)},
            )
    return len(rows)


def _compare_again(mapping: TableMapping, rows: Sequence[RuledOutPair]) -> None:
    """Records of which the pair is no candidate any more lose their line: what has none is compared anew."""
    lines = MatchLine.objects.filter(mapping=mapping, job_id=None)
    stored = set(
        MatchCandidate.objects.filter(line__in=lines, line__bc_key__in=[row.bc_key for row in rows]).values_list(
            "line__bc_key", "sales_key"
        )
    )
    lost = [row.bc_key for row in rows if (row.bc_key, row.sales_key) not in stored]
    if lost:
        MatchCandidate.objects.filter(line__in=lines.filter(bc_key__in=lost)).delete()
        lines.filter(bc_key__in=lost).delete()
        SuggestionState.objects.filter(mapping=mapping).update(mark="")


def _of_hub(user: User | None) -> User | None:
    return user if user is not None and user.pk else None


def _of(mapping: TableMapping, pairs: Iterable[tuple[UUID, UUID]]) -> QuerySet[RuledOutPair]:
    condition = Q(pk__in=[])
    for bc_key, sales_key in pairs:
        condition |= Q(bc_key=bc_key, sales_key=sales_key)
    return RuledOutPair.objects.filter(condition, mapping=mapping)


def _judge(mapping: TableMapping, pairs: set[tuple[UUID, UUID]]) -> None:
    """Verdicts of the records concerned, and of those that the rows are suggested to as well."""
    lines = MatchLine.objects.filter(mapping=mapping, job_id=None)
    keys, rows = {bc_key for bc_key, _ in pairs}, {sales_key for _, sales_key in pairs}
    near = lines.filter(Q(bc_key__in=keys) | Q(candidates__sales_key__in=rows))
    judge(mapping, only=list(near.distinct().values_list("pk", flat=True)))
