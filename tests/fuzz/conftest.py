"""The sandbox and its clients, and how long to search."""

import os

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from tests.sandbox.conftest import business_central, business_central_token, empty_server, sales, sales_token

__all__ = ["business_central", "business_central_token", "empty_server", "sales", "sales_token"]

_FEW = 3


SEEDS = st.integers(0, 2**40)
"""A history is made from one number, so a failure is repeated by naming it."""
STEPS = 90
ASKED = os.environ.get("COUPLET_FUZZ_EXAMPLES")
search = settings(
    max_examples=int(ASKED or _FEW),
    derandomize=ASKED is None,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
    phases=(Phase.generate,),
)
"""A few histories that are the same every time; COUPLET_FUZZ_EXAMPLES asks for as many new ones."""
