"""The sign-in form, and its brake on guessing: after some wrong passwords a name or an address has to wait."""

import hashlib
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.core.cache import cache

MOST_FAILURES = 10
WAIT_SECONDS = 300


class SignInForm(AuthenticationForm):
    """Counts failures per user name and per client address together, so that a stranger cannot lock a person out."""

    def clean(self) -> dict[str, Any]:
        key = self._key()
        failures = cache.get(key, 0)
        if failures >= MOST_FAILURES:
            raise forms.ValidationError(
                f"Too many attempts. Try again in {WAIT_SECONDS // 60} minutes.", code="throttled"
            )
        try:
            cleaned = super().clean()
        except forms.ValidationError:
            cache.set(key, failures + 1, WAIT_SECONDS)
            raise
        cache.delete(key)
        return cleaned

    def _key(self) -> str:
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        name = self.cleaned_data.get("username", "").lower()
        return "signin:" + hashlib.sha256(f"{address}\n{name}".encode()).hexdigest()
