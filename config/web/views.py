"""Pages about the person who is signed in: account, API token, columns of their lists."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST
from rest_framework.authtoken.models import Token

from config.models import ListPreference
from config.roles import Role
from config.web.confirm import confirmation_page, is_confirmed
from config.web.lists import DEFAULT_PAGE_SIZE, PAGE_SIZES
from config.web.request import PageRequest

MOST_COLUMNS = 60


@require_http_methods(["GET", "HEAD"])
def account(request: PageRequest) -> HttpResponse:
    """Who one is, one's roles, and whether one has an API token. The key itself is shown once, when it is made."""
    groups = set(request.user.groups.values_list("name", flat=True))
    context: dict[str, Any] = {
        "title": "Your account",
        "roles": [role.value.capitalize() for role in Role if role in groups],
        "token": Token.objects.filter(user=request.user).first(),
        "new_key": request.session.pop("new_api_key", None),
    }
    return render(request, "registration/account.html", context)


@require_POST
def account_token(request: PageRequest) -> HttpResponse:
    """Makes a token, replaces it (the old one stops working at once) or takes it away."""
    back = reverse("account")
    revoke = request.POST.get("action") == "revoke"
    exists = Token.objects.filter(user=request.user).exists()
    if exists and not is_confirmed(request):
        return confirmation_page(
            request,
            title="Revoke the API token?" if revoke else "Replace the API token?",
            text="Programs that use the present token are refused from now on.",
            label="Revoke token" if revoke else "Replace token",
            back=back,
        )
    Token.objects.filter(user=request.user).delete()
    if revoke:
        messages.success(request, "The API token is revoked.")
    else:
        request.session["new_api_key"] = Token.objects.create(user=request.user).key
    return redirect(back)


@require_POST
def list_settings(request: PageRequest, list_name: str) -> HttpResponse:
    """Stores columns and page size of one list for the person signed in; `reset` forgets them."""
    back = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}):
        back = "/"
    if "reset" in request.POST:
        ListPreference.objects.filter(user=request.user, list_name=list_name).delete()
        return redirect(back)
    columns = request.POST.getlist("columns")
    size = request.POST.get("page_size", str(DEFAULT_PAGE_SIZE))
    too_long = any(len(name) > MOST_COLUMNS for name in [list_name, *columns])
    if too_long or len(columns) > MOST_COLUMNS or not size.isdecimal() or int(size) not in PAGE_SIZES:
        return HttpResponseBadRequest("These are not settings of a list.")
    ListPreference.objects.update_or_create(
        user=request.user, list_name=list_name, defaults={"columns": columns, "page_size": int(size)}
    )
    return redirect(back)
