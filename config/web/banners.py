"""Banners that a person has folded away, by kind; what the kinds are is up to the pages that show them."""

from django.contrib.auth.models import User

from config.models import HiddenBanner


def is_hidden(*, user: User, kind: str) -> bool:
    return HiddenBanner.objects.filter(user=user, kind=kind).exists()


def hide(*, user: User, kind: str) -> None:
    HiddenBanner.objects.get_or_create(user=user, kind=kind)


def show_again(*, user: User, kind: str) -> None:
    HiddenBanner.objects.filter(user=user, kind=kind).delete()
