"""Why something about mappings and couplings is refused."""

from connector.errors import ErrorKind, HubError


class CouplingError(HubError):
    """The present state does not allow it: already coupled, skipped, connection disabled."""

    kind = ErrorKind.CONFLICT
    code = "coupling.refused"


class AlreadyCoupledError(CouplingError):
    """One of the two records belongs to another pair. `details` names the side and the other coupling."""

    code = "coupling.taken"


class ClaimedError(CouplingError):
    """Somebody else is deciding about the record right now."""

    code = "coupling.claimed"


class OutsideFilterError(HubError):
    """A record is left out by the mapping's filter."""

    kind = ErrorKind.DATA
    code = "coupling.outside_filter"


class RecordMissingError(HubError):
    """A record does not exist in its system (any more)."""

    kind = ErrorKind.DATA
    code = "coupling.record_missing"


class MappingError(HubError):
    """A change of a mapping is not possible. `fields` maps a setting's name to its sentences."""

    kind = ErrorKind.DATA
    code = "mapping.refused"

    def __init__(self, message: str, *, fields: dict[str, list[str]] | None = None) -> None:
        super().__init__(message)
        self.fields = fields or {}
