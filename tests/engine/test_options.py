"""Option mappings: codes of Business Central become options of a choice column in Sales."""

import pytest
from django.utils import timezone

from connector.clients import sales_client
from coupling.models import OptionMapping
from syncjobs.choices import JobMode, JobState, OperationState
from syncjobs.models import Operation, SynchJob
from syncjobs.services.full_synch import start_full_synch
from tests.engine.live import CREATING, Hub


def labels(hub: Hub, entity: str = "account") -> list[str]:
    return [option.label for option in sales_client(hub.connection).options(entity, "paymenttermscode")]


def test_codes_become_options_and_are_repeated_on_documents(hub: Hub) -> None:
    codes = {row["code"] for row in hub.bc.rows("paymentTerms", "code")}
    job = hub.run_full("PAYMENT TERMS")
    assert (job.state, job.inserted + job.coupled) == ("succeeded", len(codes))
    assert codes <= set(labels(hub))
    assert codes <= set(labels(hub, "salesorder"))
    assert set(OptionMapping.objects.values_list("bc_code", flat=True)) == codes
    again = hub.run("PAYMENT TERMS")
    assert (again.unchanged, again.inserted, again.modified) == (len(codes), 0, 0)


def test_a_renamed_code_relabels_its_option(hub: Hub) -> None:
    hub.run_full("PAYMENT TERMS")
    option = OptionMapping.objects.order_by("bc_code").first()
    assert option is not None
    hub.bc.update("paymentTerms", option.bc_key, code="RENAMED")
    job = hub.run("PAYMENT TERMS")
    assert job.modified == 1
    renamed = OptionMapping.objects.get(bc_key=option.bc_key)
    assert (renamed.bc_code, renamed.option_value, renamed.option_label) == ("RENAMED", option.option_value, "RENAMED")
    assert "RENAMED" in labels(hub)


def test_a_label_in_other_letters_is_left_as_it_is(hub: Hub) -> None:
    code = hub.bc.rows("paymentTerms", "code")[0]["code"]
    sales_client(hub.connection).insert_option("account", "paymenttermscode", code.lower())
    assert hub.run_full("PAYMENT TERMS").coupled == 1
    again = hub.run("PAYMENT TERMS")
    assert (again.modified, again.inserted) == (0, 0)
    assert code.lower() in labels(hub)


def test_a_preview_writes_nothing(hub: Hub) -> None:
    before = labels(hub)
    full_synch = start_full_synch(connection=hub.connection, preview=True, mappings=["PAYMENT TERMS"])
    plan = full_synch.lines.get().plan
    assert plan["create_in_sales"] + plan["couple"] == len(hub.bc.rows("paymentTerms", "code"))
    assert labels(hub) == before
    assert not OptionMapping.objects.exists()
    planned = Operation.objects.filter(preview=True, state="planned")
    assert planned.count() == plan["create_in_sales"]
    job = hub.run("PAYMENT TERMS", JobMode.FULL, options=CREATING)
    assert (job.inserted, job.coupled) == (plan["create_in_sales"], plan["couple"])


@pytest.mark.parametrize("kind", ["drop_before", "drop_after_commit", "truncate", "server_error"])
def test_lost_answers_leave_every_code_with_one_option_in_all_columns(hub: Hub, kind: str) -> None:
    codes = {row["code"] for row in hub.bc.rows("paymentTerms", "code")}
    hub.faults({"system": "sales", "match": "InsertOptionValue", "method": "POST", "kind": kind, "count": 2})
    job = hub.run_full("PAYMENT TERMS")
    hub.faults()
    assert (job.state, job.inserted + job.coupled, job.failed) == (JobState.SUCCEEDED, len(codes), 0), job.message
    for entity in ("account", "salesorder", "quote", "invoice"):
        made = [label for label in labels(hub, entity) if label in codes]
        assert sorted(made) == sorted(codes)
    assert not Operation.objects.filter(state=OperationState.SENT).exists()


def test_an_option_whose_worker_died_before_the_document_tables_had_it_is_completed(hub: Hub) -> None:
    code = hub.bc.client.query("paymentTerms", properties=["code"], orderby="code")
    record = next(iter(code))
    sales_client(hub.connection).insert_option("account", "paymenttermscode", record.values["code"])
    ended = hub.start("PAYMENT TERMS")
    SynchJob.objects.filter(pk=ended.pk).update(state=JobState.FAILED)
    Operation.objects.create(
        job=ended, connection=hub.connection, mapping=hub.mapping("PAYMENT TERMS"), system="sales",
        table="account.paymenttermscode", bc_key=record.key, kind="create", state=OperationState.SENT,
        after={"Label": record.values["code"]}, attempts=1, sent_at=timezone.now(),
    )  # fmt: skip
    job = hub.run("PAYMENT TERMS")
    assert (job.inserted, job.coupled) == (1, 0)
    assert labels(hub).count(record.values["code"]) == 1
    assert record.values["code"] in labels(hub, "quote")
    assert not Operation.objects.filter(state=OperationState.SENT).exists()
