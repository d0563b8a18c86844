"""What `make run` prints once everything answers: where to go, how to sign in, what to try first."""

from collections.abc import Mapping, Sequence

import requests
from django.conf import settings
from django.db import connections
from django.urls import reverse

from config import demo, supervisor

_WIDTH = 100


def announcement(sign_ins: Sequence[demo.SignIn]) -> str:
    """The whole text. Asks the sandbox for its values, so it has to answer already, and fills in the connection."""
    sections = [_hub(sign_ins)]
    if settings.SANDBOX_ENABLED:
        health = requests.get(supervisor.sandbox_health_address(), timeout=10).json()
        demo.ensure_demo_connection(
            tenant=health["tenant"], environment=health["environment"], company=health["company"]
        )
        connections.close_all()
        sections += [_sandbox(health), _first_steps()]
    else:
        sections.append(_without_sandbox())
    sections.append([f"Data: {settings.DATA_DIR}   logs of the database and Redis: {settings.DATA_DIR / 'log'}"])
    sections.append(["Ctrl-C stops everything."])
    body = "\n\n".join("\n".join(f"  {line}" for line in section) for section in sections)
    return f"\n{'═' * _WIDTH}\n{body}\n{'═' * _WIDTH}\n\n"


def _hub(sign_ins: Sequence[demo.SignIn]) -> list[str]:
    lines = [
        f"Couplet     {settings.BASE_URL}/",
        f"REST API    {settings.BASE_URL}{reverse('api-docs')}",
    ]
    width = max((len(sign_in.username) for sign_in in sign_ins), default=0)
    for sign_in in sign_ins:
        password = f"password {sign_in.password}" if sign_in.password else "with the password chosen since"
        lines.append(f"Sign in     {sign_in.username:<{width}}   {password}")
    return lines


def _sandbox(health: Mapping[str, str]) -> list[str]:
    origin = demo.sandbox_origin()
    return [
        "The sandbox stands in for both systems; Assisted Setup is filled in with its values:",
        f"Tenant                        {health['tenant']}",
        f"Client ID and secret          {demo.HUB_CLIENT.client_id}  {demo.HUB_CLIENT.secret}",
        f"… for other programs          {demo.GUEST_CLIENT.client_id}  {demo.GUEST_CLIENT.secret}",
        f"All three addresses           {origin}   (identity service, Sales, Business Central)",
        f"Business Central environment  {health['environment']}",
        f"Company                       {health['company']}",
        f"CA file (SANDBOX_CA_FILE)     {settings.SANDBOX_CA_FILE}",
        f"Act as a Sales user           {origin}/sales/",
        f"Act as an order processor     {origin}/business-central/",
    ]


def _first_steps() -> list[str]:
    return [
        "What to try first:",
        "1. Sign in as administrator, open Assisted Setup: its steps are filled in, or it connects the demo for you.",
        "2. Open Full Synch Review and start it: salespeople, currencies and customers are coupled while you watch.",
        "3. Sign in as salesperson, open Customers, pick one that is not coupled yet and choose Set Up Coupling.",
        "4. Change that account in the sandbox's Sales pages, then choose Synchronize Now on the customer.",
    ]


def _without_sandbox() -> list[str]:
    return [
        "No sandbox, no demo users. Make the first administrator in another terminal:",
        ".venv/bin/python manage.py createsuperuser",
    ]
