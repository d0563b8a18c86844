"""JSON of the wire: amounts keep all their digits, whichever of the two writers takes a value."""

from decimal import Decimal
from typing import Any

import pytest

from connector.wire import dumps, loads
from coupling.wire import WireEncoder


@pytest.mark.parametrize("encode", [dumps, WireEncoder().encode])
@pytest.mark.parametrize(
    "value",
    [
        {"amount": Decimal("1234567890123456.78901"), "text": "Łódź", "none": None, "flag": True},
        {"amount": Decimal("1.50"), "beyond_64_bits": 2**70},
        [Decimal("0.1"), -7, 'a"b\\c\n'],
    ],
)
def test_numbers_keep_all_their_digits(encode: Any, value: Any) -> None:
    assert loads(encode(value)) == value


@pytest.mark.parametrize("encode", [dumps, WireEncoder().encode])
def test_zeros_of_an_amount_stay(encode: Any) -> None:
    assert "1.50" in encode({"amount": Decimal("1.50")})


@pytest.mark.parametrize("encode", [dumps, WireEncoder().encode])
def test_what_is_no_wire_value_is_refused(encode: Any) -> None:
    with pytest.raises(TypeError):
        encode({"value": object()})
