"""Assisted setup over a stored connection, its toggle, and secrets that nothing can protect: A2 to A12."""

import pytest
from django.test import override_settings

from connector.models import Connection, Credential, SetupDraft
from connector.services.encryption import SAMPLE_KEYS

TENANT = "7e4a47aa-0000-4000-8000-000000000001"
CLIENT = "c0091e70-0000-4000-8000-000000000001"


def text(answer) -> str:
    return answer.content.decode()


@pytest.fixture
def stored(connection):
    Connection.objects.filter(pk=connection.pk).update(
        tenant_id=TENANT, client_id=CLIENT, sales_url="https://contoso.crm4.dynamics.com"
    )
    Credential.objects.create(connection=connection, secret="kept-in-the-hub")
    return Connection.objects.get(pk=connection.pk)


def test_a02_whoever_stays_finds_the_same_step_with_its_values(wizard, identity):
    question = wizard.post("identity", "leave", **identity)
    assert question.context["back"].endswith("/setup/step/identity/")
    page = text(wizard.client.get(question.context["back"]))
    assert f'value="{identity["client_id"]}"' in page
    assert wizard.draft.step == "identity"


def test_a03_a_stored_connection_fills_the_steps_and_shows_only_a_mask_of_its_secret(stored, wizard):
    identity = text(wizard.open("identity"))
    assert f'value="{TENANT}"' in identity
    assert f'value="{CLIENT}"' in identity
    assert "kept-in-the-hub" not in identity
    assert "••••" in identity
    assert 'value="https://contoso.crm4.dynamics.com"' in text(wizard.open("sales"))


def test_a05_what_finish_would_do_can_be_changed_while_nothing_is_in_force(stored, wizard):
    assert not any(field.disabled for field in wizard.open("sales").context["form"].fields.values())
    first = wizard.open("first").context["form"]
    assert (first["start"].value(), first.fields["start"].disabled) == ("plan", False)


def test_choices_in_force_are_shown_and_locked(stored, wizard):
    Connection.objects.update(enabled=True, state="enabled")
    form = wizard.open("sales").context["form"]
    assert form.fields["sales_url"].disabled
    assert form["sales_url"].value() == "https://contoso.crm4.dynamics.com"


def test_a06_the_toggle_is_not_on_the_first_step_and_is_reset_by_going_back_to_it(stored, wizard):
    def button(step: str) -> str:
        page = text(wizard.open(step))
        return next((word for word in ("advanced", "simple") if f'name="action" value="{word}"' in page), "")

    assert button("welcome") == ""
    assert button("identity") == "advanced"
    wizard.post("identity", "advanced")
    assert button("identity") == "simple"
    wizard.post("identity", "simple")
    assert button("identity") == "advanced"
    wizard.post("identity", "advanced")
    wizard.post("identity", "back")
    assert button("welcome") == ""
    assert button("identity") == "advanced"


def test_a07_a_draft_without_a_secret_stores_nothing(wizard, identity):
    answer = wizard.post("identity", **{**identity, "client_secret": "", "client_id": ""})
    assert answer.status_code == 422
    assert "Enter the client ID and the client secret." in text(answer)
    assert not Credential.objects.exists()
    assert Connection.objects.get().client_id == ""


def test_a10_the_draft_has_the_credential_and_the_connection_has_none(wizard, identity):
    wizard.post("identity", "back", **identity)
    assert SetupDraft.objects.get().secret == identity["client_secret"]
    assert not Credential.objects.exists()
    assert Connection.objects.get().tenant_id == ""


@pytest.mark.parametrize("keys", [[], sorted(SAMPLE_KEYS)], ids=["none", "sample"])
def test_a12_without_a_key_of_ones_own_no_secret_is_stored_and_the_notice_says_why(wizard, identity, keys):
    wizard.open("identity")
    with override_settings(COUPLET_ENCRYPTION_KEYS=keys):
        for action in ("next", "key-pair"):
            answer = wizard.post("identity", action, **identity)
            assert answer.status_code == 422
            assert "Secrets cannot be stored safely yet" in text(answer)
        page = wizard.client.post(
            "/c/default/connection/", {"action": "addresses", "client_secret": "s3cret", **_addresses()}
        )
        assert "Secrets cannot be stored safely yet" in text(page)
    draft = SetupDraft.objects.get()
    assert (draft.secret, draft.private_key) == ("", "")
    assert not Credential.objects.exists()


def _addresses() -> dict[str, str]:
    connection = Connection.objects.get()
    return {name: getattr(connection, name) for name in ("authority_url", "business_central_url")}
