"""Configuration as a file, copies of how it was, the way back to the delivered state; always the difference first."""

import json
from itertools import groupby
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from config.web.request import PageRequest
from coupling.services.defaults import Difference, default_differences
from coupling.views.base import says_errors
from syncjobs.choices import CopyOrigin
from syncjobs.models import ConfigurationCopy
from syncjobs.services.configuration import (
    DocumentError,
    apply_configuration,
    differences,
    export_configuration,
    reset_configuration,
)

_LARGEST_FILE = 5_000_000


class UploadForm(forms.Form):
    file = forms.FileField(label="Configuration file", help_text="A file that “Export” of this or another hub made.")


@require_http_methods(["GET", "HEAD", "POST"])
def configuration(request: PageRequest, connection: str) -> HttpResponse:
    """Export, import, and the copies that resets and imports kept."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            document = _read(request.FILES["file"])
            differences(connection=request.connection, document=document)
        except DocumentError as error:
            form.add_error("file", str(error))
        else:
            copy = ConfigurationCopy.objects.create(
                connection=request.connection, origin=CopyOrigin.UPLOAD, document=document, user=request.user
            )
            return redirect("mapping-configuration-copy", connection=connection, pk=copy.pk)
    context = {
        "title": "Configuration",
        "form": form,
        "copies": request.connection.configuration_copies.select_related("user").defer("document")[:20],
        "crumbs": _crumbs(connection),
    }
    return render(request, "syncjobs/configuration.html", context, status=422 if form.errors else 200)


@require_safe
def configuration_export(request: PageRequest, connection: str) -> HttpResponse:
    """The document as a file; `name` (repeatable) limits it to some mappings."""
    names = request.GET.getlist("name") or None
    document = export_configuration(connection=request.connection, names=names)
    response = JsonResponse(document, json_dumps_params={"indent": 2, "ensure_ascii": False})
    name = f"{connection}-{timezone.now():%Y-%m-%d}.json"
    response["Content-Disposition"] = f'attachment; filename="couplet-{name}"'
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@says_errors
def configuration_copy(request: PageRequest, connection: str, pk: int) -> HttpResponse:
    """What a copy or file differs in from how things are; POST puts it in force."""
    copy = get_object_or_404(ConfigurationCopy, connection=request.connection, pk=pk)
    here = reverse("mapping-configuration", kwargs={"connection": connection})
    if request.method == "POST":
        changed = apply_configuration(
            connection=request.connection, document=copy.document, user=request.user, origin=CopyOrigin.BEFORE_IMPORT
        )
        copy.applied_at = timezone.now()
        copy.save(update_fields=["applied_at"])
        messages.success(request, f"{_settings(len(changed))} changed. A copy of how it was is kept here.")
        return redirect(here)
    try:
        found = differences(connection=request.connection, document=copy.document)
    except DocumentError as error:
        messages.error(request, str(error))
        return redirect(here)
    context = {
        "title": str(copy),
        "lead": "What would change if this were put in force. Couplings stay in any case.",
        "groups": _groups(found),
        "wanted": "Then",
        "action": "Put in force",
        "nothing": "Everything is as this file or copy says.",
        "crumbs": [*_crumbs(connection), ("Configuration", here)],
    }
    return render(request, "syncjobs/configuration_difference.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@says_errors
def mapping_reset(request: PageRequest, connection: str) -> HttpResponse:
    """How mappings (`name`, repeatable; none: all) differ from their delivered state; POST puts them back."""
    names = request.GET.getlist("name") or None
    if request.method == "POST":
        changed = reset_configuration(connection=request.connection, names=names, user=request.user)
        mappings = len({difference.mapping for difference in changed})
        words = f"{mappings} mapping{' is' if mappings == 1 else 's are'}"
        messages.success(request, f"{words} as delivered. A copy of how it was is kept under Configuration.")
        return redirect("mapping-list", connection=connection)
    found = default_differences(connection=request.connection, names=names)
    context = {
        "title": "Use default synchronisation setup",
        "lead": "What differs from the delivered setup. Mappings of your own and couplings stay.",
        "groups": _groups(found),
        "wanted": "Delivered",
        "action": "Use delivered setup",
        "nothing": "Everything is as delivered.",
        "crumbs": _crumbs(connection),
    }
    return render(request, "syncjobs/configuration_difference.html", context)


@require_POST
@says_errors
def configuration_delete(request: PageRequest, connection: str, pk: int) -> HttpResponse:
    get_object_or_404(ConfigurationCopy, connection=request.connection, pk=pk).delete()
    messages.success(request, "The copy is deleted.")
    return redirect("mapping-configuration", connection=connection)


def _read(upload: Any) -> dict[str, Any]:
    if upload.size > _LARGEST_FILE:
        raise DocumentError("The file is too large to be a configuration.")
    try:
        document: dict[str, Any] = json.loads(upload.read().decode("utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DocumentError("The file is no JSON document.") from error
    return document


def _groups(found: list[Difference]) -> list[tuple[str, list[Difference]]]:
    ordered = sorted(found, key=lambda each: each.mapping)
    return [(name, list(rows)) for name, rows in groupby(ordered, key=lambda each: each.mapping)]


def _settings(number: int) -> str:
    return "1 setting" if number == 1 else f"{number} settings"


def _crumbs(connection: str) -> list[tuple[str, str]]:
    return [("Mappings", reverse("mapping-list", kwargs={"connection": connection}))]
