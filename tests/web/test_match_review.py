"""The review of a match run that is still on its way, and when it has ended."""

import pytest

from syncjobs.models import SynchJob


@pytest.fixture
def administrator(hub, people, client):
    client.force_login(people["administrator"])
    return client


def test_the_review_asks_for_the_progress_and_opens_anew_when_the_run_has_ended(administrator, hub):
    run = SynchJob.objects.create(
        connection=hub.connection, mapping=hub.customers, mode="match", direction="bidirectional", trigger="user",
        state="running", done=3, total=9,
    )  # fmt: skip
    url = f"/c/default/mappings/CUSTOMER/match/{run.pk}/"
    asked = f"{url}?part=progress"
    assert f'hx-get="{asked}"' in administrator.get(url).content.decode()
    answer = administrator.get(asked, headers={"HX-Request": "true"})
    assert "3 of 9" in answer.content.decode()
    assert f'hx-get="{asked}"' in answer.content.decode()
    SynchJob.objects.filter(pk=run.pk).update(state="succeeded")
    assert administrator.get(asked, headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    assert "part=progress" not in administrator.get(url).content.decode()
