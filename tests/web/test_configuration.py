"""Configuration as a file: export, comparison, import, reset, and the way back."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from coupling.models import FieldMapping, TableMapping
from syncjobs.models import ConfigurationCopy, Schedule
from syncjobs.services.configuration import export_configuration
from syncjobs.services.schedules import ensure_schedules

CLASSIC = {"CUSTPRCGRP-PRICE", "SALESPRC-PRODPRICE"}
"""Mappings of classic prices, which price lists take the place of."""


@pytest.fixture
def connection(hub):
    ensure_schedules(connection=hub.connection)
    return hub.connection


@pytest.fixture
def mapping(connection):
    return TableMapping.objects.get(connection=connection, name="CUSTOMER")


@pytest.fixture
def administrator(client, people):
    client.force_login(people["administrator"])
    return client


def address(name, **more):
    return reverse(name, kwargs={"connection": "default", **more})


def upload(client, document):
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    return client.post(address("mapping-configuration"), {"file": SimpleUploadedFile("c.json", text)})


def test_an_export_imported_unchanged_differs_in_nothing(administrator, connection, mapping):
    exported = administrator.get(address("mapping-configuration-export"))
    assert exported["Content-Disposition"].startswith("attachment")
    answer = upload(administrator, exported.content)
    assert answer.status_code == 302
    assert b"No difference" in administrator.get(answer.url).content


def test_an_import_shows_its_differences_then_changes_them_and_can_be_undone(administrator, connection, mapping):
    document = export_configuration(connection=connection, names=["CUSTOMER"])
    [row] = document["mappings"]
    row["update_conflict_resolution"] = "send_to_sales"
    row["schedule"]["interval_minutes"] = 7
    removed = row["fields"].pop(0)
    answer = upload(administrator, document)
    page = administrator.get(answer.url).content.decode()
    assert "update_conflict_resolution" in page
    assert removed["sales_attribute"] in page
    mapping.refresh_from_db()
    assert mapping.update_conflict_resolution == "none"
    administrator.post(answer.url)
    mapping.refresh_from_db()
    assert mapping.update_conflict_resolution == "send_to_sales"
    assert mapping.fields.count() == len(row["fields"])
    assert Schedule.objects.get(name="CUSTOMER").interval_minutes == 7
    before = ConfigurationCopy.objects.get(origin="before_import")
    administrator.post(address("mapping-configuration-copy", pk=before.pk))
    mapping.refresh_from_db()
    assert mapping.update_conflict_resolution == "none"
    assert mapping.fields.count() == len(row["fields"]) + 1


def test_a_reset_shows_what_it_changes_and_keeps_a_copy(administrator, connection, mapping):
    TableMapping.objects.filter(pk=mapping.pk).update(direction="to_sales", sales_filter="statecode eq 0")
    FieldMapping.objects.filter(mapping=mapping).update(enabled=False)
    page = administrator.get(address("mapping-reset") + "?name=CUSTOMER").content.decode()
    assert "sales_filter" in page
    administrator.post(address("mapping-reset") + "?name=CUSTOMER")
    mapping.refresh_from_db()
    assert mapping.direction == "bidirectional"
    assert mapping.fields.filter(enabled=True).exists()
    copy = ConfigurationCopy.objects.filter(origin="before_reset").first()
    administrator.post(address("mapping-configuration-copy", pk=copy.pk))
    mapping.refresh_from_db()
    assert (mapping.direction, mapping.sales_filter) == ("to_sales", "statecode eq 0")
    assert not mapping.fields.filter(enabled=True).exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda d: b"not json", "no JSON"),
        (lambda d: {"format": "other"}, "no configuration file"),
        (lambda d: {**d, "version": 9}, "version 9"),
        (lambda d: {**d, "mappings": [{**d["mappings"][0], "direction": "sideways"}]}, "sideways"),
        (lambda d: {**d, "mappings": [{**d["mappings"][0], "sales_filter": "name eq"}]}, "sales_filter"),
        (lambda d: {**d, "mappings": [{**d["mappings"][0], "colour": "red"}]}, "colour"),
        (lambda d: {**d, "mappings": [{"name": "STRANGE"}]}, "STRANGE is not a mapping"),
        (lambda d: {**d, "mappings": [{**d["mappings"][0], "fields": [{"direction": "up"}]}]}, "direction"),
    ],
)
def test_a_file_that_cannot_be_used_says_where(administrator, connection, mapping, change, sentence):
    document = export_configuration(connection=connection, names=["CUSTOMER"])
    answer = upload(administrator, change(document))
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not ConfigurationCopy.objects.filter(origin="upload").exists()


def test_settings_of_the_connection_travel_and_can_be_undone(administrator, connection):
    document = export_configuration(connection=connection)
    assert not {"tenant_id", "client_id", "sales_url", "name", "automatic_jobs"} & document["connection"].keys()
    document["mappings"] = []
    document["connection"] |= {"write_in_product_no": "9000", "time_zone": "Europe/Rome", "full_synch_parallel": 5}
    answer = upload(administrator, document)
    assert "Europe/Rome" in administrator.get(answer.url).content.decode()
    administrator.post(answer.url)
    connection.refresh_from_db()
    assert (connection.write_in_product_no, connection.time_zone) == ("9000", "Europe/Rome")
    assert connection.full_synch_parallel == 5
    before = ConfigurationCopy.objects.get(origin="before_import")
    administrator.post(address("mapping-configuration-copy", pk=before.pk))
    connection.refresh_from_db()
    assert (connection.write_in_product_no, connection.full_synch_parallel) == ("", 3)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"sales_url": "https://elsewhere"}, "“sales_url” is not known"),
        ({"time_zone": "Mars/Olympus"}, "no time zone"),
        ({"full_synch_parallel": 0}, "full_synch_parallel"),
        ({"tell_accounts": "yes"}, "“tell_accounts” is not understood"),
        ({"full_synch_hold_percent": 101}, "at most 100 %"),
        ([], "not understood"),
    ],
)
def test_settings_that_cannot_be_used_are_named(administrator, connection, settings, words):
    document = export_configuration(connection=connection) | {"connection": settings}
    assert words in upload(administrator, document).content.decode()


def test_a_file_whose_settings_bring_mappings_is_imported_once(administrator, connection, mapping):
    document = export_configuration(connection=connection)
    names = {row["name"] for row in document["mappings"]}
    document["connection"]["extended_pricing"] = True
    document["mappings"] = [row for row in document["mappings"] if row["name"] not in CLASSIC]
    assert names >= CLASSIC
    header = {"name": "PLHEADER-PRICE", "update_conflict_resolution": "send_to_sales", "enabled": False}
    document["mappings"].append(header)
    answer = upload(administrator, document)
    assert "PLHEADER-PRICE" in administrator.get(answer.url).content.decode()
    administrator.post(answer.url)
    made = TableMapping.objects.get(connection=connection, name="PLHEADER-PRICE")
    assert (made.update_conflict_resolution, made.enabled) == ("send_to_sales", False)
    assert made.fields.exists()
    assert not connection.mappings.filter(name__in=CLASSIC).exists()
    before = ConfigurationCopy.objects.get(origin="before_import")
    administrator.post(address("mapping-configuration-copy", pk=before.pk))
    assert set(connection.mappings.values_list("name", flat=True)) == names


def test_a_mapping_that_the_files_settings_do_without_is_refused(administrator, connection, mapping):
    document = export_configuration(connection=connection)
    document["connection"]["extended_pricing"] = True
    answer = upload(administrator, document)
    assert answer.status_code == 422
    assert "CUSTPRCGRP-PRICE is not a mapping of this connection" in answer.content.decode()
