"""What assisted setup lets people decide: who stands for whom, what stops with what, how the first run begins."""

import pytest

from connector.clients import INTERACTIVE, business_central_client, sales_client
from connector.models import Connection
from connector.wizard import drafts
from coupling.models import Coupling
from sandbox.dataverse import wellknown
from syncjobs.models import FullSynch, SynchJob
from tests.scenarios.setup.walk import as_shown, complete, finished, text


@pytest.fixture
def people(wizard, identity, sandbox):
    """The step Ownership and people is reached; a salesperson has the address of the first user, a team is empty."""
    complete(wizard, identity, sandbox, until="people")
    candidate = drafts.candidate(wizard.draft)
    sales = sales_client(candidate, patience=INTERACTIVE)
    unit = {"businessunitid@odata.bind": f"/businessunits({wellknown.BUSINESS_UNIT_ID})"}
    prefer = {"Prefer": "return=representation"}
    team = sales.session.send("POST", "teams", body={"name": "North", **unit}, headers=prefer).data["teamid"]
    central = business_central_client(candidate, patience=INTERACTIVE)
    first, last = wellknown.USERS[0]
    body = {"code": "AN", "displayName": "A. N.", "email": f"{first}.{last}@{wellknown.USER_DOMAIN}"}
    address = central.addresses.table("salespeoplePurchasers")
    person = central.session.send("POST", address, body=body).data["id"]
    wizard.post("people", "people", ownership_model="person")
    return sales, team, person


def test_users_are_coupled_get_new_salespeople_and_join_the_team(wizard, people):
    sales, team, person = people
    chosen = {"ownership_model": "person", "chosen_team_id": team}
    assert "Not in the owning team." in text(wizard.post("people", "people", **chosen))
    first, second, *_ = wellknown.USER_IDS

    def grid(action: str, **values: str) -> dict[str, str]:
        form = wizard.post("people", action, **chosen, **values).context["form"]
        return {name: form[name].value() for name in form.fields if name.startswith("user-")}

    assert set(grid("people-clear").values()) == {""}
    assert grid("people-suggest", **{f"user-{first}": ""})[f"user-{first}"] == person
    assert set(grid("people-new", **{f"user-{first}": person}).values()) == {person, "new"}
    users = {**dict.fromkeys(grid("people-clear"), ""), f"user-{first}": person, f"user-{second}": "new"}
    question = text(wizard.post("people", **chosen, **users))
    assert "2 of 5 users are coupled" in question
    wizard.post("people", confirmed="1", joins_team="on", **chosen, **users)
    wizard.post("first", start="none")
    finished(wizard)
    assert str(Coupling.objects.get(mapping__name="SALESPEOPLE").sales_key) == first
    made = SynchJob.objects.get(mapping__name="SALESPEOPLE", options__has_key="create_side")
    assert second in str(made.options)
    members = sales.session.get(f"teams({team})/teammembership_association?$select=systemuserid").data["value"]
    assert {row["systemuserid"] for row in members} == {first, second}


def test_a_mapping_is_switched_off_with_all_that_needs_it(wizard, identity, sandbox):
    complete(wizard, identity, sandbox, until="subjects")
    values = as_shown(wizard.open("subjects").context)
    del values["on-CUSTOMER"]
    refused = wizard.post("subjects", **values)
    assert refused.status_code == 422
    [(name, stopping)] = refused.context["stops"]
    assert name == "CUSTOMER"
    assert {"CONTACT", "OPPORTUNITY", "POSTEDSALESINV-INV"} <= set(stopping)
    values["on-CUSTOMER"] = "on"
    assert "Switched off: CUSTOMER, " in text(wizard.post("subjects", "off:CUSTOMER", **values))
    left = {
        row.offer.name for card in wizard.open("subjects").context["cards"] for row in card.rows if row.choice.enabled
    }
    assert not left & {"CUSTOMER", *stopping}
    assert {"CURRENCY", "VENDOR"} <= left


@pytest.mark.parametrize("stored", [True, False])
def test_rules_direction_and_winner_reach_the_plan(wizard, identity, sandbox, stored):
    if not stored:
        Connection.objects.get().mappings.all().delete()
    complete(wizard, identity, sandbox, until="first")
    lines = {line.row.offer.name: line for line in wizard.open("first").context["lines"]}
    rules = {rule.sales: rule for rule in lines["CUSTOMER"].rules}
    assert {"name", "telephone1"} <= rules.keys()
    values = {"start": "plan", "shown": list(lines), "part-CUSTOMER": "on", "part-VENDOR": "on"}
    values |= {"way-CUSTOMER": "to_sales", "winner-CUSTOMER": "sales", "match-CUSTOMER": "on"}
    values |= {"rules-CUSTOMER": [rules["name"].key, rules["telephone1"].key], "way-VENDOR": "bidirectional"}
    # What is left without a match although both sides have records is said before going on.
    draft = wizard.draft
    draft.found["counts"]["VENDOR"] = {"business_central": 2, "sales": 3, "problem": ""}
    draft.save()
    assert "nothing is chosen to match them on: VENDOR." in text(wizard.post("first", **values))
    wizard.post("first", confirmed="1", **values)
    shown = {line.row.offer.name: line for line in wizard.open("first").context["lines"]}["CUSTOMER"]
    assert [rule.sales for rule in shown.ticked] == ["name", "telephone1"]
    finished(wizard)
    ticked = Connection.objects.get().mappings.get(name="CUSTOMER").fields.filter(used_for_matching=True)
    assert set(ticked.values_list("sales_attribute", flat=True)) == {"name", "telephone1"}
    planned = {line.mapping.name: line for line in FullSynch.objects.get().lines.select_related("mapping")}
    assert planned.keys() == {"CUSTOMER", "VENDOR"}
    customer, vendor = planned["CUSTOMER"], planned["VENDOR"]
    assert (customer.direction, customer.winner, customer.match_first) == ("to_sales", "sales", True)
    assert (vendor.direction, vendor.winner, vendor.match_first) == ("bidirectional", "", False)
