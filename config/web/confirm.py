"""Asking before something that cannot simply be taken back. Works without JavaScript, and is one dialog with it.

A button that needs a question carries `data-confirm`; the script shows the question as a dialog and adds
`confirmed=1`. Without the script the form arrives here unconfirmed and the same question is a page.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def is_confirmed(request: HttpRequest) -> bool:
    return request.POST.get("confirmed") == "1"


def confirmation_page(
    request: HttpRequest, *, title: str, text: str, label: str, back: str, danger: bool = True
) -> HttpResponse:
    """The question as a page; its form repeats what was posted. `label` names the deed, `back` is where No leads."""
    posted: list[tuple[str, Any]] = [
        (name, value)
        for name, values in request.POST.lists()
        if name not in ("csrfmiddlewaretoken", "confirmed")
        for value in values
    ]
    context = {"title": title, "text": text, "label": label, "back": back, "danger": danger, "posted": posted}
    return render(request, "components/confirmation.html", context)
