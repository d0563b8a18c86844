"""Connection Setup: what each role sees, saving, testing, enabling and disabling."""

import pytest

from connector.models import Connection, Credential

PAGE = "/c/default/connection/"


@pytest.fixture
def page(connection, administrator, client):
    client.force_login(administrator)
    return client


def _values(response, part: str) -> dict[str, str]:
    form = response.context["forms"][part]
    values = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in values.items() if value not in (None, False)} | {"action": part}


def test_it_shows_settings_and_never_secrets(page, sandbox):
    html = page.get(PAGE).content.decode()
    assert sandbox.url in html
    assert sandbox.company in html
    assert sandbox.client_secret not in html


def test_saving_keeps_an_untouched_secret(page, sandbox):
    values = _values(page.get(PAGE), "addresses") | {
        "business_central_environment": "other",
        "company": sandbox.company,
    }
    assert page.post(PAGE, values).status_code == 302
    assert Connection.objects.get().business_central_environment == "other"
    assert Credential.objects.get().secret == sandbox.client_secret


def test_a_refused_value_stays_in_its_field_with_the_reason(page):
    values = _values(page.get(PAGE), "addresses") | {"sales_url": "http://contoso.example"}
    answer = page.post(PAGE, values)
    assert answer.status_code == 422
    assert "Enter an https address." in answer.content.decode()
    assert answer.context["forms"]["addresses"]["sales_url"].value() == "http://contoso.example"


def test_enabling_and_disabling(page, sandbox):
    assert "is enabled" in page.post(PAGE, {"action": "enable"}, follow=True).content.decode()
    assert Connection.objects.get().enabled
    asked = page.post(PAGE, {"action": "disable"})
    assert "Disable the connection?" in asked.content.decode()
    assert Connection.objects.get().enabled
    page.post(PAGE, {"action": "disable", "confirmed": "1", "changes": "forget", "reason": "We move."})
    off = Connection.objects.get()
    assert (off.enabled, off.forget_changes, off.disabled_reason) == (False, True, "We move.")
    assert "is left out when it is enabled again" in page.get(PAGE).content.decode()


def test_enabling_that_fails_shows_the_failing_step(page):
    Connection.objects.update(business_central_environment="nowhere")
    html = page.post(PAGE, {"action": "enable"}, follow=True).content.decode()
    assert "has no environment with this name" in html
    assert not Connection.objects.get().enabled


def test_testing_answers_htmx_with_the_list_alone(page):
    html = page.post(f"{PAGE}test/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in html
    assert "The connection works." in html
    assert page.post(f"{PAGE}test/").status_code == 302


def test_an_operator_may_test_but_not_change(connection, operator, client):
    client.force_login(operator)
    html = client.get(PAGE).content.decode()
    assert "Test connection" in html
    assert "Save addresses" not in html
    assert client.post(PAGE, {"action": "enable"}).status_code == 403
    assert client.post(f"{PAGE}test/").status_code == 302


def test_a_salesperson_sees_nothing_of_it(connection, salesperson, client):
    client.force_login(salesperson)
    assert client.get(PAGE).status_code == 403


def test_the_list_makes_a_first_connection(db, administrator, client):
    client.force_login(administrator)
    assert "Nothing is connected yet" in client.get("/connections/").content.decode()
    answer = client.post("/connections/", {"name": "North", "slug": "default"})
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    assert client.get(PAGE).status_code == 200


def test_the_day_a_secret_ends_is_kept_alone_and_belongs_to_its_secret(page, sandbox):
    values = _values(page.get(PAGE), "addresses") | {"company": sandbox.company}
    assert page.post(PAGE, values | {"valid_until": "2027-05-01"}).status_code == 302
    assert (str(Credential.objects.get().valid_until), Credential.objects.get().secret) == (
        "2027-05-01",
        sandbox.client_secret,
    )
    values = _values(page.get(PAGE), "addresses") | {"company": sandbox.company, "client_secret": "another"}
    page.post(PAGE, values | {"valid_until": "2028-05-01"})
    assert (str(Credential.objects.get().valid_until), Credential.objects.get().secret) == ("2028-05-01", "another")


def test_orders_are_switched_on_only_knowingly(page):
    values = _values(page.get(PAGE), "synchronisation") | {"sales_order_integration": "legacy"}
    asked = page.post(PAGE, values).content.decode()
    assert "Orders submitted in Sales become orders in Business Central" in asked
    assert Connection.objects.get().sales_order_integration == "none"
    page.post(PAGE, values | {"confirmed": "1"})
    assert Connection.objects.get().sales_order_integration == "legacy"


def test_links_follow_the_address_of_the_web_client_until_it_is_reset(page):
    values = _values(page.get(PAGE), "synchronisation")
    page.post(PAGE, values | {"web_client_url": "bc.contoso.com/nav/?company=CRONUS"})
    assert Connection.objects.get().web_client_url == "https://bc.contoso.com/nav/"
    refused = page.post(PAGE, _values(page.get(PAGE), "synchronisation") | {"web_client_url": "http://bc.contoso.com"})
    assert refused.status_code == 422
    answer = page.post(PAGE, {"action": "reset-web-client"}, follow=True).content.decode()
    connection = Connection.objects.get()
    assert connection.web_client_url == ""
    assert f"lead to {connection.derived_web_client_url} again" in answer
