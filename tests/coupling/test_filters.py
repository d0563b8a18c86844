"""Filters over the mirror mean what they mean in the system whose rows they filter."""

from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from connector.choices import System
from coupling.filters import FilterError, filter_condition, filter_properties, validate_filter
from coupling.lookup_names import lookup_type_key
from coupling.models import BusinessCentralRecord, SalesRecord
from tests.coupling.factories import make_connection

COMPANY = UUID("11111111-1111-4111-8111-111111111111")
ACCOUNT_FILTER = (
    "statecode eq 0 and customertypecode eq 3 and "
    "(_bcbi_companyid_value eq {company_row_id} or _bcbi_companyid_value eq null)"
)
PARENT = "_parentcustomerid_value"


@pytest.fixture
def matches(db):
    """Tells whether a row with the given values passes a filter."""
    connection = make_connection()

    def check(text, values, system=System.SALES, **parameters):
        model = SalesRecord if system == System.SALES else BusinessCentralRecord
        row = model.objects.create(connection=connection, table="rows", key=uuid4(), values=values)
        condition = filter_condition(text, system=system, parameters=parameters)
        return model.objects.filter(condition, pk=row.pk).exists()

    return check


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("", {}, True),
        ("name eq 'adatum'", {"name": "ADATUM"}, True),
        ("name eq 'O''Brian'", {"name": "o'brian"}, True),
        ("name ne 'x'", {"name": None}, True),
        ("name ne 'x'", {}, True),
        ("name eq null", {"name": None}, True),
        ("name eq null", {"name": "a"}, False),
        ("name ne null", {"name": "a"}, True),
        ("statecode eq 0", {"statecode": 0}, True),
        ("statecode eq 0", {"statecode": None}, False),
        ("price gt 9.5", {"price": Decimal("10")}, True),
        ("price gt 9.5", {"price": Decimal("9.50")}, False),
        ("price lt 9.5", {"price": None}, False),
        ("price lt 9.5", {"price": "1"}, False),
        ("isdisabled eq false and islicensed eq true", {"isdisabled": False, "islicensed": True}, True),
        ("isdisabled eq false", {"isdisabled": True}, False),
        ("contains(name,'dat')", {"name": "ADATUM"}, True),
        ("contains(name,'%')", {"name": "ADATUM"}, False),
        ("startswith(name,'a') and endswith(name,'UM')", {"name": "Adatum"}, True),
        ("not startswith(name,'a')", {"name": "Fabrikam"}, True),
        ("tolower(name) eq 'a'", {"name": "A"}, True),
        ("length(name) eq 3", {"name": "abc"}, True),
        ("statecode in (0,1)", {"statecode": 1}, True),
        ("name in ('A','b')", {"name": "B"}, True),
        ("name in ('A','b')", {"name": "c"}, False),
        ("createdon ge 2026-03-01", {"createdon": "2026-03-01T08:00:00Z"}, True),
        ("createdon gt 2026-03-01T08:00:00Z", {"createdon": "2026-03-01T08:00:00.5Z"}, True),
        ("createdon gt 2026-03-01T08:00:00Z", {"createdon": "2026-03-01T08:00:00Z"}, False),
        ("id eq 7F1C0D2E-1111-4111-8111-111111111111", {"id": "7f1c0d2e-1111-4111-8111-111111111111"}, True),
        ("a eq 1 or b eq 2", {"a": 0, "b": 2}, True),
        ("not (a eq 1 or b eq 2)", {"a": 0, "b": 3}, True),
        ("allowance eq true and nullable eq false", {"allowance": True, "nullable": False}, True),
        ("amount eq -1.5 and anything ne null", {"amount": Decimal("-1.5"), "anything": "x"}, True),
    ],
)
def test_filter_in_sales(matches, text, values, expected):
    assert matches(text, values) is expected


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("blocked eq '_x0020_'", {"blocked": "_x0020_"}, True),
        ("blocked eq '_x0020_'", {"blocked": "All"}, False),
        ("type eq 'Person' and companyNumber ne ''", {"type": "Person", "companyNumber": "CT1"}, True),
        ("type eq 'Person' and companyNumber ne ''", {"type": "Person", "companyNumber": ""}, False),
        ("status eq 'Not_x0020_Started' or status eq 'In_x0020_Progress'", {"status": "In_x0020_Progress"}, True),
        ("blocked eq false", {"blocked": False}, True),
    ],
)
def test_filter_in_business_central(matches, text, values, expected):
    assert matches(text, values, System.BUSINESS_CENTRAL) is expected


@pytest.mark.parametrize(
    ("marker", "expected"),
    [(None, True), (str(COMPANY), True), ("22222222-2222-4222-8222-222222222222", False)],
)
def test_filter_company_parameter(matches, marker, expected):
    values = {"statecode": 0, "customertypecode": 3, "_bcbi_companyid_value": marker}
    assert matches(ACCOUNT_FILTER, values, company_row_id=COMPANY) is expected


def test_filter_company_parameter_without_company_row(matches):
    assert matches(ACCOUNT_FILTER, {"statecode": 0, "customertypecode": 3}, company_row_id=None)


def test_filter_related_key_checks_the_target_table(matches):
    text = "parentcustomerid_account/accountid ne null"
    key = str(uuid4())
    assert matches(text, {PARENT: key, lookup_type_key(PARENT): "account"})
    assert matches(text, {PARENT: key})
    assert not matches(text, {PARENT: key, lookup_type_key(PARENT): "contact"})
    assert not matches(text, {PARENT: None})


def test_filter_properties_names_what_has_to_be_mirrored():
    assert filter_properties("parentcustomerid_account/accountid ne null and contains(name,'a')") == {
        PARENT,
        lookup_type_key(PARENT),
        "name",
    }
    assert filter_properties(" ") == frozenset()


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("blocked eq ", 10),
        ("blocked foo 'x'", 8),
        ("name eq 'a' and stat eq 0", 16),
        ("name eq {company}", 8),
        ("soundex(name) eq 'a'", 0),
        ("contains(name)", 0),
        ("_x_value eq {company_row_id} and and", 33),
    ],
)
def test_validate_filter_says_where_it_goes_wrong(text, position):
    with pytest.raises(FilterError) as caught:
        validate_filter(text, system=System.SALES, table="accounts", known={"name", "statecode", "blocked", "_x_value"})
    assert caught.value.position == position
    assert caught.value.message


def test_validate_filter_accepts_every_default():
    validate_filter(ACCOUNT_FILTER, system=System.SALES, table="accounts", known=None)
    validate_filter("", system=System.SALES, table="accounts", known=set())
