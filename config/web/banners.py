"""Banners and messages that a person does not want, by kind; the kinds belong to the pages that show them."""

from collections.abc import Collection

from django.contrib.auth.models import User

from config.models import HiddenBanner

DONE = "done"
"""Messages that say no more than that something was done; errors and warnings are always said."""


def is_hidden(*, user: User, kind: str) -> bool:
    return HiddenBanner.objects.filter(user=user, kind=kind).exists()


def hide(*, user: User, kind: str) -> None:
    HiddenBanner.objects.get_or_create(user=user, kind=kind)


def show_again(*, user: User, kind: str) -> None:
    HiddenBanner.objects.filter(user=user, kind=kind).delete()


def hidden_among(*, user: User, kinds: Collection[str]) -> set[str]:
    return set(HiddenBanner.objects.filter(user=user, kind__in=kinds).values_list("kind", flat=True))


def hide_exactly(*, user: User, kinds: Collection[str], hidden: Collection[str]) -> None:
    """Of `kinds` those in `hidden` are hidden, the others shown."""
    HiddenBanner.objects.filter(user=user, kind__in=set(kinds) - set(hidden)).delete()
    HiddenBanner.objects.bulk_create((HiddenBanner(user=user, kind=kind) for kind in hidden), ignore_conflicts=True)
