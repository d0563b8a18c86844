"""Never two orders for one, whatever dies when."""

import pytest

from syncjobs import tasks
from syncjobs.choices import JobState, JobTrigger
from syncjobs.documents import completing, transfer
from syncjobs.documents.choices import TransferState
from syncjobs.documents.processes import CREATE_ORDERS, start_process
from syncjobs.models import Operation
from tests.documents.trade import Trade

BC, SALES = "business_central", "sales"


class Died(BaseException):
    """The worker is killed here: nothing after it runs, nothing catches it."""


def fault(system: str, kind: str, match: str = "$batch", count: int = 1) -> dict[str, object]:
    return {"system": system, "match": match, "method": None, "kind": kind, "probability": 1, "count": count}


@pytest.mark.parametrize("kind", ["drop_after_commit", "truncate", "drop_before"])
def test_create_whose_answer_is_lost_makes_one_order(trade: Trade, kind: str) -> None:
    key = trade.make_order("Lost", lines=2)
    trade.faults(fault(BC, kind, "salesOrders"))

    trade.process()

    [struck] = trade.sandbox.control("GET", "/faults")
    assert struck["injected"] == 1
    assert len(trade.bc_orders()) == 1
    assert trade.document(key).transfer_state == TransferState.TRANSFERRED
    trade.process()
    assert len(trade.bc_orders()) == 1


def test_lost_answers_of_orders_that_look_alike_make_one_each(trade: Trade) -> None:
    keys = [trade.make_order("Twin") for _ in range(3)]
    trade.faults(fault(BC, "drop_after_commit", "salesOrders"))

    trade.process()
    trade.process()

    assert len(trade.bc_orders()) == 3
    assert len({trade.document(key).bc_key for key in keys}) == 3


def test_lost_hand_over_is_done_again_without_a_second_order(trade: Trade) -> None:
    key = trade.make_order("Handed over")
    trade.faults(fault(SALES, "drop_after_commit", "salesorders"))

    trade.process()
    trade.process()

    assert len(trade.bc_orders()) == 1
    assert trade.document(key).transfer_state == TransferState.TRANSFERRED
    row = trade.sales.row("salesorders", key, "statecode", "lastbackofficesubmit")
    assert row["statecode"] == 1
    assert row["lastbackofficesubmit"]


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (transfer, "run_before"), (transfer.journal, "send"), (transfer, "settle_done"), (completing, "_further"),
        (completing, "transfer_notes"), (completing, "write_back"), (completing, "_finish"),
    ],
)  # fmt: skip
def test_worker_that_dies_leaves_one_order(
    trade: Trade, monkeypatch: pytest.MonkeyPatch, module: object, name: str
) -> None:
    """Killed right before each step; whoever takes the job up again finishes it."""
    key = trade.make_order("Survivor", lines=2)
    job = start_process(connection=trade.connection, name=CREATE_ORDERS, trigger=JobTrigger.COMMAND, hand_over=False)

    def die(*_: object, **__: object) -> None:
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr(module, name, die)
        if name == "_further":
            patched.setitem(completing._STEPS, "further", die)
        with pytest.raises(Died):
            tasks.run_job(job.pk)

    tasks.run_job(job.pk)

    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED, list(job.log.values_list("message", flat=True))
    assert len(trade.bc_orders()) == 1
    assert trade.document(key).transfer_state == TransferState.TRANSFERRED
    assert not Operation.objects.filter(state__in=["planned", "sent"]).exists()


def test_two_jobs_at_once_make_one_order(trade: Trade) -> None:
    """A second job finds the order claimed while the first one's create is on its way."""
    key = trade.make_order("Once")
    second = start_process(
        connection=trade.connection, name=CREATE_ORDERS, trigger=JobTrigger.USER, documents=[key], hand_over=False
    )
    original = transfer.journal.send

    def send(run, claimed):
        if run.job.pk != second.pk:
            tasks.run_job(second.pk)
        yield from original(run, claimed)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(transfer.journal, "send", send)
        trade.process()

    assert len(trade.bc_orders()) == 1
    assert trade.document(key).transfer_state == TransferState.TRANSFERRED
