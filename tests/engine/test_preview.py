"""The preview of a pair shows, field by field, what a synchronisation would do."""

import pytest

from connector.choices import System
from coupling.models import OptionMapping, TableMapping
from syncjobs.engine.preview import preview_pair
from tests.coupling.factories import key, make_account, make_connection, make_coupling, make_customer

BC, SALES = System.BUSINESS_CENTRAL, System.SALES
TERMS = str(key("30 days"))


@pytest.fixture
def mapping(db):
    connection = make_connection(ownership_model="team", local_currency_code="EUR", base_currency="EUR")
    terms = TableMapping.objects.get(connection=connection, name="PAYMENT TERMS")
    OptionMapping.objects.create(mapping=terms, bc_key=TERMS, bc_code="30 DAYS", option_value=7, option_label="30 DAYS")
    return TableMapping.objects.get(connection=connection, name="CUSTOMER")


def records(mapping, bc=None, sales=None):
    values = {"phoneNumber": "1", "city": "Berlin", "paymentTermsId": TERMS, **(bc or {})}
    other = {"telephone1": "1", "address1_city": "Berlin", "paymenttermscode": 7, **(sales or {})}
    return make_customer(mapping.connection, "C1", "Adatum", **values), make_account(
        mapping.connection, "Adatum", **other
    )


def previewed(mapping, bc, sales, force_from=None):
    preview = preview_pair(mapping=mapping, bc_key=bc and bc.key, sales_key=sales and sales.key, force_from=force_from)
    return preview, {line.bc_property: line for line in preview.fields}


def test_preview_of_two_uncoupled_records_shows_clashes(mapping):
    preview, lines = previewed(mapping, *records(mapping, sales={"telephone1": "2"}))
    assert (preview.never, preview.clash, preview.unchanged) == (True, True, False)
    assert lines["phoneNumber"].clash
    assert lines["city"].equal
    assert lines["paymentTermsId"].bc_now_text == lines["paymentTermsId"].sales_now_text == "30 DAYS"


@pytest.mark.parametrize(("force", "written", "value"), [(BC, "writes_sales", "1"), (SALES, "writes_bc", "2")])
def test_preview_with_a_direction(mapping, force, written, value):
    preview, lines = previewed(mapping, *records(mapping, sales={"telephone1": "2"}), force_from=force)
    line = lines["phoneNumber"]
    assert getattr(line, written)
    assert (line.bc_after if force == SALES else line.sales_after) == value
    assert not preview.clash


def test_preview_of_a_coupled_pair_tells_who_changed(mapping):
    bc, sales = records(mapping, bc={"city": "Bern"})
    base = {**bc.values, "city": "Berlin"}
    make_coupling(
        mapping, bc, sales, bc_base=base, sales_base=sales.values, last_synchronised_at="2026-01-01T00:00:00Z"
    )
    preview, lines = previewed(mapping, bc, sales)
    assert (lines["city"].bc_changed, lines["city"].sales_changed, lines["city"].sales_after) == (True, False, "Bern")
    assert (preview.writes_sales, preview.writes_bc, preview.changed(BC)) == (1, 0, True)


def test_preview_of_a_record_that_would_be_created(mapping):
    bc, _ = records(mapping, bc={"city": ""})
    preview, lines = previewed(mapping, bc, None)
    assert (lines["phoneNumber"].sales_after, lines["phoneNumber"].writes_sales) == ("1", True)
    assert not lines["city"].writes_sales
    assert not preview.unchanged


def test_preview_names_what_has_to_be_coupled_first(mapping):
    bc, sales = records(mapping, bc={"paymentTermsId": str(key("60 days"))})
    preview, lines = previewed(mapping, bc, sales, force_from=BC)
    assert lines["paymentTermsId"].problem
    assert preview.problems[0].code == "engine.not_coupled"


def test_preview_writes_nothing(mapping):
    from syncjobs.models import Operation

    previewed(mapping, *records(mapping))
    assert not Operation.objects.exists()
