"""A preview's operations are the ones that the run then makes, further rows and earlier lines included."""

from collections import Counter
from typing import Any

import pytest

from connector.services.facts import discover_facts
from coupling.models import Coupling
from syncjobs.choices import JobMode, OperationState
from syncjobs.models import FullSynch, Operation, SynchJob
from syncjobs.services.full_synch import start_full_synch
from tests.scenarios.engine.world import World

_NOT_WRITTEN = (OperationState.SKIPPED,)
_BOTH_MAKE_THE_LIST = ("ITEM-PRODUCT", "RESOURCE-PRODUCT")
"""Each of them rehearses without the other, so both plan the default price list that one of them makes."""


def written(jobs: Any) -> Counter:
    """What jobs write, in a form in which keys and numbers that only the systems give out do not count."""
    rows = Operation.objects.filter(job__in=jobs).exclude(state__in=_NOT_WRITTEN)
    return Counter(
        (
            operation.mapping.name,
            operation.system,
            operation.table,
            operation.kind,
            "failed" if operation.state in (OperationState.FAILED, OperationState.CONFLICT) else "written",
            operation.error_code,
            ",".join(sorted(operation.after)),
        )
        for operation in rows.select_related("mapping")
    )


def jobs_of(full_synch: FullSynch) -> Any:
    return SynchJob.objects.filter(full_synch_line__full_synch=full_synch)


def differences(planned: Counter, done: Counter) -> str:
    """A line for each kind of write of which one side has more."""
    lines = [f"only planned: {row} x{n}" for row, n in (planned - done).items()]
    return "\n".join(lines + [f"only done: {row} x{n}" for row, n in (done - planned).items()])


def test_item_with_units_is_previewed_with_its_prices_and_its_publication(hub: World) -> None:
    hub.switch(unit_group_mapping=True)
    hub.bc.create("items", number="1000", displayName="Lamp", baseUnitOfMeasureCode="PCS", unitPrice=12.5)
    hub.bc.create("itemUnitsOfMeasure", itemNumber="1000", code="BOX", quantityPerUnitOfMeasure=12)
    names = ["CURRENCY", "UNIT GROUP", "ITEM UOM", "ITEM-PRODUCT"]
    hub.requests()
    preview = start_full_synch(connection=hub.connection, preview=True, mappings=names)
    assert not [each for system in hub.requests().values() for each in system["by"] if each["method"] != "GET"]
    assert not Coupling.objects.exists()
    planned = written(jobs_of(preview))
    assert {row[2] for row in planned if row[0] == "ITEM-PRODUCT"} == {"products", "productpricelevels", "pricelevels"}
    done = written(jobs_of(start_full_synch(connection=hub.connection, mappings=names)))
    assert differences(planned, done) == ""
    lines = {line.mapping.name: line.plan for line in preview.lines.select_related("mapping")}
    assert (lines["ITEM-PRODUCT"]["create_in_sales"], lines["ITEM-PRODUCT"]["blocked"]) == (1, 0)


def test_contact_of_an_account_that_gets_its_customer_first_is_not_blocked(hub: World) -> None:
    account = hub.account("Contoso")
    hub.sales.create(
        "contacts", firstname="Ann", lastname="Vance",
        **{"parentcustomerid_account@odata.bind": f"/accounts({account})"},
    )  # fmt: skip
    names = ["CURRENCY", "CUSTOMER", "CONTACT"]
    preview = start_full_synch(connection=hub.connection, preview=True, mappings=names)
    plan = preview.lines.get(mapping__name="CONTACT").plan
    assert (plan["create_in_business_central"], plan["blocked"]) == (1, 0)
    planned = written(jobs_of(preview))
    done = written(jobs_of(start_full_synch(connection=hub.connection, mappings=names)))
    assert differences(planned, done) == ""


def test_preview_of_one_mapping_is_what_its_run_then_does(hub: World) -> None:
    pairs = [hub.pair(name) for name in ("First", "Second")]
    hub.edit_customer(pairs[0], city="Bergen")
    hub.edit_account(pairs[1], address1_city="Graz")
    preview = hub.run("CUSTOMER", JobMode.PREVIEW)
    assert (preview.modified, Operation.objects.filter(job=preview, preview=True).count()) == (2, 2)
    assert hub.city_of_customer(pairs[1]) == "Oslo"
    assert not Operation.objects.filter(job=preview).exclude(state=OperationState.PLANNED).exists()
    done = hub.run("CUSTOMER")
    assert written([preview]) == written([done])


@pytest.mark.slow
@pytest.mark.extended
def test_preview_of_the_whole_demo_is_what_its_full_synchronisation_does(hub: World) -> None:
    """But for what Business Central refuses, which nobody can know beforehand, and what follows from that."""
    hub.sandbox.reset("demo")
    # The organisation is another one now, with another row for the company.
    for name, value in discover_facts(connection=hub.connection).items():
        setattr(hub.connection, name, value)
    hub.connection.save()
    preview = start_full_synch(connection=hub.connection, preview=True)
    preview.refresh_from_db()
    assert preview.finished_at, list(jobs_of(preview).values_list("mapping__name", "state", "message"))
    planned = written(jobs_of(preview))
    done = written(jobs_of(start_full_synch(connection=hub.connection)))
    assert sum(planned.values()) > 2000
    assert {(row[0], row[4]) for row in done - planned} == {("CUSTOMER", "failed"), ("CONTACT", "failed")}
    refused = sum((done - planned).values())
    assert refused < 10
    # A refused record takes its second write, its contacts and their places at the company with it.
    missing = planned - done
    assert {row[0] for row in missing} <= {"CUSTOMER", "CONTACT", *_BOTH_MAKE_THE_LIST}, differences(planned, done)
    assert sum(missing.values()) < 5 * refused, differences(planned, done)
