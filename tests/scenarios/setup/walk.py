"""Ways through assisted setup: step by step with good values, up to Finish."""

from connector.tasks import finish_setup

COMPANY = "5a1f0c52-0000-4000-8000-000000000001"


def text(answer) -> str:
    return answer.content.decode()


def go(answer) -> str:
    """The step that the answer leads to."""
    assert answer.status_code == 302, text(answer)
    return answer.url.rstrip("/").rpartition("/")[2]


def accept(wizard, step, **values):
    """Next, and once more with the warnings understood where there are some."""
    answer = wizard.post(step, **values)
    if answer.status_code == 422:
        answer = wizard.post(step, understood="on", **values)
    return go(answer)


def complete(wizard, identity, sandbox, *, until="summary", sales=None, **subjects):
    """Answers every step before `until` with good values."""
    central = {
        "business_central_environment": sandbox.environment,
        "business_central_url": sandbox.url,
        "company": COMPANY,
    }
    steps = [
        ("welcome", {"consent": "on"}),
        ("identity", identity),
        ("sales", {"sales_url": sandbox.url, **(sales or {})}),
        ("business-central", central),
        ("compatibility", {}),
        ("subjects", None),
        ("people", {"ownership_model": "team"}),
        ("first", {"start": "plan"}),
    ]
    for step, values in steps:
        if step == until:
            return
        if values is None:
            page = wizard.open("subjects").context
            values = dict(subjects) or as_shown(page)
        accept(wizard, step, **values)


def finished(wizard):
    """Finish, and the worker that it calls."""
    assert "/summary/?finish=" in wizard.post("summary", "finish").url
    finish_setup(wizard.draft.pk, wizard.draft.progress["user"])


def watched(wizard, query=""):
    """What the summary's page is answered when it asks how far Finish is."""
    return wizard.client.get(f"/c/default/setup/step/summary/{query}", headers={"HX-Request": "true"})


def as_shown(page):
    rows = [row for card in page["cards"] for row in card.rows]
    values = {
        "shown": [row.offer.name for row in rows],
        "sales_order_integration": "none",
        "write_in_product_type": "item",
        "unit_group_mapping": "on",
        "extended_pricing": "on",
    }
    for row in rows:
        values |= {f"direction-{row.key}": row.choice.direction}
        values |= {f"on-{row.key}": "on"} if row.choice.enabled else {}
        values |= {f"creates-{row.key}": "on"} if row.choice.creates else {}
    return values
