"""The project as Django sees it."""

import pytest
from django.core.management import call_command


@pytest.mark.django_db
def test_migrations_match_the_models(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("makemigrations", check=True, dry_run=True)
    assert "No changes detected" in capsys.readouterr().out


def test_system_checks_have_nothing_to_say() -> None:
    call_command("check", fail_level="WARNING")
