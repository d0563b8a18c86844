"""Profiles of the property tests: the same few examples in every ordinary run, many new ones when asked for.

`pytest tests/properties --hypothesis-profile=deep` looks for what nobody has thought of; it takes its time.
"""

from hypothesis import HealthCheck, settings

from tests.engine.conftest import hub  # noqa: F401 - the fixture

_SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]

settings.register_profile("steady", derandomize=True, deadline=None, max_examples=60, suppress_health_check=_SLOW)
settings.register_profile("deep", deadline=None, max_examples=2000, suppress_health_check=_SLOW, print_blob=True)
settings.load_profile("steady")
