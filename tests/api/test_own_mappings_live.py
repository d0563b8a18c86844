"""A mapping of one's own from nothing to rows in both systems, over the REST API against the sandbox."""

import pytest

from coupling.models import FieldMapping, TableMapping
from coupling.records import sales_caption
from syncjobs.models import Schedule
from tests.api.test_work_live import ended

ENTITY = "new_paymentmethod"


def label(text):
    kind = "Microsoft.Dynamics.CRM"
    return {
        "@odata.type": f"{kind}.Label",
        "LocalizedLabels": [{"@odata.type": f"{kind}.LocalizedLabel", "Label": text, "LanguageCode": 1033}],
    }


def text_column(name, caption, length, *, primary=False):
    return {
        "@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata",
        "SchemaName": name,
        "DisplayName": label(caption),
        "MaxLength": length,
        "FormatName": {"Value": "Text"},
        "RequiredLevel": {"Value": "None"},
        "IsPrimaryName": primary,
    }


@pytest.fixture
def custom_table(hub):
    """Payment methods as an organisation's own table with a code of ten characters."""
    hub.sales.client.session.send(
        "POST",
        "EntityDefinitions",
        body={
            "@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata",
            "SchemaName": "new_PaymentMethod",
            "DisplayName": label("Payment method"),
            "DisplayCollectionName": label("Payment methods"),
            "OwnershipType": "OrganizationOwned",
            "HasActivities": False,
            "HasNotes": False,
            "ChangeTrackingEnabled": True,
            "PrimaryNameAttribute": "new_name",
            "Attributes": [text_column("new_Name", "Display name", 100, primary=True)],
        },
    )
    hub.sales.client.session.send(
        "POST",
        f"EntityDefinitions(LogicalName='{ENTITY}')/Attributes",
        body=text_column("new_Code", "Code", 10),
    )
    return "new_paymentmethods"


def make(api, **changes):
    body = {
        "name": "payment method",
        "business_central_table": "paymentMethods",
        "sales_table": "new_paymentmethods",
        "direction": "bidirectional",
        "synch_only_coupled_records": False,
    }
    return api("administrator").post("mappings/", {**body, **changes})


def add_field(api, bc, sales):
    body = {"business_central_property": bc, "sales_attribute": sales, "direction": "bidirectional", "enabled": True}
    return api("administrator").post("mappings/PAYMENT%20METHOD/fields/", body)


def test_an_own_mapping_is_made_matched_previewed_and_synchronised(hub, api, custom_table):
    methods = {row["code"] for row in hub.bc.rows("paymentMethods", "code")}
    hub.bc.create("paymentMethods", code="ZCASH", displayName="Cash")
    cash = hub.sales.create(custom_table, new_name="Cash in hand", new_code="ZCASH")
    made = make(api)
    assert (made.status_code, made.json()["enabled"]) == (201, False)
    assert add_field(api, "code", "new_code").status_code == 201
    assert add_field(api, "displayName", "new_name").status_code == 201
    client = api("administrator")
    assert client.patch("mappings/PAYMENT%20METHOD/", {"enabled": True}).status_code == 200
    match = {"fields": [{"business_central": "code", "sales": "new_code"}], "synchronize": "to_sales"}
    matched = ended(api, client.post("mappings/PAYMENT%20METHOD/match/", match))
    assert (matched["counters"]["coupled"], matched["counters"]["modified"]) == (1, 1)
    assert hub.sales.row(custom_table, cash, "new_name") == {"new_name": "Cash"}
    preview = ended(api, client.post("mappings/PAYMENT%20METHOD/synchronize/", {"mode": "preview"}))
    planned = client.get("operations/", job=preview["id"], state="planned").json()
    assert planned["count"] == len(methods)
    assert len(hub.sales.rows(custom_table, "new_code")) == 1
    run = ended(api, client.post("mappings/PAYMENT%20METHOD/synchronize/", {"mode": "full"}))
    assert (run["state"], run["counters"]["inserted"]) == ("succeeded", len(methods))
    assert {row["new_code"] for row in hub.sales.rows(custom_table, "new_code")} == methods | {"ZCASH"}
    hub.sales.update(custom_table, cash, new_name="Cash again")
    ended(api, client.post("mappings/PAYMENT%20METHOD/synchronize/", {"mode": "modified"}))
    names = {row["code"]: row["displayName"] for row in hub.bc.rows("paymentMethods", "code", "displayName")}
    assert names["ZCASH"] == "Cash again"


def test_fields_know_kind_and_length_of_columns_that_the_standard_has_not(hub, api, custom_table):
    make(api)
    add_field(api, "code", "new_code")
    field = FieldMapping.objects.get(mapping__name="PAYMENT METHOD")
    assert field.sales_definition == {"kind": "text", "length": 10}
    assert sales_caption(field.mapping) == "Payment method"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"name": "CUSTOMER"}, "name"),
        ({"name": "a name that is much longer than twenty"}, "name"),
        ({"business_central_table": "customers"}, "business_central_table"),
        ({"business_central_table": "nothing"}, "business_central_table"),
        ({"sales_table": "accounts"}, "sales_table"),
        ({"direction": "sideways"}, "direction"),
    ],
)
def test_a_refused_mapping_names_the_setting(hub, api, custom_table, changes, named):
    answer = make(api, **changes)
    assert answer.status_code == 400
    assert named in answer.json()


def test_only_own_mappings_are_deleted(hub, api, custom_table):
    make(api)
    client = api("administrator")
    assert client.delete("mappings/CUSTOMER/").status_code == 409
    assert api("operator").delete("mappings/PAYMENT%20METHOD/").status_code == 403
    assert client.delete("mappings/PAYMENT%20METHOD/").status_code == 204
    assert not TableMapping.objects.filter(name="PAYMENT METHOD").exists()
    assert not Schedule.objects.filter(name="PAYMENT METHOD").exists()


def test_a_copy_takes_fields_over_and_says_what_it_leaves_out(hub, api, custom_table):
    answer = make(api, copy="CUSTOMER", direction="to_sales")
    made = answer.json()
    assert (answer.status_code, made["enabled"], made["direction"]) == (201, False, "to_sales")
    assert "number / accountnumber" in made["left_out"]
    fields = api("administrator").get("mappings/PAYMENT%20METHOD/fields/").json()["results"]
    assert [(field["business_central_property"], field["sales_attribute"]) for field in fields] == [
        ("displayName", "new_name")
    ]
    assert make(api, copy="NOTHING").status_code == 404


def test_an_unconditional_run_is_for_administrators_and_one_way(hub, api):
    address = "mappings/CURRENCY/synchronize/"
    assert api("operator").post(address, {"mode": "unconditional"}).status_code == 403
    job = ended(api, api("administrator").post(address, {"mode": "unconditional"}))
    assert (job["mode"], job["state"]) == ("full", "succeeded")
    refused = api("administrator").post("mappings/CUSTOMER/synchronize/", {"mode": "unconditional"})
    assert (refused.status_code, refused.json()["code"]) == (400, "mapping.two_way")
