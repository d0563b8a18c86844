"""Finding a record by what people remember of it."""

import pytest

from connector.choices import System
from coupling.models import SalesRecord
from coupling.services.search import matching, search_records, search_text
from tests.coupling.factories import make_account, make_connection, make_coupling, make_customer

pytestmark = pytest.mark.django_db


def test_search_text_folds_names_numbers_phones_and_domains():
    text = search_text(
        {
            "city": "München",
            "phoneNumber": "+49 (0)89 1234-567",
            "email": "Info@Contoso.de",
            "website": "https://www.contoso-shop.de/start",
            "paymentTermsId": "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        },
        number="A-0012/7",
        name="Müller & Söhne GmbH & Co. KG",
    )
    assert text == (
        " muller sohne\n a00127\n a 0012 7 127 mueller soehne gmbh co kg munchen 49891234567"
        " info@contoso.de contoso.de contoso-shop.de\n"
    )


@pytest.fixture
def connection():
    return make_connection()


@pytest.fixture
def accounts(connection):
    return {
        account.name: account
        for account in (
            make_account(connection, "CCCC Trading Ltd."),
            make_account(connection, "CC A/S", number="A-100"),
            make_account(connection, "Xylophone Makers", address1_city="Caen", telephone1="+49 (89) 123 45 67"),
            make_account(connection, "Müller & Söhne GmbH", emailaddress1="info@mueller.example"),
            make_account(connection, "Contoso Robotics", websiteurl="https://www.contoso.example"),
        )
    }


def found(connection, text):
    return [
        record.name
        for record in search_records(connection=connection, system=System.SALES, table="accounts", text=text)
    ]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("C", ["CC A/S", "CCCC Trading Ltd.", "Contoso Robotics", "Xylophone Makers"]),
        ("cccc trading", ["CCCC Trading Ltd."]),
        ("robotics contoso", ["Contoso Robotics"]),
        ("muller sohne", ["Müller & Söhne GmbH"]),
        ("Mueller", ["Müller & Söhne GmbH"]),
        ("müller gmbh & co. kg", ["Müller & Söhne GmbH"]),
        ("xylo caen", ["Xylophone Makers"]),
        ("089 1234567", ["Xylophone Makers"]),
        ("+49 89 1234567", ["Xylophone Makers"]),
        ("0049-89-1234567", ["Xylophone Makers"]),
        ("@mueller.example", ["Müller & Söhne GmbH"]),
        ("www.contoso.example", ["Contoso Robotics"]),
        ("a100", ["CC A/S"]),
        ("A 100", ["CC A/S"]),
        ("Contsoo", ["Contoso Robotics"]),
        ("robtics", ["Contoso Robotics"]),
        ("xyolphone", ["Xylophone Makers"]),
        ("WrongName", []),
        ("&", []),
        ("%", []),
        ("__", []),
    ],
)
def test_search_finds(connection, accounts, text, names):
    assert found(connection, text) == names


def test_search_takes_a_pasted_address_of_a_row(connection, accounts):
    key = accounts["CC A/S"].key
    address = f"https://contoso.crm4.dynamics.com/main.aspx?pagetype=entityrecord&etn=account&id={key}"
    assert found(connection, address) == ["CC A/S"]


def test_search_puts_the_exact_name_first_and_free_rows_before_coupled_ones(connection, accounts):
    first = make_account(connection, "Contoso Robotics East")
    make_account(connection, "Contoso Robotics West")
    make_coupling(connection.mappings.get(name="CUSTOMER"), make_customer(connection, "10000", "East"), first)
    assert found(connection, "contoso robotics") == [
        "Contoso Robotics",
        "Contoso Robotics West",
        "Contoso Robotics East",
    ]


def test_search_leaves_out_deleted_rows_and_other_tables(connection, accounts):
    SalesRecord.objects.filter(name="CC A/S").update(deleted_at="2026-01-01T00:00:00Z")
    SalesRecord.objects.filter(name="CCCC Trading Ltd.").update(table="contacts")
    assert found(connection, "cc") == []


@pytest.mark.parametrize("extra", [0, 30])
def test_search_asks_a_constant_number_of_questions(connection, accounts, django_assert_num_queries, extra):
    for number in range(extra):
        make_account(connection, f"Contoso {number}")
    with django_assert_num_queries(2):
        found(connection, "Contsoo")


def test_matching_filters_any_list_and_falls_back_to_misspelt_words(connection, accounts):
    rows = SalesRecord.objects.filter(connection=connection)
    place = (connection.pk, "accounts")
    assert [row.name for row in matching(rows, "contoso", place=place)] == ["Contoso Robotics"]
    assert [row.name for row in matching(rows, "contosso", place=place)] == ["Contoso Robotics"]
    assert matching(rows, "  ", place=place).count() == 5


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("xilofone", ["Xylophone Makers"]),
        ("nothrwnd", ["Northwind Ceramics"]),
        ("nothrwnd ceramcis", ["Northwind Ceramics"]),
        ("rubotiks", ["Contoso Robotics"]),
        ("xilofone caen", ["Xylophone Makers"]),
        ("nothrwnd contoso", []),
        ("mekurs", []),
    ],
)
def test_a_long_word_may_have_two_slips(connection, accounts, text, names):
    make_account(connection, "Northwind Ceramics")
    place = (connection.pk, "accounts")
    assert found(connection, text) == names
    assert [row.name for row in matching(SalesRecord.objects.all(), text, place=place)] == names


@pytest.mark.parametrize(
    "text", ["x" * 200, "abcdefghij" * 20, " ".join(["Donaudampfschifffahrt"] * 9), "ab" * 12 + " " + "cd" * 12]
)
def test_a_very_long_query_finds_nothing_and_costs_little(connection, accounts, text):
    assert found(connection, text[:200]) == []


def test_a_very_long_word_is_found_by_its_beginning(connection, accounts):
    make_account(connection, "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk AG")
    assert found(connection, "donaudampfschifffahrtselektrizitaten") != []
