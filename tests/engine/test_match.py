"""Match-based coupling against the sandbox: who is recognised, who is left, and what follows."""

from connector.choices import Direction
from coupling.models import Coupling
from coupling.synchronisation import MatchField
from syncjobs.choices import JobMode
from syncjobs.engine.options import MatchCriteria, PairRef, RunOptions
from syncjobs.models import Operation

BY_NAME = MatchField("displayName", "name")
BY_EMAIL = MatchField("email", "emailaddress1", priority=1)


def _match(hub, *fields, only=None, **criteria):
    options = RunOptions.matching(MatchCriteria(tuple(fields), **criteria))
    if only is not None:
        options = options.with_pairs([PairRef(key, None) for key in only])
    return hub.run("CUSTOMER", JobMode.MATCH, options=options)


def _customer(hub, name, **values):
    return hub.bc.create("customers", displayName=name, **values)


def _account(hub, name, **values):
    return hub.sales.create("accounts", name=name, customertypecode=3, **values)


def _reasons(job):
    return dict(Operation.objects.filter(job=job, state="failed").values_list("bc_key", "error_code"))


def test_match_couples_the_one_free_row_and_ignores_case(hub):
    customer, account = _customer(hub, "Adatum Boats"), _account(hub, "ADATUM BOATS ")
    job = _match(hub, BY_NAME)
    assert (job.state, job.coupled, job.failed) == ("succeeded", 1, 0)
    coupling = Coupling.objects.get()
    assert (coupling.bc_key, coupling.sales_key, coupling.origin) == (customer, account, "match")
    assert coupling.last_synchronised_at is None


def test_match_case_sensitive_tells_them_apart(hub):
    _customer(hub, "Adatum Boats")
    _account(hub, "ADATUM BOATS")
    job = _match(hub, MatchField("displayName", "name", case_sensitive=True))
    assert (job.coupled, job.failed) == (0, 1)


def test_match_leaves_ambiguous_taken_and_unknown_records_with_their_reason(hub):
    several, none = _customer(hub, "Twice Ltd"), _customer(hub, "Nowhere Ltd")
    _account(hub, "Twice Ltd")
    _account(hub, "Twice Ltd")
    first, _ = _customer(hub, "Taken Ltd"), _account(hub, "Taken Ltd")
    _match(hub, BY_NAME, only=[first])
    taken = _customer(hub, "Taken Ltd")
    job = _match(hub, BY_NAME)
    assert _reasons(job) == {several: "match.several", none: "match.none", taken: "match.taken"}
    assert (job.state, job.coupled, job.failed) == ("partly", 0, 3)


def test_match_two_records_that_claim_one_row_are_both_left(hub):
    customers = [_customer(hub, "Same Ltd"), _customer(hub, "Same Ltd")]
    _account(hub, "Same Ltd")
    job = _match(hub, BY_NAME)
    assert _reasons(job) == dict.fromkeys(customers, "match.contested")


def test_match_later_group_narrows_several_and_finds_what_the_first_missed(hub):
    narrowed = _customer(hub, "Twice Ltd", email="a@twice.example")
    renamed = _customer(hub, "New Name Ltd", email="b@renamed.example")
    right = _account(hub, "Twice Ltd", emailaddress1="a@twice.example")
    _account(hub, "Twice Ltd", emailaddress1="other@twice.example")
    old = _account(hub, "Old Name Ltd", emailaddress1="b@renamed.example")
    job = _match(hub, BY_NAME, BY_EMAIL)
    assert job.coupled == 2
    assert dict(Coupling.objects.values_list("bc_key", "sales_key")) == {narrowed: right, renamed: old}


def test_match_blank_never_equals_blank(hub):
    _customer(hub, "One Ltd")
    _account(hub, "Two Ltd")
    job = _match(hub, MatchField("email", "emailaddress1"))
    assert (job.coupled, job.failed) == (0, 1)


def test_match_within_a_group_a_blank_value_is_left_out(hub):
    customer = _customer(hub, "Adatum Boats")
    account = _account(hub, "Adatum Boats", emailaddress1="x@adatum.example")
    job = _match(hub, BY_NAME, MatchField("email", "emailaddress1"))
    assert job.coupled == 1
    assert Coupling.objects.get().sales_key == account
    assert Coupling.objects.get().bc_key == customer


def test_match_synchronises_the_new_pairs_and_creates_the_unmatched(hub):
    _customer(hub, "Adatum Boats", phoneNumber="+45 11 22 33 44")
    account = _account(hub, "Adatum Boats", telephone1="+45 99")
    lonely = _customer(hub, "Nowhere Ltd")
    job = _match(hub, BY_NAME, synchronize=Direction.TO_SALES, create_unmatched=True)
    counters = (job.state, job.coupled, job.failed, job.inserted, job.modified)
    assert counters == ("succeeded", 1, 0, 1, 1)
    assert job.done == job.total
    assert hub.sales.row("accounts", account, "telephone1")["telephone1"] == "+45 11 22 33 44"
    created = Coupling.objects.get(bc_key=lonely)
    assert hub.sales.row("accounts", created.sales_key, "name")["name"] == "Nowhere Ltd"


def test_match_without_a_mirrored_property_fails_as_a_whole(hub):
    job = _match(hub, MatchField("taxRegistrationNumber", "name"))
    assert job.state == "failed"
    assert "taxRegistrationNumber" in job.message
