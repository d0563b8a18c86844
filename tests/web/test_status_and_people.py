"""Status with its notices, and the page of people."""

import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from django.contrib.auth.models import User
from django.utils import timezone

from connector.choices import Severity
from connector.models import Notice, NoticeTarget
from connector.notices.keeping import Cause, keep
from connector.notices.sending import send_due


def test_a_cause_is_one_notice_and_closes_when_it_is_gone(hub):
    cause = Cause("broken", Severity.ERROR, "The connection is switched off")
    keep(hub.connection, [cause])
    keep(hub.connection, [cause])
    assert Notice.objects.filter(resolved_at=None).count() == 1
    keep(hub.connection, [])
    assert Notice.objects.get().resolved_at is not None
    keep(hub.connection, [cause])
    assert Notice.objects.filter(resolved_at=None).count() == 1


def test_a_chat_is_told_once_and_again_after_a_day(hub):
    got = []

    class Chat(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Chat) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/secret"
        target = NoticeTarget.objects.create(connection=hub.connection, kind="chat", address=address)
        keep(hub.connection, [Cause("a", Severity.ERROR, "Broken"), Cause("b", Severity.INFO, "Small talk")])
        now = timezone.now()
        assert (send_due(now=now), send_due(now=now + timedelta(minutes=5))) == (1, 0)
        assert send_due(now=now + timedelta(hours=25)) == 1
        server.shutdown()
    assert "Broken" in got[0]
    assert "Small talk" not in got[0]
    assert "Still happening" in got[1]
    assert "secret" not in target.shown


def test_status_shows_what_works_to_those_who_may_read_settings(hub, people, client):
    keep(hub.connection, [Cause("a", Severity.ERROR, "Something broke")])
    client.force_login(people["operator"])
    html = client.get("/c/default/status/").content.decode()
    assert "Something broke" in html
    assert "Tell them" not in html
    assert client.post("/c/default/status/", {}).status_code == 403
    client.force_login(people["salesperson"])
    assert client.get("/c/default/status/").status_code == 403


def test_an_email_address_needs_a_mail_server(hub, people, client):
    client.force_login(people["administrator"])
    answer = client.post(
        "/c/default/status/",
        {"kind": "email", "address": "a@example.com", "severity": "warning", "every_minutes": "0"},
    )
    assert answer.status_code == 422
    assert "COUPLET_MAIL_URL" in answer.content.decode()


def test_an_administrator_adds_people_and_the_last_one_stays(hub, people, client):
    client.force_login(people["administrator"])
    values = {"username": "nora", "password": "a long pass phrase", "roles": ["operator"], "is_active": "on"}
    assert client.post("/accounts/people/", values).status_code == 302
    nora = User.objects.get(username="nora")
    assert (nora.check_password("a long pass phrase"), nora.groups.get().name) == (True, "operator")
    answer = client.post(f"/accounts/people/{people['administrator'].pk}/", {"roles": ["operator"], "is_active": "on"})
    assert answer.status_code == 422
    assert "Somebody has to stay administrator" in answer.content.decode()
    client.force_login(people["operator"])
    assert client.get("/accounts/people/").status_code == 403
