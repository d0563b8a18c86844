"""Numbers drawn from a series: the last one used, its trailing digits one higher."""

import re

from sandbox.business_central.errors import dialog
from sandbox.business_central.session import Session

_TRAILING_DIGITS = re.compile(r"^(.*?)(\d+)$")
MAX_LENGTH = 20


def following(number: str) -> str:
    """K00120 -> K00121. Raises ValueError for a number without trailing digits."""
    found = _TRAILING_DIGITS.match(number)
    if found is None:
        raise ValueError(number)
    prefix, digits = found.groups()
    return f"{prefix}{int(digits) + 1:0{len(digits)}d}"


def next_number(session: Session, table_name: str, code: str) -> str:
    """The next free number of the series for rows of ``table_name``; numbers given by hand are passed over."""
    series = session.find("No. Series", code=code)
    if series is None:
        raise dialog(f"The number series {code} does not exist.")
    column = session.table(table_name).key_columns[-1] if table_name == "Sales Header" else None
    column = column or session.table(table_name).key_columns[0]
    old = dict(series)
    number = following(series["last_no_used"]) if series["last_no_used"] else series["starting_no"]
    while session.exists(table_name, **{column: number}):
        number = following(number)
    if len(number) > MAX_LENGTH:
        raise dialog(f"The number series {code} is used up.")
    series["last_no_used"] = number
    session.update("No. Series", series, old)
    return number
