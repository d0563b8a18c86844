"""One pair, one decision: created, updated, left alone, in conflict, failing, uncoupled, restored."""

from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

import pytest

from connector.choices import System
from connector.errors import ErrorKind
from coupling.choices import DeletionConflict, MissingSide, UpdateConflict
from coupling.models import RecordTemplate
from syncjobs.choices import OperationKind
from syncjobs.engine.decide import decide
from syncjobs.engine.decision import Outcome
from syncjobs.engine.options import RunOptions
from syncjobs.engine.views import PairView
from tests.engine.builders import (
    BC_VALUES,
    COMPANY,
    EUR,
    NET30,
    SALES_VALUES,
    TEAM,
    USD,
    USER,
    account,
    blueprint,
    coupled,
    customer,
    line,
    lookups,
)

BC, SALES = System.BUSINESS_CENTRAL, System.SALES
PLAIN = RunOptions()
CUSTOMERS = blueprint(templates=(RecordTemplate(system="sales", values={"customertypecode": 3}),))
NEW_KEY = uuid4()


def decided(pair, mapping=CUSTOMERS, options=PLAIN, known=None):
    return decide(mapping, pair, known or lookups(), options, new_key=NEW_KEY)


def bodies(decision):
    return {write.system: dict(write.after) for write in decision.writes}


# --- Creation


def test_create_in_sales_has_mapped_values_template_marker_and_owner():
    decision = decided(PairView(bc=customer(template=0)))
    (write,) = decision.writes
    assert (decision.outcome, write.kind, write.record_id) == (Outcome.WRITE, OperationKind.CREATE, NEW_KEY)
    assert write.after == {
        "name": "Adatum",
        "telephone1": "1",
        "address1_city": "Berlin",
        "address1_country": "DE",
        "transactioncurrencyid@odata.bind": f"/transactioncurrencies({EUR})",
        "paymenttermscode": 7,
        "creditlimit": Decimal("100.00"),
        "ownerid@odata.bind": f"/systemusers({USER})",
        "bcbi_CompanyId@odata.bind": f"/bcbi_companies({COMPANY})",
        "customertypecode": 3,
    }
    assert write.bc_base == BC_VALUES
    assert write.sales_base == {**SALES_VALUES, "customertypecode": 3}


def test_create_without_salesperson_belongs_to_the_team():
    decision = decided(PairView(bc=customer(salespersonCode="")))
    assert bodies(decision)[SALES]["ownerid@odata.bind"] == f"/teams({TEAM})"


def test_create_in_business_central_leaves_blanks_and_one_way_fields_out():
    decision = decided(PairView(sales=account(telephone1=None, paymenttermscode=None)))
    (write,) = decision.writes
    assert (write.system, write.record_id) == (BC, None)
    assert write.after == {"displayName": "Adatum", "city": "Berlin", "country": "DE", "currencyCode": "EUR"}
    assert write.sales_base["telephone1"] is None


def test_create_sends_an_empty_choice_because_sales_has_defaults():
    decision = decided(PairView(bc=customer(paymentTermsId="00000000-0000-0000-0000-000000000000")))
    assert bodies(decision)[SALES]["paymenttermscode"] is None


def test_create_with_an_uncoupled_salesperson_fails():
    decision = decided(PairView(bc=customer(salespersonCode="XX")))
    assert decision.outcome == Outcome.FAILED
    assert decision.problem.kind == ErrorKind.DEPENDENCY
    assert not decision.writes


def test_only_coupled_drops_a_new_record_without_a_trace():
    mapping = replace(CUSTOMERS, only_coupled=True)
    assert decided(PairView(bc=customer()), mapping).outcome == Outcome.DROPPED
    assert decided(PairView(bc=customer()), mapping, RunOptions(ignore_only_coupled=True)).writes
    assert decided(PairView(bc=customer()), mapping, RunOptions(create_side=SALES)).writes


def test_filter_keeps_a_new_record_out():
    outside = PairView(bc=customer(in_filter=False))
    assert decided(outside).outcome == Outcome.DROPPED
    wanted = decided(outside, options=RunOptions(create_side=SALES))
    assert (wanted.outcome, wanted.problem.code) == (Outcome.FAILED, "engine.outside_filter")


def test_direction_keeps_a_new_record_out():
    mapping = CUSTOMERS.limited_to("to_business_central")
    assert decided(PairView(bc=customer()), mapping).outcome == Outcome.DROPPED
    assert decided(PairView(sales=account()), mapping).writes


def test_nothing_left_of_an_uncoupled_record():
    assert decided(PairView()).outcome == Outcome.DROPPED


# --- Coupled


def test_unchanged_pair_is_unchanged():
    decision = decided(coupled(customer(), account()))
    assert (decision.outcome, decision.writes) == (Outcome.UNCHANGED, ())


def test_touched_but_unchanged_pair_refreshes_tokens():
    assert decided(coupled(customer(token="bc2"), account(token="s2"))).outcome == Outcome.AGREED


def test_change_in_business_central_is_written_to_sales_with_the_token_seen():
    decision = decided(coupled(customer(token="bc2", phoneNumber="2"), account()))
    (write,) = decision.writes
    assert (write.system, write.kind, write.expected_token) == (SALES, OperationKind.UPDATE, "s1")
    assert (write.before, write.after) == ({"telephone1": "1"}, {"telephone1": "2"})
    assert (write.bc_base, write.sales_base) == ({"phoneNumber": "2"}, {"telephone1": "2"})


def test_changes_of_different_fields_go_both_ways():
    decision = decided(coupled(customer(phoneNumber="2"), account(address1_city="Bern")))
    assert bodies(decision) == {SALES: {"telephone1": "2"}, BC: {"city": "Bern"}}


def test_lookup_is_bound_and_its_old_value_kept():
    decision = decided(coupled(customer(currencyCode="USD"), account()))
    (write,) = decision.writes
    assert write.before == {"transactioncurrencyid@odata.bind": f"/transactioncurrencies({EUR})"}
    assert write.after == {"transactioncurrencyid@odata.bind": f"/transactioncurrencies({USD})"}
    assert write.sales_base == {"_transactioncurrencyid_value": USD}


def test_option_from_sales():
    pair = coupled(customer(paymentTermsId="00000000-0000-0000-0000-000000000000"), account())
    assert bodies(decided(pair, options=RunOptions(force_from=SALES)))[BC] == {"paymentTermsId": NET30}


def test_conflict_writes_nothing_and_names_the_fields():
    decision = decided(coupled(customer(phoneNumber="2", city="Bern"), account(telephone1="3")))
    assert (decision.outcome, decision.writes) == (Outcome.CONFLICT, ())
    assert [merge.spec.name for merge in decision.clashes] == ["phoneNumber"]
    assert decision.problem.details["fields"][0]["sales"] == "3"


@pytest.mark.parametrize(
    ("policy", "body"),
    [
        (UpdateConflict.SEND_TO_SALES, {SALES: {"telephone1": "2"}}),
        (UpdateConflict.GET_FROM_SALES, {BC: {"phoneNumber": "3"}}),
    ],
)
def test_conflict_policy_decides(policy, body):
    mapping = replace(CUSTOMERS, update_policy=policy)
    assert bodies(decided(coupled(customer(phoneNumber="2"), account(telephone1="3")), mapping)) == body


def test_direction_chosen_by_hand_beats_the_policy_and_the_newer_side():
    mapping = replace(CUSTOMERS, update_policy=UpdateConflict.SEND_TO_SALES)
    pair = coupled(customer(phoneNumber="2", city="Bern"), account())
    assert bodies(decided(pair, mapping, RunOptions(force_from=SALES))) == {BC: {"phoneNumber": "1", "city": "Berlin"}}


def test_many_at_once_leave_out_what_is_newer_on_the_target():
    options = RunOptions(force_from=BC, keep_newer=True)
    newer = decided(coupled(customer(), account(telephone1="3")), options=options)
    assert (newer.outcome, newer.reason) == (Outcome.SKIPPED, "target_is_newer")
    assert decided(coupled(customer(phoneNumber="2"), account()), options=options).writes


def test_first_synchronisation_of_a_coupling():
    pair = coupled(customer(), account(telephone1="3"), bc_base={}, sales_base={}, synchronised=False)
    assert decided(pair).outcome == Outcome.CONFLICT
    assert bodies(decided(pair, options=RunOptions(force_from=BC))) == {SALES: {"telephone1": "1"}}


def test_first_synchronisation_of_equal_records_agrees():
    decision = decided(coupled(customer(), account(), bc_base={}, sales_base={}, synchronised=False))
    assert (decision.outcome, decision.bc_base) == (Outcome.AGREED, BC_VALUES)


def test_failing_lookup_fails_the_whole_record():
    decision = decided(coupled(customer(currencyCode="GBP", phoneNumber="2"), account()))
    assert (decision.outcome, decision.writes, decision.target) == (Outcome.FAILED, (), SALES)


def test_failing_lookup_is_cleared_where_the_field_says_so():
    cleared = blueprint(
        line("displayName", "name"),
        line("city", "address1_city", clear_value_on_failed_sync=True, transformation="contact-lookup"),
    )
    pair = coupled(customer(city="CT9", displayName="New"), account())
    assert bodies(decided(pair, cleared))[SALES] == {"name": "New", "address1_city": None}


def test_not_null_keeps_the_owner():
    decision = decided(coupled(customer(salespersonCode=""), account()))
    assert (decision.outcome, decision.bc_base) == (Outcome.AGREED, {"salespersonCode": ""})


def test_narrower_run_leaves_the_other_change_waiting():
    pair = coupled(customer(phoneNumber="2"), account(address1_city="Bern"))
    decision = decided(pair, CUSTOMERS.limited_to("to_sales"))
    assert (bodies(decision), decision.again) == ({SALES: {"telephone1": "2"}}, True)


def test_outside_the_filter_nothing_leaves_that_side():
    pair = coupled(customer(in_filter=False, phoneNumber="2"), account(address1_city="Bern"))
    decision = decided(pair)
    assert bodies(decision) == {BC: {"city": "Bern"}}
    assert (decision.outside_filter, decision.again) == (BC, False)
    by_hand = decided(pair, options=RunOptions(force_from=BC))
    assert (by_hand.outcome, by_hand.reason) == (Outcome.SKIPPED, "outside_filter")


def test_missing_company_marker_is_put_right():
    decision = decided(coupled(customer(), account(_bcbi_companyid_value=None)))
    assert bodies(decision)[SALES] == {"bcbi_CompanyId@odata.bind": f"/bcbi_companies({COMPANY})"}


def test_marker_of_another_company_is_left_alone():
    other = "99999999-0000-4000-8000-000000000009"
    assert decided(coupled(customer(), account(_bcbi_companyid_value=other))).outcome == Outcome.UNCHANGED


@pytest.mark.parametrize("in_filter", [True, False])
def test_inactive_account_blocks_its_customer_and_never_unblocks(in_filter):
    def decision(blocked, state, **sales_base):
        bc, sales = customer(blocked=blocked), account(statecode=state, token="s2", in_filter=in_filter)
        return bodies(decided(coupled(bc, sales, sales_base={**SALES_VALUES, **sales_base})))

    assert decision("_x0020_", 1) == {BC: {"blocked": "All"}}
    assert decision("Ship", 1) == {}
    assert decision("All", 0, statecode=1) == {}


def test_row_outside_the_filter_carries_its_state_and_nothing_else():
    pair = coupled(customer(blocked="_x0020_"), account(statecode=1, name="Renamed", token="s2", in_filter=False))
    decision = decided(pair)
    assert (bodies(decision), decision.outside_filter) == ({BC: {"blocked": "All"}}, SALES)


def test_read_only_column_is_not_written_after_creation():
    mapping = blueprint(
        line("code", "isocurrencycode", "to_sales"),
        line("displayName", "currencyname", "to_sales"),
        name="OTHER",
        business_central_table="currencies",
        sales_entity="transactioncurrency",
    )
    base = {"code": "USD", "displayName": "Dollar"}
    pair = coupled(
        replace(customer(), values={"code": "USX", "displayName": "Dollar"}),
        replace(account(), values={"isocurrencycode": "USD", "currencyname": "Dollar"}),
        bc_base=base,
        sales_base={"isocurrencycode": "USD", "currencyname": "Dollar"},
    )
    decision = decided(pair, mapping)
    assert (decision.outcome, decision.bc_base["code"]) == (Outcome.AGREED, "USX")


def test_property_of_another_service_is_written_there_and_after_the_tables_own():
    mapping = blueprint(
        line("displayName", "name"), line("faxNumber", "fax", business_central_service="workflowCustomers")
    )
    both = coupled(
        customer(faxNumber="1"),
        account(fax="2", name="New"),
        bc_base={**BC_VALUES, "faxNumber": "1"},
        sales_base={**SALES_VALUES, "fax": "1"},
    )
    first = decided(both, mapping)
    assert [(write.table, write.after) for write in first.writes] == [("", {"displayName": "New"})]
    assert first.again
    later = decided(replace(both, sales=account(fax="2")), mapping)
    (write,) = later.writes
    assert (write.table, write.after, write.expected_token) == ("workflowCustomers", {"faxNumber": "2"}, "")
    (created,) = decided(PairView(sales=account(fax="2")), mapping).writes
    assert created.after == {"displayName": "Adatum"}


def test_constant_is_sent_on_create_and_put_right_afterwards():
    mapping = blueprint(
        line("displayName", "name"), line("", "customertypecode", "to_sales", constant_value="3", sales_type="Picklist")
    )
    assert bodies(decided(PairView(bc=customer()), mapping))[SALES]["customertypecode"] == 3
    pair = coupled(customer(token="bc2"), account(customertypecode=4))
    assert bodies(decided(pair, mapping))[SALES] == {"customertypecode": 3}
    assert decided(coupled(customer(), account(customertypecode=4)), mapping).outcome == Outcome.UNCHANGED


# --- Skipped, broken, removed


def test_skipped_coupling_is_left_until_retried():
    pair = coupled(customer(phoneNumber="2"), account(), skipped=True)
    assert decided(pair).outcome == Outcome.SKIPPED
    assert decided(pair, options=RunOptions(force_from=BC)).outcome == Outcome.SKIPPED
    assert decided(pair, options=RunOptions(retry=True)).writes


def test_deleted_partner_without_a_policy_fails_and_marks_the_side():
    decision = decided(coupled(None, account()))
    assert (decision.outcome, decision.missing) == (Outcome.FAILED, MissingSide.BUSINESS_CENTRAL)
    assert decision.problem.code == "engine.partner_deleted"


def test_deleted_partner_removes_the_coupling_and_the_marker():
    mapping = replace(CUSTOMERS, deletion_policy=DeletionConflict.REMOVE_COUPLING)
    (write,) = decided(coupled(None, account()), mapping).writes
    assert (write.kind, write.after) == (OperationKind.UNCOUPLE, {"bcbi_CompanyId@odata.bind": None})
    assert decided(coupled(customer(), None), mapping).outcome == Outcome.UNCOUPLE


@pytest.mark.parametrize("only_coupled", [True, False])
def test_deleted_partner_is_restored(only_coupled):
    mapping = replace(CUSTOMERS, deletion_policy=DeletionConflict.RESTORE_RECORDS, only_coupled=only_coupled)
    (in_bc,) = decided(coupled(None, account()), mapping).writes
    (in_sales,) = decided(coupled(customer(), None), mapping).writes
    assert (in_bc.system, in_bc.kind) == (BC, OperationKind.CREATE)
    assert (in_sales.system, in_sales.record_id) == (SALES, NEW_KEY)


def test_restore_asked_for_beats_the_policy():
    mapping = replace(CUSTOMERS, deletion_policy=DeletionConflict.REMOVE_COUPLING)
    assert decided(coupled(customer(), None), mapping, RunOptions(restore=True)).writes[0].kind == OperationKind.CREATE


def test_direction_chosen_by_hand_does_not_restore():
    mapping = replace(CUSTOMERS, deletion_policy=DeletionConflict.RESTORE_RECORDS)
    assert decided(coupled(customer(), None), mapping, RunOptions(force_from=BC)).outcome == Outcome.FAILED


def test_survivor_is_deleted_on_request():
    (write,) = decided(coupled(None, account()), options=RunOptions(delete_survivor=True)).writes
    assert (write.system, write.kind, write.expected_token) == (SALES, OperationKind.DELETE, "s1")


def test_both_gone_removes_the_coupling():
    assert decided(coupled(None, None)).outcome == Outcome.UNCOUPLE


def test_uncouple_clears_only_our_own_marker():
    options = RunOptions(uncouple=True)
    assert decided(coupled(customer(), account()), options=options).writes[0].kind == OperationKind.UNCOUPLE
    unmarked = coupled(customer(), account(_bcbi_companyid_value=None))
    assert decided(unmarked, options=options).outcome == Outcome.UNCOUPLE


def test_recognised_partner_is_coupled_and_overwritten():
    decision = decided(PairView(bc=customer(), sales=account(telephone1="9")))
    assert (decision.adopts, bodies(decision)) == (True, {SALES: {"telephone1": "1"}})
    equal = decided(PairView(bc=customer(), sales=account()))
    assert (equal.adopts, equal.outcome) == (True, Outcome.AGREED)


def test_decision_is_the_same_twice():
    pair = coupled(customer(phoneNumber="2"), account(address1_city="Bern"))
    assert decided(pair) == decided(pair)
