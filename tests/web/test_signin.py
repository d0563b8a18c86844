"""The brake on guessing passwords: who has to wait, who does not, and that nothing tells which names exist."""

import re
import time

import pytest
from django.core.cache import cache

from config.web.password_again import GRACE_SECONDS
from config.web.signin import MOST_FAILURES, WAIT_SECONDS, SignInForm
from syncjobs.models import SynchJob

SIGN_IN = "/accounts/login/"


def attempt(client, name: str, password: str, address: str = "10.0.0.1", **headers: str):
    return client.post(
        SIGN_IN, {"username": name, "password": password}, REMOTE_ADDR=address, headers=headers, follow=False
    )


def guess(client, name: str, times: int = MOST_FAILURES, **more: str) -> None:
    for number in range(times):
        attempt(client, name, f"wrong {number}", **more)


def summary(answer) -> str:
    return re.sub(r"<[^>]+>|\s+", " ", answer.content.decode().split("error-summary")[1].split("</form>")[0])


@pytest.fixture(autouse=True)
def _nobody_has_tried(people):
    cache.clear()


def test_after_too_many_failures_the_right_password_has_to_wait(client):
    guess(client, "operator")
    answer = attempt(client, "operator", "secret")
    assert answer.status_code == 200
    assert f"Too many attempts. Try again in {WAIT_SECONDS // 60} minutes." in summary(answer)


def test_one_failure_less_lets_the_right_password_in_and_forgets_the_failures(client):
    for _ in range(2):
        guess(client, "operator", MOST_FAILURES - 1)
        assert attempt(client, "operator", "secret").status_code == 302
        client.logout()


def test_writing_the_name_differently_is_no_way_around(client):
    guess(client, "operator", MOST_FAILURES // 2)
    guess(client, "OPERATOR", MOST_FAILURES - MOST_FAILURES // 2)
    assert "Too many attempts" in summary(attempt(client, "Operator", "secret"))


def test_guessing_from_elsewhere_locks_nobody_out(client):
    guess(client, "operator", address="203.0.113.9")
    assert attempt(client, "operator", "secret", address="10.0.0.1").status_code == 302


def test_guessing_one_name_leaves_others_at_the_same_address_alone(client):
    guess(client, "operator")
    assert attempt(client, "salesperson", "secret").status_code == 302


def test_the_count_runs_out_by_itself(client):
    guess(client, "operator", 1)
    [key] = cache._cache.get_client().keys("*signin:*")
    assert 0 < cache._cache.get_client().ttl(key) <= WAIT_SECONDS


def test_a_name_that_does_not_exist_is_treated_like_any_other(client):
    known, unknown = attempt(client, "operator", "wrong"), attempt(client, "nobody", "wrong")
    assert summary(known) == summary(unknown).replace("nobody", "operator")
    guess(client, "nobody")
    assert "Too many attempts" in summary(attempt(client, "nobody", "wrong"))


def test_a_name_that_does_not_exist_costs_a_password_hash_too(rf, monkeypatch):
    from django.contrib.auth.models import User

    hashed = []
    plain = User.set_password
    monkeypatch.setattr(User, "set_password", lambda self, raw: (hashed.append(raw), plain(self, raw)))
    form = SignInForm(rf.post(SIGN_IN), data={"username": "nobody", "password": "wrong"})
    assert not form.is_valid()
    assert hashed == ["wrong"]


def test_behind_a_proxy_the_address_that_it_adds_counts(client, settings):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    for number in range(MOST_FAILURES):
        attempt(client, "operator", "wrong", **{"X-Forwarded-For": f"192.0.2.{number}, 203.0.113.9"})
    refused = attempt(client, "operator", "secret", **{"X-Forwarded-For": "198.51.100.1, 203.0.113.9"})
    assert "Too many attempts" in summary(refused)
    assert attempt(client, "operator", "secret", **{"X-Forwarded-For": "203.0.113.9, 10.0.0.7"}).status_code == 302


def test_without_a_proxy_the_header_is_no_way_around(client):
    for number in range(MOST_FAILURES):
        attempt(client, "operator", "wrong", **{"X-Forwarded-For": f"192.0.2.{number}"})
    refused = attempt(client, "operator", "secret", **{"X-Forwarded-For": "198.51.100.1"})
    assert "Too many attempts" in summary(refused)


def test_what_cannot_be_taken_back_asks_for_a_password_that_was_entered_long_ago(hub, people, client):
    client.force_login(people["administrator"])
    address, posted = f"/c/default/jobs/{hub.job.pk}/delete/", {"confirmed": "1"}
    session = client.session
    session["password_entered_at"] = time.time() - GRACE_SECONDS - 1
    session.save()
    asked = client.post(address, posted)
    assert "Your password, please" in asked.content.decode()
    assert ("confirmed", "1") in asked.context["posted"]
    wrong = client.post(address, {**posted, "password_again": "guess"})
    assert (wrong.status_code, "This is not your password." in wrong.content.decode()) == (403, True)
    assert SynchJob.objects.filter(pk=hub.job.pk).exists()
    client.post(address, {**posted, "password_again": "secret"})
    assert not SynchJob.objects.filter(pk=hub.job.pk).exists()
    assert "Your password" not in client.post("/c/default/jobs/clean/", {"days": "7"}).content.decode()
