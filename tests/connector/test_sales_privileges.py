"""How far privileges reach: what the list of them means, and what it says nothing about."""

import pytest

from connector.errors import RemoteError
from connector.models import Connection
from connector.services import sales_privileges as privileges
from connector.services.connection_test import run_connection_test
from connector.services.report import Concern

NEEDS = dict.fromkeys(("account", "salesorder"), privileges.verbs_for(writes=True, owned=True, assigns=True))
ALL = dict.fromkeys(privileges.names_of({"account": NEEDS["account"]}), "Global")


def test_everything_for_the_whole_organisation_is_enough_and_other_names_are_not_judged():
    privileges.judge(NEEDS, ALL)


def test_rows_that_cannot_be_assigned_are_a_failure():
    with pytest.raises(RemoteError, match="lacks prvAssignAccount"):
        privileges.judge(NEEDS, {name: depth for name, depth in ALL.items() if name != "prvassignaccount"})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"prvreadaccount": "Local"}, "do not reach the whole organisation: prvReadAccount"),
        ({"prvappendtoaccount": None}, "does not seem to have prvAppendToAccount"),
    ],
)
def test_what_reaches_too_short_or_is_not_listed_is_a_warning(change, words):
    held = {name: depth for name, depth in {**ALL, **change}.items() if depth}
    with pytest.raises(Concern, match=words):
        privileges.judge(NEEDS, held)


def test_where_people_own_rows_assigning_has_to_be_allowed(connection, sandbox):
    Connection.objects.filter(pk=connection.pk).update(ownership_model="person")
    connection.refresh_from_db()
    sandbox.control("PUT", "/profile", {"sales": {"denied": ["prvAssignContact"]}})
    [step] = [each for each in run_connection_test(connection=connection).steps if each.name == "Privileges"]
    assert (step.state, step.message.count("prvAssignContact")) == ("failed", 1)
