"""Why something about mappings and couplings is refused. `http_status` is what the REST API answers."""

from connector.errors import ErrorKind, HubError


class CouplingError(HubError):
    """The present state does not allow it: already coupled, skipped, connection disabled."""

    kind = ErrorKind.CONFLICT
    code = "coupling.refused"
    http_status = 409


class AlreadyCoupledError(CouplingError):
    """One of the two records belongs to another pair. `details` names the side and the other coupling."""

    code = "coupling.taken"


class OutsideFilterError(HubError):
    """A record is left out by the mapping's filter."""

    kind = ErrorKind.DATA
    code = "coupling.outside_filter"
    http_status = 400


class RecordMissingError(HubError):
    """A record does not exist in its system (any more)."""

    kind = ErrorKind.DATA
    code = "coupling.record_missing"
    http_status = 404


class MappingError(HubError):
    """A change of a mapping is not possible. `fields` maps a setting's name to its sentences."""

    kind = ErrorKind.DATA
    code = "mapping.refused"
    http_status = 400

    def __init__(self, message: str, *, fields: dict[str, list[str]] | None = None) -> None:
        super().__init__(message)
        self.fields = fields or {}
