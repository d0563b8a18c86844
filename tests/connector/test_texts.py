"""Small conversions: OData text, addresses that people paste, CSDL, wire times."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from connector.business_central_addresses import Addresses, Service
from connector.business_central_metadata import parse_csdl
from connector.errors import RemoteError, SettingsError
from connector.odata import chunks, key_segment, literal, options
from connector.services.addresses import origin
from connector.wire import dumps, loads, parse_http_date, parse_time

KEY = UUID("3f0d7c1e-8a52-4c7b-b1c9-6f2f0f6e9d01")


@pytest.mark.parametrize(
    ("value", "text"),
    [("O'Brian", "'O''Brian'"), (True, "true"), (None, "null"), (KEY, str(KEY)), (Decimal("1.50"), "1.50"), (3, "3")],
)
def test_literals_follow_odata(value, text):
    assert literal(value) == text


def test_keys_and_options_are_percent_encoded():
    assert key_segment(KEY) == f"({KEY})"
    assert key_segment({"Code": "A/B C"}) == "('A/B%20C')"
    assert key_segment({"Item_No": "1", "Line_No": 2}) == "(Item_No='1',Line_No=2)"
    assert options(select="a,b", filter="name eq 'Ä & B'", top=None) == (
        "?$select=a,b&$filter=name%20eq%20'%C3%84%20%26%20B'"
    )
    assert options() == ""


def test_chunks_leave_nothing_out():
    assert list(chunks(range(5), 2)) == [[0, 1], [2, 3], [4]]


def test_fractions_stay_exact_on_the_wire():
    assert loads('{"a":0.1,"b":20000.0000,"c":3}') == {"a": Decimal("0.1"), "b": Decimal("20000.0000"), "c": 3}
    assert dumps({"a": Decimal("0.10"), "b": "ü"}) == '{"a":0.10,"b":"ü"}'


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-08-21T09:15:07.68Z", datetime(2026, 8, 21, 9, 15, 7, 680000, UTC)),
        ("2026-08-21T11:15:07+02:00", datetime(2026, 8, 21, 9, 15, 7, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        (None, None),
        ("soon", None),
    ],
)
def test_wire_times_become_aware_utc(text, moment):
    assert parse_time(text) == moment


def test_http_date_becomes_aware_utc():
    assert parse_http_date("Fri, 21 Aug 2026 09:15:07 GMT") == datetime(2026, 8, 21, 9, 15, 7, tzinfo=UTC)
    assert parse_http_date("yesterday") is None


@pytest.mark.parametrize(
    ("pasted", "kept"),
    [
        (
            "https://api.businesscentral.dynamics.com/v2.0/tenant/production/api/v2.0",
            "https://api.businesscentral.dynamics.com",
        ),
        (" Contoso.CRM4.dynamics.com/main.aspx?appid=1 ", "https://contoso.crm4.dynamics.com"),
        ("https://127.0.0.1:8443/", "https://127.0.0.1:8443"),
        ("https://contoso.crm4.dynamics.com:443", "https://contoso.crm4.dynamics.com"),
        ("http://localhost:8480", "http://localhost:8480"),
    ],
)
def test_pasted_addresses_are_reduced_to_their_origin(pasted, kept):
    assert origin(pasted, setting="sales_url") == kept


@pytest.mark.parametrize(
    "pasted",
    ["http://contoso.example", "ftp://contoso.example", "https://", "two words", "https://a:b@host", "x:99999999"],
)
def test_addresses_that_are_none_are_refused_by_name(pasted):
    with pytest.raises(SettingsError) as refused:
        origin(pasted, setting="sales_url")
    assert list(refused.value.fields) == ["sales_url"]


def test_tables_are_taken_from_the_first_service_that_offers_them():
    addresses = Addresses(
        KEY, {"api": ["customers"], "companion": ["resources"], "pages": ["Resource_Card", "resources"]}
    )
    assert addresses.service_of("resources") is Service.COMPANION
    assert addresses.table("customers") == f"api/v2.0/companies({KEY})/customers"
    assert addresses.table("resources") == f"api/couplet/integration/v1.0/companies({KEY})/resources"
    assert addresses.table("Resource_Card") == f"ODataV4/Company(Id={KEY})/Resource_Card"


def test_addresses_without_a_company_say_so():
    with pytest.raises(RemoteError) as missing:
        Addresses(None, {}).table("customers")
    assert missing.value.code == "business_central.no_company"


def test_csdl_gives_sets_and_their_properties():
    document = b"""<?xml version="1.0"?><edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">
      <edmx:DataServices><Schema Namespace="Microsoft.NAV" xmlns="http://docs.oasis-open.org/odata/ns/edm">
      <EntityType Name="customer"><Property Name="id" Type="Edm.Guid"/>
      <Property Name="number" Type="Edm.String" MaxLength="20"/>
      <Property Name="blocked" Type="Microsoft.NAV.blocked"/></EntityType>
      <EnumType Name="blocked"><Member Name="All" Value="0"/></EnumType>
      <EntityContainer Name="NAV"><EntitySet Name="customers" EntityType="Microsoft.NAV.customer"/>
      </EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"""
    assert parse_csdl(document) == {
        "customers": {
            "id": {"type": "Edm.Guid"},
            "number": {"type": "Edm.String", "length": 20},
            "blocked": {"type": "enum"},
        }
    }


def test_csdl_with_a_dtd_is_refused():
    with pytest.raises(ValueError, match="DTD"):
        parse_csdl(b'<!DOCTYPE x [<!ENTITY a "b">]><x/>')
