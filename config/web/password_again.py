"""Asking for the password again before something destructive, where it was last entered long ago.

An unlocked computer is enough to press a button; it shall not be enough to delete logs or couplings for good. Which
addresses are destructive stands in `config.access`.
"""

import time
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from config.web.signin import SignInForm

GRACE_SECONDS = 15 * 60
_ENTERED = "password_entered_at"
_FIELD = "password_again"


def ask_if_long_ago(request: HttpRequest) -> HttpResponse | None:
    """The page that asks, with everything that was posted; None where the password was entered lately, or just now."""
    user = request.user
    # Strangers never get here; whoever has no password (an account made by a program) cannot be asked for one.
    if not isinstance(user, User) or not user.has_usable_password():
        return None
    if time.time() - request.session.get(_ENTERED, 0) < GRACE_SECONDS:
        return None
    problem = ""
    if _FIELD in request.POST:
        form = SignInForm(request, {"username": user.get_username(), "password": request.POST[_FIELD]})
        if form.is_valid():
            _remember(request)
            return None
        throttled = form.has_error("__all__", "throttled")
        problem = str(form.non_field_errors()[0]) if throttled else "This is not your password."
    posted = [
        (name, value)
        for name, values in request.POST.lists()
        if name not in ("csrfmiddlewaretoken", _FIELD)
        for value in values
    ]
    context = {
        "title": "Your password, please",
        "posted": posted,
        "problem": problem,
        "minutes": GRACE_SECONDS // 60,
        "field": _FIELD,
    }
    return render(request, "components/password_again.html", context, status=403 if problem else 200)


def _remember(request: HttpRequest, **more: Any) -> None:
    request.session[_ENTERED] = time.time()


def _signed_in(sender: Any, request: HttpRequest | None, **more: Any) -> None:
    if request is not None:
        _remember(request)


def watch_sign_ins() -> None:
    """Called once while Django starts."""
    user_logged_in.connect(_signed_in, dispatch_uid="couplet.password_again")
