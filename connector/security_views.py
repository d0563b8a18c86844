"""Pages beside Connection Setup: swapping to a certificate, components in Sales, and the key that protects secrets."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from config.web.confirm import confirmation_page, is_confirmed
from config.web.request import PageRequest
from connector.choices import CredentialKind
from connector.clients import INTERACTIVE, sales_client
from connector.errors import HubError, SettingsError
from connector.keypairs import facts_of, make_key_pair
from connector.models import Credential, SetupDraft
from connector.services import audit, components, encryption, setup
from connector.services.connection_test import run_connection_test
from connector.services.report import as_text
from connector.wizard import drafts


@require_http_methods(["GET", "HEAD", "POST"])
def connection_certificate(request: PageRequest, connection: str) -> HttpResponse:
    """Swaps the secret for a certificate in three steps; the old credential stays until the new one has signed in."""
    draft = drafts.open_draft(request.connection)
    stored = Credential.objects.filter(connection=request.connection).first()
    in_use = (
        stored is not None and stored.certificate == draft.certificate and stored.kind == CredentialKind.CERTIFICATE
    )
    here = reverse("connection-certificate", kwargs={"connection": connection})
    problem = ""
    if request.method == "POST":
        try:
            if request.POST.get("action") == "switch" and draft.certificate and not in_use:
                return _switch(request, draft)
            encryption.require_key()
            pair = make_key_pair(f"Couplet {request.connection.slug}")
            draft.private_key, draft.certificate = pair.private_key, pair.certificate
            draft.changed_by = request.user
            draft.revision += 1
            draft.save(update_fields=["private_key", "certificate", "changed_by", "changed_at", "revision"])
            messages.success(request, "A key pair was made. The credential in use has not changed.")
            return redirect(here)
        except HubError as error:
            sentences = error.fields.values() if isinstance(error, SettingsError) else ()
            problem = " ".join(sentence for each in sentences for sentence in each) or f"{error} {error.hint}"
    context = {
        "title": "Switch to a certificate",
        "stored": stored,
        "in_use": facts_of(stored.certificate) if stored and stored.certificate else None,
        "waiting": facts_of(draft.certificate) if draft.certificate and not in_use else None,
        "problem": problem,
        "crumbs": [("Connection Setup", request.connection.get_absolute_url())],
    }
    return render(request, "connector/certificate.html", context, status=422 if problem else 200)


@require_safe
def connection_report(request: PageRequest, connection: str) -> HttpResponse:
    """The newest test as a text file, for whoever is asked to help; it holds no secret."""
    text = as_text(request.connection)
    answer = HttpResponse(text, content_type="text/plain; charset=utf-8")
    at = request.connection.last_test_at or timezone.now()
    answer["Content-Disposition"] = f'attachment; filename="couplet-{connection}-test-{at:%Y-%m-%d-%H%M}.txt"'
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
def connection_components(request: PageRequest, connection: str) -> HttpResponse:
    """What the hub makes use of in Sales, and the roles it has there; read on request, repaired while disabled."""
    report, problem, done = None, "", []
    repairing = request.POST.get("action") == "repair"
    if request.method == "POST":
        try:
            client = sales_client(request.connection, patience=INTERACTIVE)
            if repairing and request.connection.enabled:
                problem = "Disable the connection before repairing."
            elif repairing:
                done = components.repair(request.connection, client)
                changed = {"done": " ".join(done) or "nothing had to be done"}
                audit.record_change(
                    connection=request.connection, user=request.user, action="repair components", after=changed
                )
            report = components.look(request.connection, client)
        except HubError as error:
            problem = f"{error} {error.hint}".strip()
    context = {
        "title": "Components and roles in Sales",
        "report": report,
        "problem": problem,
        "done": done,
        "repairing": repairing and not problem,
        "crumbs": [("Connection Setup", request.connection.get_absolute_url())],
    }
    return render(request, "connector/components.html", context, status=422 if problem else 200)


@require_safe
def hub_encryption(request: PageRequest) -> HttpResponse:
    """Which keys there are and how many secrets each protects."""
    keys, lost = encryption.keys_in_use()
    context = {
        "title": "Encryption",
        "keys": keys,
        "lost": lost,
        "outdated": sum(each.secrets for each in keys if not each.newest),
        "notice": "" if encryption.can_keep_secrets() else f"{encryption.NOTICE} {encryption.WAY_OUT}",
    }
    return render(request, "connector/encryption.html", context)


@require_POST
def hub_encryption_rotate(request: PageRequest) -> HttpResponse:
    if not is_confirmed(request):
        return confirmation_page(
            request,
            title="Encrypt everything with the newest key?",
            text="Afterwards the older keys can be taken out of COUPLET_ENCRYPTION_KEYS.",
            label="Encrypt anew",
            back=reverse("encryption"),
            danger=False,
        )
    try:
        changed = encryption.rotate(user=request.user)
    except SettingsError as error:
        messages.error(request, f"{error} {error.hint}")
    else:
        words = f"{changed} secrets are" if changed != 1 else "One secret is"
        messages.success(request, f"{words} encrypted with the newest key now.")
    return redirect("encryption")


def _switch(request: PageRequest, draft: SetupDraft) -> HttpResponse:
    """Raises SettingsError where the certificate cannot sign in; the old credential is in use then as before."""
    changes = {"certificate": draft.certificate, "private_key": draft.private_key}
    connection = setup.update_connection(connection=request.connection, changes=changes, user=request.user)
    report = run_connection_test(connection=connection)
    if draft.answers.get("identity"):
        draft.answers["identity"]["credential_kind"] = CredentialKind.CERTIFICATE
        draft.save(update_fields=["answers"])
    if report.succeeded:
        messages.success(request, "The certificate is in use now; both systems accept it. The secret can be deleted.")
    else:
        messages.warning(request, "The certificate is in use now, but the test below found something else.")
    return redirect(f"{connection.get_absolute_url()}#test")
