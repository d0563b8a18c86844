"""A chaos run of two kinds in every test run; `make chaos` makes as many as one likes, of all three.

A process of its own, because it restarts its servers and must not share them with other tests.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos import DIRECTORY_VARIABLE
from tests.chaos.schedule import FAULTS, make_schedule

_PROJECT = Path(__file__).resolve().parents[2]
_SEEDS = 1


@pytest.mark.slow
@pytest.mark.chaos
@pytest.mark.timeout(900)
@pytest.mark.parametrize("scenario", ["full", pytest.param("documents", marks=pytest.mark.extended)])
def test_work_under_fire_ends_as_undisturbed_work(tmp_path_factory: pytest.TempPathFactory, scenario: str) -> None:
    # A short path: servers listen on sockets in it.
    directory = tmp_path_factory.mktemp("chaos")
    command = [sys.executable, "-m", "tests.chaos", "--seeds", str(_SEEDS), "--variants", "1", "--scenario", scenario]
    environment = {**os.environ, DIRECTORY_VARIABLE: str(directory)}
    done = subprocess.run(command, cwd=_PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def test_same_seed_makes_the_same_schedule() -> None:
    assert make_schedule(7) == make_schedule(7)
    assert make_schedule(7) != make_schedule(8)


def test_every_schedule_begins_with_faults_of_the_systems() -> None:
    assert all(make_schedule(seed).blows[0].kind == FAULTS for seed in range(50))
