"""What the two systems do by themselves when a record is made, as far as later writes depend on it.

Used by previews only: a rehearsed creation has to leave what a real one would, or the steps after it could not be told.
Sales gives a unit group its base unit; Business Central gives records numbers, and a customer or vendor a company
contact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from connector.bulk import WriteResult
from connector.choices import System
from connector.models import Connection
from coupling.definitions import ValueKind, bc_property
from coupling.models import BusinessCentralRecord
from syncjobs.choices import OperationKind
from syncjobs.engine import mirror
from syncjobs.engine.context import JobRun
from syncjobs.engine.relations import RELATIONS
from syncjobs.engine.rules.unit_rows import GROUP_READ, UNITS_TABLE
from syncjobs.models import Operation

_BLANKS: Mapping[ValueKind, Any] = {
    ValueKind.ENUM: "_x0020_",
    ValueKind.BOOLEAN: False,
    ValueKind.INTEGER: 0,
    ValueKind.DECIMAL: Decimal(0),
    ValueKind.DATE: "0001-01-01",
    ValueKind.DATETIME: "0001-01-01T00:00:00Z",
    ValueKind.GUID: "00000000-0000-0000-0000-000000000000",
}
_STARTS = {("opportunities", "status"): "Not_x0020_Started"}
_PARTIES = ("customers", "vendors")
_NUMBERED = "(new {})"


class Systems:
    """The made-up systems of one preview. `made_up`: keys that no record has."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.made_up: set[UUID] = set()
        self._numbers = 0

    def assigned(self, run: JobRun, operation: Operation, key: UUID) -> dict[str, Any]:
        """The values that Business Central adds to a new record: a number where none was sent, blanks for the rest."""
        self.made_up.add(key)
        reading = run.reading(System.BUSINESS_CENTRAL)
        sent = {**operation.bc_base, **operation.after}
        values = {name: self._blank(reading.table, name) for name in reading.properties if name not in sent}
        if reading.number_property and not sent.get(reading.number_property):
            values[reading.number_property] = self._number()
        return values

    def _blank(self, table: str, name: str) -> Any:
        if (table, name) in _STARTS:
            return _STARTS[table, name]
        definition = bc_property(table, name)
        return _BLANKS.get(definition.kind, "") if definition is not None else ""

    def follow(
        self, run: JobRun, system: System, operations: Sequence[Operation], results: Sequence[WriteResult]
    ) -> None:
        """Records that appear beside the ones that were made."""
        for operation, result in zip(operations, results, strict=True):
            if operation.kind != OperationKind.CREATE or result.key is None:
                continue
            if operation.table == "uomschedules":
                self._base_unit(run, operation, result.key)
            elif operation.table in _PARTIES and system == System.BUSINESS_CENTRAL:
                self._company_contact(run, operation, result.key)

    def _number(self) -> str:
        self._numbers += 1
        return _NUMBERED.format(self._numbers)

    def _base_unit(self, run: JobRun, operation: Operation, group: UUID) -> None:
        unit = uuid5(group, "base unit")
        self.made_up.add(unit)
        name = operation.after.get("baseuomname") or operation.after.get("name")
        values = {"name": name, "quantity": Decimal(1), "isschedulebaseuom": True, GROUP_READ: str(group)}
        mirror.store_own(run.reading(System.SALES, UNITS_TABLE), [mirror.OwnWrite(unit, values, "")])

    def _company_contact(self, run: JobRun, operation: Operation, party: UUID) -> None:
        contact, number = uuid5(party, "company contact"), self._number()
        self.made_up.add(contact)
        name = str(operation.after.get("displayName") or "")
        values = {"number": number, "displayName": name, "type": "Company", "companyNumber": number}
        mirror.store_own(run.reading(System.BUSINESS_CENTRAL, "contacts"), [mirror.OwnWrite(contact, values, "")])
        BusinessCentralRecord.objects.create(
            connection=self.connection,
            table=RELATIONS,
            key=party,
            number=number,
            name=operation.table,
            values={},
        )
