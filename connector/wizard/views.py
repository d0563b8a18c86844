"""The pages of assisted setup. Each answer is stored before anything else happens, so nothing typed gets lost."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRedirect

from config.web.confirm import confirmation_page, is_confirmed
from config.web.request import PageRequest, wants_partial
from connector.choices import OwnershipModel
from connector.errors import HubError, SettingsError
from connector.keypairs import make_key_pair, read_key_pair
from connector.models import SetupDraft
from connector.services.encryption import NoKeyError, require_key
from connector.services.local_currency import make_local_currency
from connector.wizard import checks, choices, drafts, finish
from connector.wizard.drafts import DraftChangedError, Secrets
from connector.wizard.forms import OwnershipForm
from connector.wizard.page import LEAVE_QUESTION, address_of, finish_address, finish_progress, show
from connector.wizard.step_form import StepForm
from connector.wizard.steps import BY_SLUG, Step, after, before
from connector.wizard.system_forms import BusinessCentralForm

_REFUSED = 422


@require_safe
def setup_start(request: PageRequest, connection: str) -> HttpResponse:
    """Where setup was left."""
    return redirect(address_of(connection, drafts.open_draft(request.connection).step))


@require_http_methods(["GET", "HEAD", "POST"])
def setup_step(request: PageRequest, connection: str, step: str) -> HttpResponse:
    if step not in BY_SLUG:
        raise Http404("Assisted setup has no such step.")
    if request.method != "POST" and "finish" in request.GET and not _is_finishing(request):
        return _finished(request)
    if wants_partial(request):
        return render(request, "connector/_setup_progress.html", finish_progress(drafts.open_draft(request.connection)))
    draft = drafts.open_draft(request.connection)
    if request.method != "POST":
        return show(request, draft, BY_SLUG[step], drafts.form_of(draft, step))
    return _Post(request, draft, BY_SLUG[step]).answer()


def _is_finishing(request: PageRequest) -> bool:
    """Whether Finish is at work or has failed; the draft is gone when it is done."""
    return SetupDraft.objects.filter(connection=request.connection).exclude(progress={}).exists()


def _finished(request: PageRequest) -> HttpResponse:
    """Where Finish leads to, for whoever watched it to its end or comes back to it."""
    messages.success(request, "Setup is finished; the connection is enabled.")
    name = "full-synch-review" if request.GET.get("finish") == "plan" else "connection-setup"
    address = reverse(name, kwargs={"connection": request.connection.slug})
    return HttpResponseClientRedirect(address) if wants_partial(request) else redirect(address)


class _Post:
    """One posted step: save, then what the button asks for."""

    def __init__(self, request: PageRequest, draft: SetupDraft, step: Step) -> None:
        self.request, self.draft, self.step = request, draft, step
        self.action = request.POST.get("action", "next")
        self.notices: list[str] = []

    def answer(self) -> HttpResponse:
        if finish.is_running(self.draft):
            messages.warning(self.request, finish.BUSY)
            return redirect(address_of(self._slug, "summary"))
        form = self.step.form(
            self.request.POST.dict(), self.request.FILES, draft=self.draft, connection=self.request.connection
        )
        try:
            secrets = self._secrets(form)
            self.draft = drafts.save(
                draft=self.draft,
                step=self.step.slug,
                answers=self._answers(form),
                secrets=secrets,
                revision=int(self.request.POST.get("revision") or 0),
                user=self.request.user,
                open_step=self.step.slug,
            )
        except DraftChangedError as error:
            newest = drafts.open_draft(self.request.connection)
            form.draft = newest
            return self._again(form, newest, notices=[f"{error} {error.hint}"])
        except NoKeyError as error:
            return self._again(form, self.draft, notices=[f"{error} {error.hint}"])
        except SettingsError as error:
            form.is_valid()
            for name, sentences in error.fields.items():
                form.add_error(name, sentences)
            return self._again(form, self.draft)
        form = self.step.form(
            drafts.form_of(self.draft, self.step.slug).data, draft=self.draft, connection=self.request.connection
        )
        return self._act(form)

    def _act(self, form: StepForm) -> HttpResponse:
        match self.action:
            case "back":
                previous = before(self.step.slug)
                if previous is not None and before(previous.slug) is None:
                    # The first step has no advanced view; coming from it everything is simple again.
                    self.request.session["setup_advanced"] = False
                return self._go(previous or self.step)
            case "leave":
                if not is_confirmed(self.request):
                    return confirmation_page(
                        self.request,
                        title="Leave setup?",
                        text=LEAVE_QUESTION,
                        label="Leave",
                        back=address_of(self._slug, self.step.slug),
                        danger=False,
                    )
                messages.info(self.request, "Your answers are kept; Assisted Setup goes on where you left it.")
                return redirect(self.request.connection)
            case "simple" | "advanced":
                self.request.session["setup_advanced"] = self.action == "advanced"
                return redirect(address_of(self._slug, self.step.slug))
            case "key-pair":
                return self._key_pair()
            case "companies":
                return self._read(form, checks.find_companies, "companies")
            case "people":
                return self._read(form, checks.find_people, "people")
            case "people-suggest" | "people-new" | "people-clear" if isinstance(form, OwnershipForm):
                self._store({**self.draft.answers["people"], **form.filled(self.action)})
                return self._again(drafts.form_of(self.draft, "people"), self.draft, status=200)
            case "make-currency":
                return self._make_currency(form)
            case "finish":
                return self._finish(form)
            case action if action.startswith("off:") and self.step.slug == "subjects":
                return self._switch_off(action.removeprefix("off:"))
        return self._check_or_next(form)

    def _check_or_next(self, form: StepForm) -> HttpResponse:
        slug = self.step.slug
        valid = form.is_valid()
        if valid and isinstance(form, BusinessCentralForm) and self.action == "next":
            if not form.companies():
                self._find_quietly()
                form = drafts.form_of(self.draft, slug)
                form.is_valid()
            assert isinstance(form, BusinessCentralForm)  # noqa: S101 - for the type checker
            form.require_company()
            valid = not form.errors
        if not valid:
            return self._again(form, self.draft)
        if self.step.checked:
            on, _, single = self.action.partition(":")
            if single:
                checks.run_check(self.draft, slug, *single.split(":", 1))
            elif on == "check" or checks.outcome(self.draft, slug) in ("", "stale", "failed"):
                checks.run_checks(self.draft, slug)
            outcome = checks.outcome(self.draft, slug)
            if outcome == "warning" and self.request.POST.get("understood") and self.action == "next":
                checks.accept_warnings(self.draft, slug)
                outcome = "passed"
            if outcome != "passed" or on == "check":
                status = 200 if outcome == "passed" or on == "check" else _REFUSED
                return self._again(drafts.form_of(self.draft, slug), self.draft, status=status)
        refusal = self._refusal()
        if refusal is not None:
            return refusal
        following = after(slug)
        return self._go(following or self.step)

    def _refusal(self) -> HttpResponse | None:
        """What keeps a step without checks from going on."""
        form = drafts.form_of(self.draft, self.step.slug)
        if self.step.slug == "subjects":
            rows = choices.rows_of(self.draft)
            if not choices.shown_all(self.draft, rows):
                return self._again(
                    form,
                    self.draft,
                    notices=["Your choice brings other mappings; they are shown now. Look at them, then press Next."],
                )
            needed = choices.missing_needs(rows)
            if needed:
                self._store(choices.with_needs(self.draft.answers["subjects"], needed))
                notices = [
                    f"{', '.join(sorted(by))} needs {name}, which is switched on now." for name, by in needed.items()
                ]
                return self._again(
                    drafts.form_of(self.draft, "subjects"),
                    self.draft,
                    notices=[*notices, "Press Next to accept that, or switch off what needs it."],
                    wanted_off=list(needed),
                )
        if isinstance(form, OwnershipForm) and form.is_valid():
            return self._people_refusal(form)
        if self.step.slug == "first" and finish.wants_plan(self.draft) and not is_confirmed(self.request):
            unmatched = [line.row.offer.name for line in choices.first_lines(self.draft) if line.is_unmatched]
            return self._unmatched_question(unmatched) if unmatched else None
        return None

    def _unmatched_question(self, names: list[str]) -> HttpResponse:
        return confirmation_page(
            self.request,
            title="Plan without matching?",
            text=f"Both sides have records, and nothing is chosen to match them on: {', '.join(names)}. The plan makes "
            "a new partner for each record. Nothing is written before you start it.",
            label="Plan without matching",
            back=address_of(self._slug, self.step.slug),
            danger=False,
        )

    def _people_refusal(self, form: OwnershipForm) -> HttpResponse | None:
        if form.cleaned_data["ownership_model"] != OwnershipModel.PERSON or self.request.connection.enabled:
            return None
        users = self.draft.found.get("people", {}).get("users")
        if users is None:
            return self._read(form, checks.find_people, "people")
        standing = form.people().standing
        if not standing:
            form.add_error(None, "Couple at least one user with a salesperson, or choose the team as the owner.")
            return self._again(form, self.draft)
        if len(standing) < len(users) and not is_confirmed(self.request):
            left = len(users) - len(standing)
            return confirmation_page(
                self.request,
                title="Go on with users left over?",
                text=f"{len(standing)} of {len(users)} users are coupled. The hub makes salespeople for the other "
                f"{left} when salespeople are synchronised. Continue?",
                label="Continue",
                back=address_of(self._slug, self.step.slug),
                danger=False,
            )
        return None

    def _store(self, answers: dict[str, Any]) -> None:
        """What a button made of the answers, as if it had been typed."""
        self.draft = drafts.save(
            draft=self.draft,
            step=self.step.slug,
            answers=answers,
            secrets=Secrets(),
            revision=self.draft.revision,
            user=self.request.user,
        )

    def _find_quietly(self) -> None:
        """The list of companies; why it cannot be read is what the step's checks say."""
        try:
            checks.find_companies(self.draft)
        except HubError as error:
            self.notices.append(f"{error} {error.hint}")

    def _read(self, form: StepForm, read: Any, what: str) -> HttpResponse:
        if not form.is_valid():
            return self._again(form, self.draft)
        try:
            read(self.draft)
        except HubError as error:
            form.add_error(None, f"The {what} cannot be read. {error} {error.hint}")
            return self._again(form, self.draft)
        return self._again(drafts.form_of(self.draft, self.step.slug), self.draft, status=200)

    def _make_currency(self, form: StepForm) -> HttpResponse:
        try:
            code = make_local_currency(connection=drafts.candidate(self.draft), user=self.request.user)
        except HubError as error:
            return self._again(form, self.draft, notices=[f"{error} {error.hint}"])
        checks.run_checks(self.draft, self.step.slug)
        return self._again(form, self.draft, notices=[f"Sales knows {code} now."], status=200)

    def _switch_off(self, name: str) -> HttpResponse:
        stopping = [name, *choices.dependents(choices.rows_of(self.draft), name)]
        self._store(choices.without(self.draft.answers["subjects"], stopping))
        notices = [f"Switched off: {', '.join(stopping)}."]
        return self._again(drafts.form_of(self.draft, "subjects"), self.draft, notices=notices, status=200)

    def _key_pair(self) -> HttpResponse:
        try:
            require_key()
        except NoKeyError as error:
            return self._again(drafts.form_of(self.draft, "identity"), self.draft, notices=[f"{error} {error.hint}"])
        pair = make_key_pair(f"Couplet {self.request.connection.slug}")
        self.draft = drafts.save(
            draft=self.draft,
            step="identity",
            answers={**self.draft.answers.get("identity", {}), "credential_kind": "certificate"},
            secrets=Secrets(private_key=pair.private_key, certificate=pair.certificate),
            revision=self.draft.revision,
            user=self.request.user,
        )
        messages.success(self.request, "A key pair was made. Download its certificate and upload it in Entra.")
        return redirect(address_of(self._slug, "identity"))

    def _finish(self, form: StepForm) -> HttpResponse:
        if finish.obstacles(self.draft):
            return self._again(form, self.draft)
        try:
            finish.start(draft=self.draft, user=self.request.user)
        except HubError as error:
            return self._again(form, self.draft, notices=[f"{error} {error.hint}"])
        return redirect(finish_address(self.draft))

    @property
    def _slug(self) -> str:
        return self.request.connection.slug

    def _answers(self, form: StepForm) -> dict[str, Any]:
        post = self.request.POST
        names = [name for name in form.fields if name not in form.secrets]
        typed: dict[str, Any] = {name: post[name] for name in names if name in post}
        if self.step.slug == "subjects":
            # Every mapping that any choice of switches brings may have been on the page.
            shown = [key.removeprefix("direction-") for key in post if key.startswith("direction-")]
            for key in shown:
                typed |= {
                    f"{part}-{key}": post[f"{part}-{key}"]
                    for part in ("on", "direction", "creates")
                    if f"{part}-{key}" in post
                }
            typed["shown"] = post.getlist("shown")
        if self.step.slug == "first":
            typed |= choices.first_answers(post)
        return typed

    def _secrets(self, form: StepForm) -> Secrets:
        """Raises SettingsError where an uploaded file is no certificate, or where no key protects what was entered."""
        if self.step.slug != "identity":
            return Secrets()
        post, uploaded = self.request.POST, self.request.FILES.get("certificate_file")
        secret = post.get("client_secret", "").strip() or None
        if secret or uploaded is not None:
            require_key()
        if uploaded is None:
            return Secrets(secret=secret)
        pair = read_key_pair(uploaded.read(65_536), post.get("certificate_password", ""))
        return Secrets(secret=secret, private_key=pair.private_key, certificate=pair.certificate)

    def _go(self, step: Step) -> HttpResponse:
        SetupDraft.objects.filter(pk=self.draft.pk).update(step=step.slug)
        return redirect(address_of(self._slug, step.slug))

    def _again(
        self,
        form: StepForm,
        draft: SetupDraft,
        *,
        notices: list[str] | None = None,
        wanted_off: Sequence[str] = (),
        status: int = _REFUSED,
    ) -> HttpResponse:
        said = [*self.notices, *(notices or [])]
        return show(self.request, draft, self.step, form, notices=said, wanted_off=wanted_off, status=status)
