"""Sales & Receivables Setup against Business Central: what is offered, refused and warned of."""

from django.test import Client
from django.urls import reverse

from config.roles import ensure_groups
from tests.coupling.factories import make_person
from tests.documents.trade import Trade


def administrator() -> Client:
    ensure_groups()
    client = Client()
    client.force_login(make_person("boss", "administrator"))
    return client


def save(client: Client, **values: str) -> str:
    body = {"write_in_product_type": "item", "write_in_product_no": "", "freight_account_no": "", **values}
    answer = client.post(reverse("sales-receivables-setup", kwargs={"connection": "default"}), body, follow=True)
    return answer.content.decode()


def test_items_that_suit_write_in_lines_are_offered(trade: Trade) -> None:
    trade.bc.create("items", number="WRITEIN", displayName="Write-in sales", type="Service")
    coupled = trade.bc.create("items", number="SERVICE", displayName="Care", type="Service")
    trade.couple("ITEM-PRODUCT", "items", coupled, "products", trade.make_product("Care", "SERVICE"))
    url = reverse("sales-receivables-setup", kwargs={"connection": "default"})
    page = administrator().get(url, headers={"HX-Request": "true"}).content.decode()
    assert '<option value="WRITEIN">Write-in sales</option>' in page
    assert "SERVICE" not in page
    assert 'value="LAMP"' not in page


def test_numbers_are_looked_up_before_they_are_stored(trade: Trade) -> None:
    client = administrator()
    trade.bc.create("items", number="STOCK", displayName="Stock", type="Inventory")
    assert "is coupled to a Sales product" in save(client, write_in_product_no="LAMP")
    assert "There is no item NOWHERE" in save(client, write_in_product_no="NOWHERE")
    assert "There is no G/L account 1" in save(client, freight_account_no="1")
    trade.connection.refresh_from_db()
    assert trade.connection.write_in_product_no == trade.connection.freight_account_no == ""
    assert "is an inventory item" in save(client, write_in_product_no="STOCK")
    trade.connection.refresh_from_db()
    assert trade.connection.write_in_product_no == "STOCK"
