"""Couple Salespeople: one form for all users, against the sandbox."""

import pytest

from connector.choices import System
from coupling.models import Coupling, TableMapping
from coupling.services.defaults import load_defaults
from coupling.services.salespeople import lines_of, salespeople_of, save
from coupling.synchronisation import service


@pytest.fixture
def salespeople(hub) -> TableMapping:
    """Two salespeople and the sandbox's users, read into the mirror, under person ownership."""
    hub.connection.ownership_model = "person"
    hub.connection.save()
    load_defaults(connection=hub.connection)
    for code, name, email in (("AN", "Anna", ""), ("BO", "Bo", "")):
        hub.bc.create("salespeoplePurchasers", code=code, displayName=name, email=email)
    mapping = hub.mapping("SALESPEOPLE")
    for system in System:
        service().refresh_table(connection=hub.connection, system=system, table=mapping.table(system))
    return mapping


def people(mapping):
    found = {person.number: person.key for person in salespeople_of(mapping)}
    users = [line.user.key for line in lines_of(mapping, salespeople_of(mapping))]
    return found, users


def test_users_inside_the_filter_are_listed_by_name(hub, salespeople):
    lines = lines_of(salespeople, salespeople_of(salespeople))
    names = [line.user.name for line in lines]
    assert names == sorted(names)
    assert len(names) >= 3
    assert all(line.user.values["isintegrationuser"] is False for line in lines)


def test_save_couples_and_takes_name_and_mail_from_sales(hub, salespeople):
    found, users = people(salespeople)
    saved = save(mapping=salespeople, chosen={users[0]: found["AN"], users[1]: None}, user=None)
    assert (saved.coupled, saved.uncoupled, saved.problems) == (1, 0, [])
    assert Coupling.objects.get().bc_key == found["AN"]
    user = hub.sales.row("systemusers", users[0], "fullname")
    assert hub.bc.row("salespeoplePurchasers", found["AN"], "displayName")["displayName"] == user["fullname"]


def test_a_salesperson_chosen_for_another_user_leaves_the_first(hub, salespeople):
    found, users = people(salespeople)
    save(mapping=salespeople, chosen={users[0]: found["AN"]}, user=None)
    saved = save(mapping=salespeople, chosen={users[0]: None, users[1]: found["AN"]}, user=None)
    assert (saved.coupled, saved.uncoupled) == (1, 1)
    assert [(c.bc_key, c.sales_key) for c in Coupling.objects.all()] == [(found["AN"], users[1])]
    assert saved.jobs == []


def test_an_emptied_line_is_uncoupled_and_an_unchanged_one_stays(hub, salespeople):
    found, users = people(salespeople)
    save(mapping=salespeople, chosen={users[0]: found["AN"], users[1]: found["BO"]}, user=None)
    saved = save(mapping=salespeople, chosen={users[0]: None, users[1]: found["BO"]}, user=None)
    assert (saved.coupled, saved.uncoupled) == (0, 1)
    assert [c.bc_key for c in Coupling.objects.all()] == [found["BO"]]


def test_one_salesperson_for_two_users_is_refused_for_the_second(hub, salespeople):
    found, users = people(salespeople)
    saved = save(mapping=salespeople, chosen={users[0]: found["AN"], users[1]: found["AN"]}, user=None)
    assert saved.coupled == 1
    assert "already coupled" in saved.problems[0]
