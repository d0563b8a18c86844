"""What the checks of both systems share."""

from connector.choices import System
from connector.errors import ErrorKind, RemoteError, Retry

# Sentences list this many names and then say how many more there are.
_NAMED = 6


def check_failure(system: System | None, code: str, message: str, hint: str) -> RemoteError:
    """A check found something that somebody has to put right in one of the systems or in the settings."""
    return RemoteError(message, kind=ErrorKind.CONFIG, code=code, retry=Retry.NEVER, system=system, hint=hint)


def listed(names: list[str]) -> str:
    """Names as a sentence part: `a, b and 3 more`."""
    if len(names) <= _NAMED:
        return ", ".join(names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
