"""Keys of records: those of rows that the hub creates in Sales, and many of them in one query.

The key of a new row is derived, so that the same creation asked twice has the same key. Dataverse refuses a second
create under a key, which is what makes a create safe to repeat after a lost answer.
"""

from collections.abc import Iterable
from uuid import UUID, uuid5

from django.db.models.expressions import RawSQL

_NAMESPACE = UUID("b0f4c1a2-6a0e-5f5c-9d0a-3c1b7f6f2a51")


def derived_key(connection: str, mapping: str, record: UUID | str, times: int) -> UUID:
    """Key for the partner of `record`; `times` counts the rows that were already created for it."""
    return uuid5(_NAMESPACE, f"{connection}\n{mapping}\n{record}\n{times}")


def key_array(keys: Iterable[UUID]) -> RawSQL:
    """Keys for `__in` as one array argument: thousands of arguments of their own take longer than the query."""
    return RawSQL("SELECT unnest(%s::uuid[])", [[str(key) for key in keys]])
