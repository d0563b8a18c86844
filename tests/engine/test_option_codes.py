"""Option mappings towards Business Central: options of a choice column become codes."""

from connector.choices import Direction, System
from connector.clients import sales_client
from coupling.models import OptionMapping
from coupling.services.couplings import read_live
from coupling.services.options import renames
from syncjobs.choices import JobMode, JobState, OperationState
from syncjobs.models import Operation
from tests.engine.live import Hub

TERMS = "PAYMENT TERMS"


def codes(hub: Hub, table: str = "paymentTerms") -> dict[str, str]:
    return {row["code"]: row["displayName"] for row in hub.bc.rows(table, "code", "displayName")}


def turn(hub: Hub, name: str = TERMS) -> None:
    hub.connection.mappings.filter(name=name).update(direction=Direction.TO_BUSINESS_CENTRAL)


def add(hub: Hub, label: str) -> int:
    client = sales_client(hub.connection)
    value = client.insert_option("account", "paymenttermscode", label)
    client.publish("account")
    return value


def test_option_becomes_a_code_in_capitals_cut_to_its_length(hub: Hub) -> None:
    turn(hub)
    value = add(hub, "Net 90 days after delivery")
    job = hub.run_full(TERMS)
    assert (job.state, job.failed) == (JobState.SUCCEEDED, 0), job.message
    assert codes(hub)["NET 90 DAY"] == "Net 90 days after delivery"
    assert OptionMapping.objects.get(option_value=value).bc_code == "NET 90 DAY"
    again = hub.run_full(TERMS)
    assert (again.inserted, again.modified, again.unchanged) == (0, 0, job.inserted + job.coupled)


def test_option_with_a_codes_name_is_coupled_and_a_renamed_one_renames_it(hub: Hub) -> None:
    turn(hub)
    code = next(iter(codes(hub)))
    value = add(hub, code.lower())
    hub.run_full(TERMS)
    option = OptionMapping.objects.get(option_value=value)
    assert option.bc_code == code
    client = sales_client(hub.connection)
    client.update_option("account", "paymenttermscode", value, "Renamed")
    client.publish("account")
    job = hub.run(TERMS)
    assert job.modified == 1
    assert hub.bc.row("paymentTerms", option.bc_key, "code") == {"code": "RENAMED"}


def test_only_coupled_options_travel_where_the_mapping_says_so(hub: Hub) -> None:
    turn(hub)
    before = codes(hub)
    add(hub, "Uncoupled")
    job = hub.run(TERMS)
    assert (job.inserted, job.skipped > 0) == (0, True)
    assert codes(hub) == before


def test_two_options_that_would_get_one_code_fail_with_the_reason(hub: Hub) -> None:
    turn(hub)
    add(hub, "Net 90 days after delivery")
    add(hub, "Net 90 days after invoice")
    job = hub.run_full(TERMS)
    assert (job.state, job.failed) == (JobState.PARTLY, 2)
    failed = Operation.objects.filter(job=job, state=OperationState.FAILED)
    assert {row.error_code for row in failed} == {"option.ambiguous_code"}
    assert "NET 90 DAY" not in codes(hub)


def test_creation_whose_answer_was_lost_is_there_once(hub: Hub) -> None:
    turn(hub)
    add(hub, "Cash")
    hub.faults({"system": "business_central", "match": "paymentTerms", "method": "POST", "kind": "drop_after_commit",
                "count": 1})  # fmt: skip
    job = hub.run_full(TERMS)
    assert (job.failed, "CASH" in codes(hub)) == (0, True)
    assert OptionMapping.objects.filter(bc_code="CASH").count() == 1


def test_preview_writes_nothing(hub: Hub) -> None:
    turn(hub)
    add(hub, "Cash")
    before = codes(hub)
    hub.run(TERMS, JobMode.PREVIEW)
    assert codes(hub) == before
    assert not OptionMapping.objects.exists()


def test_shipping_agents_go_both_ways_over_the_companion(hub: Hub) -> None:
    turn(hub, "SHIPPING AGENT")
    client = sales_client(hub.connection)
    client.insert_option("account", "address1_shippingmethodcode", "Pigeon")
    client.publish("account")
    hub.run_full("SHIPPING AGENT")
    assert codes(hub, "shippingAgents")["PIGEON"] == "Pigeon"


def test_before_a_label_is_renamed_the_rows_that_show_it_are_counted_in_every_table(hub: Hub) -> None:
    key = hub.bc.create("paymentTerms", code="60D", displayName="60 days")
    hub.run_full(TERMS)
    value = OptionMapping.objects.get(bc_key=key).option_value
    account = hub.sales.create("accounts", name="Adatum", customertypecode=3, paymenttermscode=value)
    hub.sales.create(
        "quotes", name="Chairs", paymenttermscode=value, **{"customerid_account@odata.bind": f"/accounts({account})"}
    )
    hub.bc.update("paymentTerms", key, code="61D")
    read_live(hub.mapping(TERMS), System.BUSINESS_CENTRAL, key)
    (rename,) = renames(hub.mapping(TERMS), [key])
    assert (rename.now, rename.then) == ("60D", "61D")
    assert rename.words == "“60D” becomes “61D”, shown by 1 account, 1 quote"
