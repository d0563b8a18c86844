"""Pages and REST API of documents over a hub with a few of them; nothing answers outside."""

from datetime import date
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from syncjobs.documents.models import QuoteVersion, SalesDocument
from tests.coupling.factories import make_connection, make_person


@pytest.fixture
def connection(db):
    return make_connection(sales_order_integration="legacy", company_name="CRONUS")


@pytest.fixture
def person(db) -> Client:
    from config.roles import ensure_groups

    ensure_groups()
    client = Client()
    client.force_login(make_person("seller", "salesperson"))
    return client


def make_document(connection, number: str, **values) -> SalesDocument:
    line = {
        "id": str(uuid4()), "_productid_value": None, "productdescription": "Part", "productname": None, "names": {},
        "description": None, "quantity": 2, "priceperunit": 10, "volumediscountamount": 0, "manualdiscountamount": 0,
    }  # fmt: skip
    defaults = {
        "kind": "order", "sales_key": uuid4(), "number": number, "name": f"Order {number}", "customer_name": "Adatum",
        "total": 20, "sales_state": 1, "sales_status": 3, "sales_modified_at": timezone.now(), "lines": [line],
        "transfer_state": "waiting", "search_text": f"{number.lower()} adatum", "values": {"names": {}},
    }  # fmt: skip
    return SalesDocument.objects.create(connection=connection, **{**defaults, **values})


PROBLEM = {
    "code": "account.not_coupled", "message": "The account Adatum is not coupled.", "hint": "Couple it.",
    "record": {"system": "sales", "table": "accounts", "id": str(uuid4()), "name": "Adatum"},
    "fix": {
        "label": "Couple", "page": "coupling-setup",
        "arguments": {"system": "sales", "table": "accounts", "key": str(uuid4())},
    },
}  # fmt: skip


def get(person: Client, name: str, **kwargs) -> str:
    answer = person.get(reverse(name, kwargs={"connection": "default", **kwargs}))
    assert answer.status_code == 200
    return answer.content.decode()


def test_list_shows_what_is_to_process_with_problems_and_their_fixes(connection, person) -> None:
    make_document(connection, "ORD-1", transfer_state="problems", problems=[PROBLEM])
    make_document(connection, "ORD-2", handed_over=date(2026, 1, 2), transfer_state="transferred", bc_number="SO1")

    text = get(person, "sales-order-list")

    assert "ORD-1" in text
    assert "ORD-2" not in text
    assert "1 thing missing" in text
    assert f"/records/sales/accounts/{PROBLEM['fix']['arguments']['key']}/couple/" in text


def test_lists_ask_the_database_no_more_for_more_rows(connection, person, django_assert_max_num_queries) -> None:
    for number in range(30):
        make_document(connection, f"ORD-{number}")
    get(person, "sales-order-list")
    with django_assert_max_num_queries(20):
        get(person, "sales-order-list")


@pytest.mark.parametrize("state", ["waiting", "problems", "uncertain", "incomplete", "transferred", "failed"])
def test_page_of_an_order_shows_every_state(connection, person, state: str) -> None:
    document = make_document(
        connection, "ORD-9", transfer_state=state, problems=[PROBLEM] if state == "problems" else [],
        steps={"discount": "done", "further": "failed", "notes": "todo"},
        attention=[{"code": "x", "message": "Look here"}],
        differences=[{"line": "1", "description": "a", "sales": "1", "business_central": "2", "difference": "1"}],
        marks={"candidates": [{"id": str(uuid4()), "number": "SO7", "total": "10"}]},
        plan={
            "lines": [{"sequence": 10000, "lineType": "Item", "quantity": 2, "unitPrice": 10, "discountAmount": 0}],
            "sources": ["freight"],
        },
    )  # fmt: skip

    text = get(person, "sales-order-detail", key=document.sales_key)

    assert "ORD-9" in text
    assert "Look here" in text
    badge = text.split('id="state-title"')[1].split("</h2>")[0]
    assert ("state-yellow" in badge) == (state in ("uncertain", "transferred"))
    assert "Part" in text


def test_setup_page_is_for_those_who_read_settings(connection, person) -> None:
    url = reverse("sales-receivables-setup", kwargs={"connection": "default"})
    assert person.get(url).status_code == 403
    admin = Client()
    admin.force_login(make_person("boss", "administrator"))
    assert admin.get(url).status_code == 200


def test_quotes_and_their_versions_have_pages(connection, person) -> None:
    quote = make_document(connection, "QUO-1", kind="quote", sales_state=1, revision=1, bc_lines=[], bc_values={})
    line = {"sequence": 10000, "lineType": "Item", "quantity": 1, "unitPrice": 5, "discountAmount": 0}
    version = QuoteVersion.objects.create(
        connection=connection, quote_number="QUO-1", sales_key=uuid4(), revision=0, bc_number="SQ1", total=5,
        lines=[line], header={}, reason="revised",
    )  # fmt: skip

    assert "QUO-1" in get(person, "sales-quote-list")
    assert "Versions" in get(person, "sales-quote-detail", key=quote.sales_key)
    assert "SQ1" in get(person, "sales-quote-archive-list")
    assert "Quote QUO-1 rev. 0" in get(person, "sales-quote-archive-detail", pk=version.pk)


def test_api_lists_orders_and_quotes_with_their_problems(connection, person) -> None:
    make_document(connection, "ORD-1", transfer_state="problems", problems=[PROBLEM])
    make_document(connection, "ORD-2", sales_state=0, transfer_state="none")

    answer = person.get("/api/v1/connections/default/sales-orders/?state=submitted&created=false").json()

    [row] = answer["results"]
    assert (row["ordernumber"], row["state"], row["business_central_id"]) == ("ORD-1", "submitted", None)
    assert row["problems"][0]["code"] == "account.not_coupled"
    assert row["problems"][0]["fix"]["url"].startswith("/c/default/records/")
    assert person.get("/api/v1/connections/default/sales-quotes/").json()["count"] == 0


def test_reset_forgets_documents_and_versions(connection) -> None:
    from syncjobs.services.provisioning import _reset

    make_document(connection, "ORD-1")
    QuoteVersion.objects.create(connection=connection, quote_number="Q", sales_key=uuid4(), reason="won")

    _reset(connection, None)

    assert not SalesDocument.objects.exists()
    assert not QuoteVersion.objects.exists()
