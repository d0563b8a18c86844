"""What tables need beyond field mappings: currencies, salespeople."""

from datetime import date
from decimal import Decimal

import pytest

from connector.choices import System
from coupling.choices import CouplingOrigin
from coupling.models import BusinessCentralRecord, Coupling, SalesRecord, TableMapping
from syncjobs.choices import JobMode, JobTrigger, OperationKind, OperationState
from syncjobs.engine.options import PairRef, RunOptions
from syncjobs.engine.plan import plan_slice
from syncjobs.engine.rules.currencies import RATES_TABLE, local_rates
from syncjobs.models import JobSlice, Operation, SynchJob
from tests.coupling.factories import key, make_connection, make_coupling, make_record

BC, SALES = System.BUSINESS_CENTRAL, System.SALES
TODAY = date(2026, 8, 1)


def rate(code, start, units, worth, relation=""):
    return {
        "currencyCode": code,
        "startingDate": start,
        "exchangeRateAmount": Decimal(units),
        "relationalExchangeRateAmount": Decimal(worth),
        "relationalCurrencyCode": relation,
    }


def test_local_rates_newest_that_has_begun():
    rows = [rate("USD", "2026-01-01", 100, 90), rate("USD", "2026-07-01", 100, 92), rate("USD", "2027-01-01", 1, 5)]
    assert local_rates(rows, today=TODAY) == {"USD": Decimal("0.92")}


def test_local_rates_by_way_of_another_currency():
    rows = [rate("USD", "2026-01-01", 1, "0.5"), rate("MXN", "2026-01-01", 10, 1, "USD")]
    assert local_rates(rows, today=TODAY)["MXN"] == Decimal("0.05")
    assert local_rates([rate("MXN", "2026-01-01", 10, 1, "USD")], today=TODAY) == {}


@pytest.fixture
def connection(db):
    return make_connection(
        local_currency_code="EUR", base_currency="EUR", base_currency_precision=3, base_currency_id=key("euro")
    )


def currency(connection, code, **values):
    values = {"code": code, "symbol": "", "displayName": f"{code} currency", **values}
    return make_record(connection, BC, "currencies", number=code, name=code, **values)


def make_rate(connection, *row):
    make_record(connection, BC, RATES_TABLE, number=row[0], name=row[1], **rate(*row))


def plan(connection, name, *references, **options):
    mapping = TableMapping.objects.get(connection=connection, name=name)
    job = SynchJob.objects.create(
        connection=connection,
        mapping=mapping,
        mode=JobMode.FULL,
        direction=mapping.direction,
        trigger=JobTrigger.USER,
        options=RunOptions(**options).to_json(),
    )
    plan_slice(job, JobSlice.objects.create(job=job), references)
    job.refresh_from_db()
    return job


def euro(connection):
    return make_record(connection, SALES, "transactioncurrencies", number="EUR", name="Euro", isocurrencycode="EUR")


def test_currency_is_created_with_rate_precision_and_symbol(connection):
    euro(connection)
    make_rate(connection, "USD", "2026-01-01", 100, 90)
    plan(connection, "CURRENCY", PairRef(currency(connection, "USD").key), ignore_only_coupled=True)
    assert Operation.objects.get().after == {
        "isocurrencycode": "USD",
        "currencysymbol": "USD",
        "currencyname": "USD currency",
        "currencyprecision": 3,
        "exchangerate": Decimal("1.1111111111"),
    }


def test_currency_rate_is_crossed_over_the_local_currency(connection):
    connection.base_currency = "GBP"
    connection.save()
    euro(connection)
    make_rate(connection, "USD", "2026-01-01", 1, 3)
    make_rate(connection, "GBP", "2026-01-01", 1, 12)
    plan(connection, "CURRENCY", PairRef(currency(connection, "USD").key), ignore_only_coupled=True)
    assert Operation.objects.get().after["exchangerate"] == 4


def test_currency_without_a_rate_fails(connection):
    euro(connection)
    job = plan(connection, "CURRENCY", PairRef(currency(connection, "USD").key), ignore_only_coupled=True)
    assert Operation.objects.get().error_code == "engine.no_exchange_rate"
    assert job.failed == 1


def test_currency_with_the_same_code_is_taken_over(connection):
    euro(connection)
    make_rate(connection, "USD", "2026-01-01", 100, 90)
    dollar = make_record(
        connection, SALES, "transactioncurrencies", number="usd", name="US Dollar",
        isocurrencycode="USD", currencysymbol="$", currencyname="USD currency", exchangerate=Decimal("1.5"),
    )  # fmt: skip
    job = plan(connection, "CURRENCY", PairRef(currency(connection, "USD").key), ignore_only_coupled=True)
    coupling = Coupling.objects.get()
    assert (coupling.sales_key, coupling.origin) == (dollar.key, CouplingOrigin.ADOPTED)
    link, update = Operation.objects.order_by("kind")
    assert (link.kind, link.state) == (OperationKind.COUPLE, OperationState.SETTLED)
    assert update.after == {"currencysymbol": "USD", "exchangerate": Decimal("1.1111111111")}
    assert (update.coupling_id, job.coupled) == (coupling.pk, 1)


def test_currency_only_coupled_is_not_taken_over_by_an_ordinary_run(connection):
    euro(connection)
    plan(connection, "CURRENCY", PairRef(currency(connection, "USD").key))
    assert not Operation.objects.exists()


def test_currency_rate_alone_is_reason_enough(connection):
    euro(connection)
    make_rate(connection, "USD", "2026-01-01", 100, 90)
    bc = currency(connection, "USD", symbol="$")
    sales = make_record(
        connection, SALES, "transactioncurrencies", number="USD", name="USD",
        isocurrencycode="USD", currencysymbol="$", currencyname="USD currency", exchangerate=Decimal("1.5"),
    )  # fmt: skip
    mapping = TableMapping.objects.get(connection=connection, name="CURRENCY")
    make_coupling(
        mapping, bc, sales, bc_base=bc.values, sales_base=sales.values, last_synchronised_at="2026-01-01T00:00:00Z"
    )
    plan(connection, "CURRENCY", PairRef(bc.key, sales.key))
    assert Operation.objects.get().after == {"exchangerate": Decimal("1.1111111111")}


def test_local_currency_is_created_where_sales_has_none(connection):
    connection.base_currency = "USD"
    connection.save()
    make_rate(connection, "USD", "2026-01-01", 100, 90)
    plan(connection, "CURRENCY", PairRef(currency(connection, "CHF").key), ignore_only_coupled=True)
    operation = Operation.objects.get(state=OperationState.PLANNED)
    assert operation.after["isocurrencycode"] == "EUR"
    assert operation.after["exchangerate"] == Decimal("0.9")
    assert operation.bc_key is None


def test_salesperson_gets_the_next_code(connection):
    make_record(connection, BC, "salespeoplePurchasers", number="SP NO. 00007", name="X", code="SP NO. 00007")
    users = [
        make_record(
            connection, SALES, "systemusers", number=f"{name}@x.example", name=name, fullname=name,
            internalemailaddress=f"{name}@x.example", mobilephone=None,
            isdisabled=False, islicensed=True, isintegrationuser=False,
        )
        for name in ("Ada", "Grace")
    ]  # fmt: skip
    plan(connection, "SALESPEOPLE", *[PairRef(None, user.key) for user in users], create_side=BC)
    bodies = sorted((operation.after for operation in Operation.objects.all()), key=lambda body: body["code"])
    assert [body["code"] for body in bodies] == ["SP NO. 00008", "SP NO. 00009"]
    assert set(bodies[0]) == {"code", "displayName", "email"}


def test_salespeople_are_not_created_by_an_ordinary_run(connection):
    user = make_record(
        connection, SALES, "systemusers", name="Ada", fullname="Ada", isdisabled=False, islicensed=True,
        isintegrationuser=False,
    )  # fmt: skip
    plan(connection, "SALESPEOPLE", PairRef(None, user.key))
    assert not Operation.objects.exists()
    assert SalesRecord.objects.exists()
    assert not BusinessCentralRecord.objects.exists()


def person(connection, system, number, email):
    if system == BC:
        return make_record(
            connection, BC, "salespeoplePurchasers", number=number, name=number, code=number, email=email
        )
    values = {"internalemailaddress": email, "fullname": number, "isdisabled": False, "islicensed": True}
    return make_record(connection, SALES, "systemusers", number=email, name=number, isintegrationuser=False, **values)


def test_salesperson_with_the_users_address_is_recognised(connection):
    salesperson = person(connection, BC, "AN", "amira@example.org")
    user = person(connection, SALES, "Amira Nolan", "AMIRA@example.org")
    job = plan(connection, "SALESPEOPLE", PairRef(None, user.key), ignore_only_coupled=True)
    assert list(Coupling.objects.values_list("bc_key", "sales_key")) == [(salesperson.key, user.key)]
    assert job.coupled == 1
    assert not Operation.objects.filter(kind=OperationKind.CREATE).exists()


def test_salesperson_addresses_that_occur_twice_recognise_nobody(connection):
    for number in ("AN", "AN2"):
        person(connection, BC, number, "amira@example.org")
    user = person(connection, SALES, "Amira Nolan", "amira@example.org")
    plan(connection, "SALESPEOPLE", PairRef(None, user.key), ignore_only_coupled=True)
    assert not Coupling.objects.exists()
    assert Operation.objects.get().after["code"] == "SP NO. 00001"
