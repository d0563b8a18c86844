"""The question before another company or organisation takes the place of one that couplings depend on."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from config.web.confirm import confirmation_page, is_confirmed
from config.web.request import PageRequest
from connector.errors import HubError
from connector.provisioning import couplings_of
from connector.services.another_company import connect_another


def other_company(request: PageRequest, changes: dict[str, Any]) -> HttpResponse:
    """Asks, then makes the other connection; the present one keeps its couplings, switched off."""
    here = request.connection.get_absolute_url()
    if any(value for name, value in request.POST.items() if name.endswith("secret")):
        # The question repeats what was typed, which a secret is not meant for.
        messages.error(request, "Save the new secret by itself first, then choose the other company.")
        return redirect(here)
    # What the refused change left in memory is not what is stored.
    request.connection.refresh_from_db()
    if not is_confirmed(request):
        number = couplings_of(request.connection)
        return confirmation_page(
            request,
            title="Park the couplings?",
            text=f"{number} couplings belong to {request.connection.company_name or 'the present company'}. They stay "
            "parked: this connection keeps them as it is, switched off. A new connection takes over its addresses, "
            "sign-in, settings and mappings, with what you changed, and has no couplings yet. To go back, disable "
            "the new one and enable this one again.",
            label="Make the other connection",
            back=here,
            danger=False,
        )
    try:
        made = connect_another(connection=request.connection, changes=changes, user=request.user)
    except HubError as error:
        messages.error(request, f"The other connection was not made. {error} {error.hint}".strip())
        return redirect(here)
    messages.success(request, f"{made} is made and switched off; the couplings stay with the other one. Test it next.")
    return redirect(made)
