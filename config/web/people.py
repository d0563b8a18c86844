"""People of the hub: who may sign in, with which roles. Administrators only."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import Group, User
from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods
from rest_framework.authtoken.models import Token

from config.roles import Role, ensure_groups
from config.web.request import PageRequest

_DOES = {
    Role.ADMINISTRATOR: "Administrator: everything",
    Role.OPERATOR: "Operator: tests, previews, runs over changes, schedules; reads settings",
    Role.SALESPERSON: "Salesperson: couples, synchronises records, settles errors and conflicts",
    Role.VIEWER: "Viewer: looks at everything, settings included, and changes nothing",
}


class PersonForm(forms.Form):
    """One person. The password is asked for a new one only; for the others it replaces the present one."""

    username = forms.CharField(
        label="User name", max_length=150, widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
    )
    first_name = forms.CharField(label="First name", max_length=150, required=False)
    last_name = forms.CharField(label="Last name", max_length=150, required=False)
    email = forms.EmailField(
        label="E-mail", required=False, help_text="A salesperson is recognised by it in Business Central."
    )
    roles = forms.MultipleChoiceField(
        label="Roles",
        required=False,
        choices=[(role.value, words) for role, words in _DOES.items()],
        widget=forms.CheckboxSelectMultiple,
        help_text="Without any, a person can sign in and sees nothing.",
    )
    is_active = forms.BooleanField(label="May sign in", required=False, initial=True)
    password = forms.CharField(
        label="Password", required=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def __init__(self, data: Any = None, *, person: User | None) -> None:
        self.person = person
        initial: dict[str, Any] = {}
        if person is not None:
            names = ("username", "first_name", "last_name", "email", "is_active")
            initial = {name: getattr(person, name) for name in names}
            initial["roles"] = list(person.groups.values_list("name", flat=True))
        super().__init__(data, initial=initial)
        if person is not None:
            self.fields["username"].disabled = True
            self.fields["password"].help_text = "Leave empty to keep the present one."

    def clean_username(self) -> str:
        name = str(self.cleaned_data["username"]).strip()
        if self.person is None and User.objects.filter(username__iexact=name).exists():
            raise forms.ValidationError("Somebody has this user name already.")
        User._meta.get_field("username").run_validators(name)
        return name

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        password = values.get("password") or ""
        if self.person is None and not password:
            self.add_error("password", "Enter a first password; the person can change it.")
        if password:
            try:
                validate_password(password, self.person or User(username=values.get("username", "")))
            except forms.ValidationError as error:
                self.add_error("password", error)
        keeps = Role.ADMINISTRATOR in values.get("roles", []) and values.get("is_active")
        if self.person is not None and not keeps and not _others_administrate(self.person):
            self.add_error("roles", "Somebody has to stay administrator: give the role to another person first.")
        return values

    @transaction.atomic
    def save(self) -> User:
        values = self.cleaned_data
        person = self.person or User(username=values["username"])
        for name in ("first_name", "last_name", "email", "is_active"):
            setattr(person, name, values[name])
        if values["password"]:
            person.set_password(values["password"])
        person.save()
        ensure_groups()
        person.groups.set(
            [*Group.objects.filter(name__in=values["roles"]), *person.groups.exclude(name__in=[*map(str, Role)])]
        )
        if not person.is_active:
            # Programs of somebody who left sign in no more, either.
            Token.objects.filter(user=person).delete()
        return person


@require_http_methods(["GET", "HEAD", "POST"])
def people(request: PageRequest) -> HttpResponse:
    """Everybody, and a form for another one."""
    form = PersonForm(request.POST or None, person=None)
    if request.method == "POST" and form.is_valid():
        person = form.save()
        messages.success(request, f"{person.get_username()} may sign in now.")
        return redirect("people")
    everybody = User.objects.prefetch_related("groups").order_by("-is_active", "username")
    search = request.GET.get("search", "").strip()
    if search:
        everybody = everybody.filter(
            Q(username__icontains=search)
            | Q(first_name__icontains=search)
            | Q(last_name__icontains=search)
            | Q(email__icontains=search)
        )
    context = {"title": "People and roles", "people": everybody, "form": form, "search": search, "roles": _DOES}
    return render(request, "config/people.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def person(request: PageRequest, pk: int) -> HttpResponse:
    """One person's name, roles, password, and whether they may sign in."""
    shown = get_object_or_404(User, pk=pk)
    form = PersonForm(request.POST or None, person=shown)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, f"{shown.get_username()} is saved.")
        return redirect("people")
    context = {"title": shown.get_username(), "person": shown, "form": form}
    return render(request, "config/person.html", context, status=422 if form.errors else 200)


def _others_administrate(person: User) -> bool:
    others = User.objects.filter(is_active=True).exclude(pk=person.pk)
    return others.filter(Q(is_superuser=True) | Q(groups__name=Role.ADMINISTRATOR)).exists() or person.is_superuser
