"""Signing in, one's own account and API token, and the looks that templates rely on."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from rest_framework.authtoken.models import Token

from config.web.signin import MOST_FAILURES

TEMPLATES = Path(settings.BASE_DIR) / "templates"


def test_signing_in_leads_where_one_wanted_to_go(hub, people, client):
    answer = client.post("/accounts/login/?next=/c/default/jobs/", {"username": "operator", "password": "secret"})
    assert answer.url == "/c/default/jobs/"


def test_wrong_password_says_so_in_the_summary(people, client):
    answer = client.post("/accounts/login/", {"username": "operator", "password": "wrong"})
    assert "error-summary" in answer.content.decode()


def test_guessing_is_slowed_down_even_for_the_right_password(people, client):
    for _ in range(MOST_FAILURES):
        client.post("/accounts/login/", {"username": "operator", "password": "wrong"})
    answer = client.post("/accounts/login/", {"username": "operator", "password": "secret"})
    assert "Too many attempts" in answer.content.decode()
    other = client.post("/accounts/login/", {"username": "salesperson", "password": "secret"})
    assert other.status_code == 302


def test_token_is_shown_once_and_works(people, hub, client):
    client.force_login(people["salesperson"])
    page = client.post("/accounts/me/token/", {"action": "make"}, follow=True).content.decode()
    key = Token.objects.get().key
    assert key in page
    assert key not in client.get("/accounts/me/").content.decode()
    assert client.get("/api/v1/status/", headers={"Authorization": f"Token {key}"}).status_code == 200


def test_replacing_and_revoking_a_token_ask_first(people, client):
    client.force_login(people["salesperson"])
    client.post("/accounts/me/token/", {"action": "make"})
    first = Token.objects.get().key
    assert "Replace the API token?" in client.post("/accounts/me/token/", {"action": "make"}).content.decode()
    assert Token.objects.get().key == first
    client.post("/accounts/me/token/", {"action": "make", "confirmed": "1"})
    assert Token.objects.get().key != first
    client.post("/accounts/me/token/", {"action": "revoke", "confirmed": "1"})
    assert not Token.objects.exists()


def test_somebody_without_a_role_gets_an_explanation(people, hub, client):
    client.force_login(people["outsider"])
    answer = client.get("/")
    assert answer.status_code == 403
    assert "Your role does not include this page" in answer.content.decode()


def test_pages_carry_a_policy_without_inline_code(people, hub, client):
    client.force_login(people["administrator"])
    answer = client.get("/")
    assert "unsafe" not in answer["Content-Security-Policy"]
    html = answer.content.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", html)


@pytest.mark.parametrize("template", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: path.name)
def test_icons_that_templates_name_are_in_the_sprite(template):
    sprite = (Path(settings.BASE_DIR) / "static/vendor/tabler-icons-3.52.0/icons.svg").read_text()
    known = set(re.findall(r'<symbol id="([^"]+)"', sprite))
    assert set(re.findall(r'{% icon "([^"]+)"', template.read_text())) <= known


def test_icons_of_states_are_in_the_sprite():
    from config.web.badges import ICONS

    sprite = (Path(settings.BASE_DIR) / "static/vendor/tabler-icons-3.52.0/icons.svg").read_text()
    assert set(ICONS.values()) <= set(re.findall(r'<symbol id="([^"]+)"', sprite))
