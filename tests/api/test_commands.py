"""The commands that do what the REST API does: outcome as text and JSON, exit codes, refusals."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from connector.models import Connection
from syncjobs.models import FullSynch, SynchJob
from tests.api.builders import NO_COUNTERS
from tests.coupling.factories import make_connection


def run(*arguments: str) -> tuple[str, int]:
    """What a command prints, and its exit code."""
    out = StringIO()
    try:
        call_command(*arguments, stdout=out)
    except SystemExit as end:
        return out.getvalue(), int(end.code or 0)
    return out.getvalue(), 0


def test_synchronize_wait_runs_to_the_end_with_a_progress_bar(hub):
    creating(hub, "CUSTOMER")
    hub.create_customers(2)
    output, code = run("synchronize", "CUSTOMER", "--wait")
    assert code == 0
    assert "[##############################] 2/2  succeeded" in output
    assert output.strip().endswith("succeeded. 2 created.")
    assert SynchJob.objects.get().trigger == "command"


def test_synchronize_json_is_for_scripts(hub):
    output, code = run("synchronize", "CURRENCY", "--full", "--wait", "--json")
    [job] = json.loads(output)
    assert code == 0
    assert job.items() >= {"mapping": "CURRENCY", "mode": "full", "direction": "to_sales", "state": "succeeded"}.items()
    assert set(job["counters"]) == set(NO_COUNTERS)


def test_synchronize_preview_writes_nothing(hub):
    creating(hub, "CUSTOMER")
    hub.create_customers(1)
    output, code = run("synchronize", "CUSTOMER", "--preview", "--direction", "to_sales", "--wait", "--json")
    [job] = json.loads(output)
    assert (code, job["mode"], job["direction"], job["counters"]["inserted"]) == (0, "preview", "to_sales", 1)
    assert hub.sales.rows("accounts", "name") == []


def test_synchronize_exits_non_zero_when_a_record_failed(hub):
    creating(hub, "CUSTOMER")
    hub.bc.create("currencies", code="CHF", displayName="Swiss franc")
    hub.bc.create("customers", displayName="Adatum", currencyCode="CHF")
    output, code = run("synchronize", "CUSTOMER", "--wait", "--json")
    assert (code, json.loads(output)[0]["state"]) == (1, "partly")


def test_synchronize_without_wait_leaves_the_jobs_to_the_workers(hub, settings):
    settings.RQ_QUEUES = {name: {**queue, "ASYNC": True} for name, queue in settings.RQ_QUEUES.items()}
    output, code = run("synchronize", "CURRENCY", "VENDOR")
    assert code == 0
    assert SynchJob.objects.count() == 2
    assert "CURRENCY" in output


def creating(hub, mapping: str) -> None:
    """Records without a partner get one in every run."""
    hub.connection.mappings.filter(name=mapping).update(synch_only_coupled_records=False)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("synchronize", "NONE"), "There is no mapping NONE"),
        (("synchronize", "CURRENCY", "--direction", "to_business_central"), "only goes to sales"),
        (("synchronize", "--direction", "sideways"), "invalid choice"),
        (("synchronize", "--connection", "other"), "Name one connection"),
        (("fullsynch", "--mappings", "NONE"), "NONE cannot be part"),
        (("fullsynch", "--connection", "other"), "Name one connection"),
        (("check_connection", "--connection", "other"), "Name one connection"),
        (("api_token", "nobody"), "no active user"),
    ],
)
def test_commands_refuse_with_a_sentence(connection, arguments, sentence):
    with pytest.raises(CommandError, match=sentence):
        run(*arguments)
    assert not SynchJob.objects.exists()


def test_commands_refuse_while_the_connection_is_disabled(connection):
    Connection.objects.update(enabled=False)
    for name in ("synchronize", "fullsynch"):
        with pytest.raises(CommandError, match="is disabled"):
            run(name)


def test_one_connection_needs_no_name_and_several_do(connection):
    make_connection(slug="second")
    with pytest.raises(CommandError, match=r"Name one connection with --connection\. There is: default, second\."):
        run("synchronize")


def test_fullsynch_wait_reports_every_line(hub):
    output, code = run("fullsynch", "--mappings", "CURRENCY", "VENDOR", "--wait", "--json")
    report = json.loads(output)
    assert (code, report["state"]) == (0, "succeeded")
    assert {line["mapping"]: line["state"] for line in report["lines"]} == {
        "CURRENCY": "finished",
        "VENDOR": "finished",
    }


def test_fullsynch_preview_plans_and_writes_nothing(hub):
    hub.create_customers(2)
    output, code = run("fullsynch", "--mappings", "CUSTOMER", "--preview", "--wait", "--json")
    [line] = json.loads(output)["lines"]
    assert (code, line["plan"]["create_in_sales"]) == (0, 2)
    assert FullSynch.objects.get().preview
    assert hub.sales.rows("accounts", "name") == []


def test_check_connection_says_what_is_wrong(hub):
    output, code = run("check_connection", "--json")
    assert (code, json.loads(output)["succeeded"]) == (0, True)
    Connection.objects.update(business_central_environment="nowhere")
    output, code = run("check_connection")
    assert code == 1
    assert "FAILED" in output
