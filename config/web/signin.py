"""The sign-in form, and its brake on guessing: after some wrong passwords one has to wait.

Failures count in the cache, per user name and client address together: whoever guesses slows only himself down, and
nobody can lock a person out from elsewhere. A name that does not exist is treated like any other, and Django hashes a
password for it too, so that neither words nor time tell which names exist.
"""

import hashlib
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.core.cache import cache
from django.http import HttpRequest

MOST_FAILURES = 10
WAIT_SECONDS = 300


class SignInForm(AuthenticationForm):
    """Refuses even the right password once there were too many wrong ones; the wait begins with the first of them."""

    def clean(self) -> dict[str, Any]:
        key = _key(_address(self.request), self.cleaned_data.get("username", "").casefold())
        if cache.get(key, 0) >= MOST_FAILURES:
            raise forms.ValidationError(
                f"Too many attempts. Try again in {WAIT_SECONDS // 60} minutes.", code="throttled"
            )
        try:
            cleaned = super().clean()
        except forms.ValidationError:
            _count(key)
            raise
        cache.delete(key)
        return cleaned


def _address(request: HttpRequest | None) -> str:
    """Where the attempt comes from; behind a proxy the address that the proxy itself saw, which it adds at the end."""
    if request is None:
        return ""
    if settings.SECURE_PROXY_SSL_HEADER and (forwarded := request.headers.get("X-Forwarded-For")):
        return forwarded.rsplit(",", 1)[-1].strip()
    return str(request.META.get("REMOTE_ADDR", ""))


def _key(address: str, name: str) -> str:
    return "signin:" + hashlib.sha256(f"{address}\n{name}".encode()).hexdigest()


def _count(key: str) -> None:
    """One more failure; counted by the cache itself, so that attempts at the same time all count."""
    if not cache.add(key, 1, WAIT_SECONDS):
        try:
            cache.incr(key)
        except ValueError:
            # It ran out between the two calls.
            cache.add(key, 1, WAIT_SECONDS)
