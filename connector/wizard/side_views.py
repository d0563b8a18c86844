"""What assisted setup offers beside its steps: the certificate to upload, starting over, and the demo at one press."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from config.web.confirm import confirmation_page, is_confirmed
from config.web.request import PageRequest
from connector.errors import HubError
from connector.models import Connection, SetupDraft
from connector.services import setup
from connector.wizard import drafts, finish, presets
from connector.wizard.page import address_of


@require_safe
def setup_certificate(request: PageRequest, connection: str) -> HttpResponse:
    """The public part of the draft's certificate, to be uploaded in Entra."""
    draft = drafts.open_draft(request.connection)
    if not draft.certificate:
        raise Http404("There is no certificate.")
    answer = HttpResponse(draft.certificate, content_type="application/x-pem-file")
    answer["Content-Disposition"] = f'attachment; filename="couplet-{connection}.cer"'
    return answer


@require_POST
def setup_discard(request: PageRequest, connection: str) -> HttpResponse:
    """Forgets the draft; the connection stays as it is."""
    if not is_confirmed(request):
        return confirmation_page(
            request,
            title="Start over?",
            text="The answers of this setup are forgotten; the connection itself stays as it is.",
            label="Start over",
            back=address_of(connection, "welcome"),
        )
    if finish.is_running(drafts.open_draft(request.connection)):
        messages.warning(request, finish.BUSY)
        return redirect(address_of(connection, "summary"))
    SetupDraft.objects.filter(connection=request.connection).delete()
    messages.success(request, "The draft is gone; setup begins with the connection's present values.")
    return redirect(address_of(connection, "welcome"))


@require_POST
def setup_demo(request: PageRequest, connection: str) -> HttpResponse:
    """Connects the sandbox of this machine with all its values, in one go."""
    preset = presets.preset_for(request.connection)
    if preset is None:
        messages.warning(request, "There is no demo to connect, or this connection is enabled already.")
        return redirect(address_of(connection, "welcome"))
    try:
        changes = {**preset.values(), **preset.choices}
        setup.update_connection(connection=request.connection, changes=changes, user=request.user)
        setup.enable(connection=Connection.objects.get(pk=request.connection.pk), user=request.user)
    except HubError as error:
        messages.error(request, f"The demo could not be connected. {error} {error.hint}")
        return redirect(address_of(connection, "welcome"))
    SetupDraft.objects.filter(connection=request.connection).delete()
    messages.success(request, "The demo is connected. Calculate the plan, then start the first synchronisation.")
    return redirect(reverse("full-synch-review", kwargs={"connection": connection}))
