"""The failure rule on couplings."""

from uuid import uuid4

import pytest

from connector.choices import System
from connector.errors import ErrorKind
from connector.models import Connection
from coupling.models import Coupling, DirtyPair, TableMapping
from syncjobs.engine.marks import Failure, lift_dependents, mark_failures

pytestmark = pytest.mark.django_db

TO_BC, TO_SALES = System.BUSINESS_CENTRAL, System.SALES


@pytest.fixture
def mapping() -> TableMapping:
    return TableMapping.objects.create(
        connection=Connection.objects.create(),
        name="CUSTOMER",
        business_central_table="customers",
        sales_table="accounts",
        direction="bidirectional",
    )


@pytest.fixture
def coupling(mapping: TableMapping) -> Coupling:
    return Coupling.objects.create(
        connection=mapping.connection,
        mapping=mapping,
        bc_table="customers",
        bc_key=uuid4(),
        sales_table="accounts",
        sales_key=uuid4(),
    )


def failure(coupling: Coupling, **values) -> Failure:
    return Failure(
        **{
            "coupling_id": coupling.pk,
            "target": TO_BC,
            "kind": ErrorKind.DATA,
            "code": "record.refused",
            "message": "Refused.",
            "fingerprint": "same",
            **values,
        }
    )


def test_first_failure_marks_failing_and_the_same_in_the_next_run_skips(coupling: Coupling) -> None:
    assert mark_failures([failure(coupling)], job_id=1) == set()
    coupling.refresh_from_db()
    assert (coupling.error_code, coupling.failures, coupling.skipped_at) == ("record.refused", 1, None)
    assert mark_failures([failure(coupling)], job_id=2) == {coupling.pk}
    coupling.refresh_from_db()
    assert coupling.skipped_at


def test_same_failure_twice_in_one_job_counts_once(coupling: Coupling) -> None:
    for _ in range(2):
        assert mark_failures([failure(coupling)], job_id=1) == set()


@pytest.mark.parametrize("other", [{"fingerprint": "another"}, {"target": TO_SALES}])
def test_another_value_or_direction_starts_counting_anew(coupling: Coupling, other: dict) -> None:
    mark_failures([failure(coupling)], job_id=1)
    assert mark_failures([failure(coupling, **other)], job_id=2) == set()
    coupling.refresh_from_db()
    assert coupling.failures == 1


@pytest.mark.parametrize("kind", [ErrorKind.TRANSIENT, ErrorKind.THROTTLED, ErrorKind.CONFIG])
def test_passing_errors_leave_no_mark(coupling: Coupling, kind: ErrorKind) -> None:
    mark_failures([failure(coupling, kind=kind)], job_id=1)
    coupling.refresh_from_db()
    assert coupling.error_code == ""


def test_missing_privilege_marks_and_never_skips(coupling: Coupling) -> None:
    for job_id in (1, 2, 3):
        assert mark_failures([failure(coupling, kind=ErrorKind.PERMISSION)], job_id=job_id) == set()
    coupling.refresh_from_db()
    assert coupling.error_code == "record.refused"


def test_new_coupling_of_the_missing_partner_lifts_the_mark(mapping: TableMapping, coupling: Coupling) -> None:
    details = {"mapping": "SALESPEOPLE", "number": "JR"}
    for job_id in (1, 2):
        mark_failures([failure(coupling, kind=ErrorKind.DEPENDENCY, details=details)], job_id=job_id)
    salespeople = TableMapping.objects.create(
        connection=mapping.connection,
        name="SALESPEOPLE",
        business_central_table="salespeoplePurchasers",
        sales_table="systemusers",
        direction="to_business_central",
    )
    lift_dependents(mapping=salespeople, names=["XY"])
    assert not DirtyPair.objects.exists()
    lift_dependents(mapping=salespeople, names=["JR", "John Roberts"])
    coupling.refresh_from_db()
    assert (coupling.skipped_at, coupling.error_code) == (None, "")
    assert DirtyPair.objects.get().pair_key == coupling.bc_key
