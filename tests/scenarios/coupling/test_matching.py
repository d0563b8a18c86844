"""Match-based coupling from the page (scenarios 34 to 38), reviews and acceptance, the queue, against the sandbox."""

from uuid import UUID

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from coupling.link_changes import CouplingChange
from coupling.matching.compute import compute_suggestions
from coupling.matching.models import MatchLine, QueueStep, RecordClaim, RuledOutPair
from coupling.models import Coupling
from coupling.synchronisation import service
from coupling.views.matching import SELECTION
from syncjobs.models import SynchJob
from tests.coupling.factories import make_person
from tests.engine.live import BC, SALES, Hub


@pytest.fixture
def salesperson(hub, client):
    client.force_login(make_person("salesperson", "salesperson"))
    return client


def read(hub: Hub) -> None:
    for system, table in ((BC, "customers"), (SALES, "accounts")):
        service().refresh_table(connection=hub.connection, system=system, table=table)


def pairs(hub: Hub, count: int, matching: int | None = None) -> tuple[list[UUID], list[UUID]]:
    """Customers and accounts; the first `matching` share a phone number each, all are called differently."""
    customers, accounts = [], []
    for number in range(count):
        phone = f"+45 1000 000{number}"
        customers.append(hub.bc.create("customers", displayName=f"Customer {number}", phoneNumber=phone))
        other = phone if number < (count if matching is None else matching) else f"+45 2000 000{number}"
        accounts.append(hub.sales.create("accounts", name=f"Account {number}", customertypecode=3, telephone1=other))
    read(hub)
    return customers, accounts


def address(name: str, *more: object) -> str:
    return reverse(name, args=["default", "CUSTOMER", *more])


def phone_form(hub: Hub, **values: str) -> dict[str, str]:
    field = hub.mapping("CUSTOMER").fields.get(business_central_property="phoneNumber", sales_attribute="telephone1")
    return {f"match-{field.pk}": "1", "synchronize": "1", "winner": "send_to_sales", "action": "run", **values}


def select(client, customers) -> None:
    session = client.session
    session[SELECTION] = {"CUSTOMER": [str(key) for key in customers]}
    session.save()


def names(hub: Hub, accounts) -> list[str]:
    return [hub.sales.row("accounts", key, "name")["name"] for key in accounts]


def test_34_whole_table_keeps_old_couplings_and_adds_the_match(hub, salesperson):
    customers, accounts = pairs(hub, 3)
    mapping = hub.mapping("CUSTOMER")
    for customer, account in zip(customers[:2], accounts[:2], strict=True):
        Coupling.objects.create(
            connection=hub.connection, mapping=mapping, bc_table="customers", bc_key=customer,
            sales_table="accounts", sales_key=account,
        )  # fmt: skip
    salesperson.post(address("match-criteria"), phone_form(hub))
    job = SynchJob.objects.get()
    assert (job.mode, job.coupled, job.failed, job.state) == ("match", 1, 0, "succeeded")
    assert Coupling.objects.count() == 3
    assert names(hub, accounts)[2] == "Customer 2"


def test_35_and_36_only_the_selected_are_coupled_and_renamed(hub, salesperson):
    customers, accounts = pairs(hub, 3)
    select(salesperson, customers[:1])
    salesperson.post(address("match-criteria"), phone_form(hub, selected="1"))
    assert names(hub, accounts) == ["Customer 0", "Account 1", "Account 2"]
    select(salesperson, customers)
    salesperson.post(address("match-criteria"), phone_form(hub, selected="1"))
    assert names(hub, accounts) == ["Customer 0", "Customer 1", "Customer 2"]
    assert [job.coupled for job in SynchJob.objects.order_by("id")] == [1, 2]


def test_37_unmatched_and_inconclusive_records_count_as_failed(hub, salesperson):
    customers, accounts = pairs(hub, 5, matching=2)
    select(salesperson, customers)
    salesperson.post(address("match-criteria"), phone_form(hub, selected="1"))
    job = SynchJob.objects.get()
    assert (job.coupled, job.failed) == (2, 3)
    assert names(hub, accounts) == ["Customer 0", "Customer 1", "Account 2", "Account 3", "Account 4"]


def test_37_accounts_that_share_one_phone_couple_nothing(hub, salesperson):
    customer = hub.bc.create("customers", displayName="Customer", phoneNumber="+45 1")
    for number in range(3):
        hub.sales.create("accounts", name=f"Account {number}", customertypecode=3, telephone1="+45 1")
    salesperson.post(address("match-criteria"), phone_form(hub))
    job = SynchJob.objects.get()
    assert (job.coupled, job.failed, job.modified) == (0, 1, 0)
    assert not Coupling.objects.exists()
    line = MatchLine.objects.get(job_id=job.pk)
    assert (line.bc_key, line.verdict, line.candidates.count()) == (customer, "several", 3)


def test_38_looking_at_the_criteria_starts_nothing(hub, salesperson):
    assert salesperson.get(address("match-criteria")).status_code == 200
    assert not SynchJob.objects.exists()
    assert not hub.mapping("CUSTOMER").fields.filter(used_for_matching=True).exists()


def test_match_without_a_field_or_a_winner_is_refused_and_keeps_what_was_chosen(hub, salesperson):
    answer = salesperson.post(address("match-criteria"), {"action": "run"})
    assert answer.status_code == 400
    assert "Tick at least one field" in answer.text
    form = phone_form(hub, winner="")
    answer = salesperson.post(address("match-criteria"), form)
    assert "Choose which side wins" in answer.text
    assert 'name="synchronize" value="1" checked' in answer.text
    assert not SynchJob.objects.exists()


def test_dry_run_couples_nothing_and_its_clear_lines_can_be_accepted_and_undone(hub, salesperson):
    customers, accounts = pairs(hub, 3, matching=2)
    salesperson.post(address("match-criteria"), phone_form(hub, action="dry_run"))
    dry = SynchJob.objects.get()
    assert not Coupling.objects.exists()
    assert names(hub, accounts) == ["Account 0", "Account 1", "Account 2"]
    page = salesperson.get(address("match-review", dry.pk), follow=True).text
    assert "Couple 2 clear ones" in page
    assert "same phone number" in page
    assert "Customer 0" in salesperson.get(address("match-clear", dry.pk)).text
    salesperson.post(address("match-clear", dry.pk), {"synchronize": ""})
    accepted = SynchJob.objects.order_by("-id").first()
    assert (accepted.mode, accepted.coupled, accepted.state) == ("couple", 2, "succeeded")
    assert set(Coupling.objects.values_list("bc_key", "sales_key")) == set(
        zip(customers[:2], accounts[:2], strict=True)
    )
    assert set(Coupling.objects.values_list("origin", flat=True)) == {"match"}
    salesperson.post(address("match-undo", accepted.pk), {"confirmed": "1"})
    assert not Coupling.objects.exists()


def test_undo_of_a_whole_run_puts_names_back(hub, salesperson):
    _, accounts = pairs(hub, 2)
    salesperson.post(address("match-criteria"), phone_form(hub))
    run = SynchJob.objects.get()
    assert names(hub, accounts) == ["Customer 0", "Customer 1"]
    salesperson.post(address("match-undo", run.pk), {"confirmed": "1"})
    assert names(hub, accounts) == ["Account 0", "Account 1"]
    assert not Coupling.objects.exists()


def test_undo_of_one_pair_of_a_run_takes_its_values_and_its_link_back(hub, salesperson):
    customers, accounts = pairs(hub, 3)
    salesperson.post(address("match-criteria"), phone_form(hub))
    run = SynchJob.objects.get()
    change = CouplingChange.objects.get(bc_key=customers[1])
    undo = reverse("coupling-undo", kwargs={"connection": "default", "deed": change.deed})
    shown = salesperson.get(undo).text
    assert "Account 1" in shown
    assert '<span title="name">Name</span>' in shown, "fields are called as people call them"
    assert "Account 0" not in shown
    salesperson.post(undo, {"confirmed": "1"})
    assert names(hub, accounts) == ["Customer 0", "Account 1", "Customer 2"]
    assert set(Coupling.objects.values_list("bc_key", flat=True)) == {customers[0], customers[2]}
    # The rest of the run can still be undone, and says what was taken back already.
    salesperson.post(address("match-undo", run.pk), {"confirmed": "1"})
    assert names(hub, accounts) == ["Account 0", "Account 1", "Account 2"]
    assert not Coupling.objects.exists()


def test_undo_of_somebody_elses_run_is_refused(hub, client):
    pairs(hub, 1)
    client.force_login(make_person("one", "salesperson"))
    client.post(address("match-criteria"), phone_form(hub))
    run = SynchJob.objects.get()
    client.force_login(make_person("two", "salesperson"))
    answer = client.post(address("match-undo", run.pk), {"confirmed": "1"}, follow=True)
    assert "Only an administrator or whoever started the run" in answer.text
    assert Coupling.objects.count() == 1


def test_accepted_pair_whose_row_is_gone_is_refused_with_its_reason(hub, salesperson):
    _, accounts = pairs(hub, 2)
    salesperson.post(address("match-criteria"), phone_form(hub, action="dry_run"))
    dry = SynchJob.objects.get()
    hub.sales.delete("accounts", accounts[0])
    lines = MatchLine.objects.filter(job_id=dry.pk)
    data = {"action": "couple", "confirmed": "1", "pk": [str(line.pk) for line in lines]}
    salesperson.post(f"{address('match-review', dry.pk)}?verdict=clear", data)
    job = SynchJob.objects.order_by("-id").first()
    assert (job.coupled, job.failed) == (1, 1)
    assert job.operations.get(state="failed").error_code == "accept.missing"


def test_decisions_of_an_exported_review_are_carried_out(hub, salesperson, tmp_path):
    pairs(hub, 2)
    salesperson.post(address("match-criteria"), phone_form(hub, action="dry_run"))
    dry = SynchJob.objects.get()
    answer = salesperson.get(f"{address('match-review', dry.pk)}?export=csv")
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert lines[0].endswith("decision")
    decided = [lines[0], lines[1] + "couple", lines[2] + "rule_out"]
    file = tmp_path / "review.csv"
    file.write_text("\n".join(decided), encoding="utf-8")
    with file.open("rb") as content:
        salesperson.post(address("match-import", dry.pk), {"file": content, "synchronize": ""})
    assert Coupling.objects.count() == 1
    assert RuledOutPair.objects.count() == 1
    file.write_text("number,decision\n1,couple\n", encoding="utf-8")
    with file.open("rb") as content:
        answer = salesperson.post(address("match-import", dry.pk), {"file": content})
    assert answer.status_code == 400
    assert "sales_id" in answer.text


def test_queue_of_sales_couples_rules_out_and_undoes(hub, salesperson):
    customers, accounts = pairs(hub, 2)
    lonely = hub.sales.create("accounts", name="Zebra", customertypecode=3)
    read(hub)
    compute_suggestions(mapping=hub.mapping("CUSTOMER"))
    queue = address("queue-sales")
    page = salesperson.get(queue)
    first, best = page.context["record"], page.context["candidates"][0][1]
    assert page.context["progress"].open == 3
    assert (first.key in accounts, best.record.key in customers) == (True, True)
    assert "same phone number" in page.text
    page = salesperson.post(queue, {"action": f"accept:{best.record.key}", "record": str(first.key)}, follow=True)
    assert Coupling.objects.get().sales_key == first.key
    second = page.context["record"]
    wrong = page.context["candidates"][0][1].record.key
    page = salesperson.post(queue, {"action": "none", "record": str(second.key), "candidate": str(wrong)}, follow=True)
    assert RuledOutPair.objects.get().sales_key == second.key
    assert (page.context["record"].key, page.context["candidates"]) == (lonely, [])
    assert (page.context["progress"].done, page.context["progress"].open) == (1, 2)
    for _ in range(2):
        salesperson.post(queue, {"action": "undo"}, follow=True)
    assert not Coupling.objects.exists()
    assert not RuledOutPair.objects.exists()
    # The other side's queue knows nothing of these steps.
    assert salesperson.get(address("queue")).context["last"] is None


def test_queue_of_sales_over_rest(hub):
    customers, accounts = pairs(hub, 1)
    compute_suggestions(mapping=hub.mapping("CUSTOMER"))
    client, root = APIClient(), "/api/v1/connections/default/mappings/CUSTOMER/queue/"
    client.force_authenticate(make_person("program", "salesperson"))
    answer = client.post(root, {"system": "sales"}, format="json").json()
    assert answer["line"] is None
    assert answer["row"]["sales_id"] == str(accounts[0])
    assert answer["row"]["candidates"][0]["business_central_id"] == str(customers[0])
    asked = {"system": "sales", "action": "couple", "sales_id": str(accounts[0])}
    refused = client.post(f"{root}decide/", asked, format="json")
    assert (refused.status_code, list(refused.json())) == (400, ["business_central_id"])
    done = client.post(f"{root}decide/", {**asked, "business_central_id": str(customers[0])}, format="json")
    assert done.json()["coupling"] == Coupling.objects.get(bc_key=customers[0], sales_key=accounts[0]).pk


def test_queue_couples_undoes_rules_out_and_skips(hub, salesperson):
    customers, accounts = pairs(hub, 3)
    compute_suggestions(mapping=hub.mapping("CUSTOMER"))
    page = salesperson.get(address("queue"))
    first = page.context["record"]
    best = page.context["free"][0].record.key
    page = salesperson.post(address("queue"), {"action": f"accept:{best}", "record": str(first.key)}, follow=True)
    assert "is coupled" in page.text
    assert Coupling.objects.get().bc_key == first.key
    assert Coupling.objects.get().origin == "suggestion"
    second = page.context["record"]
    assert second.key != first.key
    page = salesperson.post(address("queue"), {"action": "skip", "record": str(second.key)}, follow=True)
    third = page.context["record"]
    wrong = page.context["candidates"][0][1].record.key
    data = {"action": "none", "record": str(third.key), "candidate": str(wrong)}
    page = salesperson.post(address("queue"), data, follow=True)
    assert RuledOutPair.objects.get().bc_key == third.key
    assert page.context["record"].key == second.key, "what was skipped comes back"
    for _ in range(3):
        salesperson.post(address("queue"), {"action": "undo"}, follow=True)
    assert not RuledOutPair.objects.exists()
    assert not Coupling.objects.exists()
    assert not QueueStep.objects.filter(undone=False).exists()
    assert set(customers) >= {first.key, second.key, third.key}
    assert set(accounts) >= {best, wrong}


def test_queue_gives_two_people_two_records_and_lets_one_take_over(hub, client):
    pairs(hub, 2)
    compute_suggestions(mapping=hub.mapping("CUSTOMER"))
    people = [make_person("one", "salesperson"), make_person("two", "salesperson")]
    client.force_login(people[0])
    mine = client.get(address("queue")).context["record"]
    client.force_login(people[1])
    assert client.get(address("queue")).context["record"].key != mine.key
    page = client.get(f"{address('queue')}?record={mine.key}")
    assert "is being coupled by one right now" in page.text
    data = {"action": "skip", "record": str(mine.key)}
    assert "is being coupled by one right now" in client.post(address("queue"), data, follow=True).text
    client.post(address("queue"), {"action": "take_over", "record": str(mine.key)})
    assert RecordClaim.objects.get(key=mine.key).user == people[1]


def test_queue_refuses_a_row_that_was_coupled_meanwhile_and_stays_there(hub, salesperson):
    customers, accounts = pairs(hub, 2)
    compute_suggestions(mapping=hub.mapping("CUSTOMER"))
    record = salesperson.get(address("queue")).context["record"]
    other = next(key for key in customers if key != record.key)
    row = accounts[customers.index(record.key)]
    Coupling.objects.create(
        connection=hub.connection, mapping=hub.mapping("CUSTOMER"), bc_table="customers", bc_key=other,
        sales_table="accounts", sales_key=row,
    )  # fmt: skip
    page = salesperson.post(address("queue"), {"action": f"accept:{row}", "record": str(record.key)}, follow=True)
    assert "already coupled" in page.text
    assert page.context["record"].key == record.key
