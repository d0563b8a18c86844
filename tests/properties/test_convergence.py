"""Random edits on both sides under random faults converge, lose nothing, and then stay quiet."""

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.engine.live import Hub
from tests.properties.machine import Convergence


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_random_edits_and_faults_converge_and_then_stay_quiet(hub: Hub) -> None:
    steady = settings.default.max_examples < 1000
    machine = type("Machine", (Convergence,), {"hub": hub})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=4 if steady else 100, stateful_step_count=14 if steady else 30)
    )
