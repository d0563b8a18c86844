"""Templates for new records: typed line by line, refused with a sentence, taken away."""

from decimal import Decimal

import pytest

from coupling.models import RecordTemplate

PLACE = "/c/default/mappings/CUSTOMER/templates/"


@pytest.fixture
def administrator(hub, people, client):
    client.force_login(people["administrator"])
    RecordTemplate.objects.all().delete()
    return client


def test_a_template_is_made_changed_and_removed(administrator, hub):
    values = 'customertypecode = 3\nname = A = B\nnote = "3"\nratio = 1.50\ndonotphone = true\n'
    administrator.post(f"{PLACE}new/", {"system": "sales", "priority": "1", "filter": "", "values": values})
    template = RecordTemplate.objects.get()
    assert template.values == {
        "customertypecode": 3, "name": "A = B", "note": "3", "ratio": Decimal("1.50"), "donotphone": True
    }  # fmt: skip
    html = administrator.get(f"{PLACE}{template.pk}/").content.decode()
    assert "note = &quot;3&quot;" in html
    assert "customertypecode" in administrator.get(PLACE).content.decode()
    administrator.post(f"{PLACE}{template.pk}/", {"system": "sales", "priority": "2", "values": "name = C"})
    template.refresh_from_db()
    assert (template.priority, template.values) == (2, {"name": "C"})
    assert "Remove the template?" in administrator.post(f"{PLACE}{template.pk}/", {"do": "remove"}).content.decode()
    administrator.post(f"{PLACE}{template.pk}/", {"do": "remove", "confirmed": "1"})
    assert not RecordTemplate.objects.exists()
    assert "No templates yet" in administrator.get(PLACE).content.decode()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"values": "nonsense"}, "Line 1 is not"),
        ({"values": "a = 1\na = 2"}, "stands there twice"),
        ({"filter": "city eq"}, "filter"),
        ({"priority": "-1"}, "greater than or equal to 0"),
    ],
)
def test_what_cannot_be_used_is_said_at_its_field(administrator, changed, words):
    answer = administrator.post(f"{PLACE}new/", {"system": "sales", "priority": "1", "values": "a = 1", **changed})
    assert (answer.status_code, words in answer.content.decode()) == (422, True)
    assert not RecordTemplate.objects.exists()


def test_whoever_only_looks_sees_them_and_no_buttons(hub, people, client):
    client.force_login(people["viewer"])
    html = client.get(PLACE).content.decode()
    assert "customertypecode" in html
    assert "New template" not in html
