"""Option couplings by hand: codes of Business Central and the options of a choice column that stand for them.

Options have no rows and change seldom: they are read live where somebody couples, and kept for some minutes for lists.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Count
from django.db.models.fields.json import KT

from connector.cached import cached, forget
from connector.choices import System
from connector.clients import INTERACTIVE, sales_client
from connector.errors import RemoteError
from connector.services.audit import record_change
from coupling.exceptions import AlreadyCoupledError, CouplingError, RecordMissingError
from coupling.models import BusinessCentralRecord, OptionMapping, SalesRecord, TableMapping
from coupling.records import words_of
from coupling.services.couplings import read_live, require_usable

SAME_LETTERS = 10
"""Business Central's codes are this long at most; labels that begin alike become one code."""


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a choice column."""

    value: int
    label: str


@dataclass(frozen=True, slots=True)
class OptionLine:
    """A code with its option, or one of the two alone. `gone`: the coupled option is no longer in the column."""

    code: BusinessCentralRecord | None
    option: Option | None
    coupling: OptionMapping | None
    gone: bool = False

    @property
    def state(self) -> str:
        if self.coupling is None:
            return "free_code" if self.code else "free_option"
        if self.gone or self.code is None or self.code.deleted_at:
            return "broken"
        if self.coupling.error_code:
            return "failing"
        label = self.option.label if self.option else self.coupling.option_label
        return "in_sync" if label.casefold() == self.code.number.casefold() else "changes_waiting"


@dataclass(frozen=True, slots=True)
class OptionLines:
    """All lines of a mapping. `problem`: why the column could not be read; then coupled options alone are known."""

    mapping: TableMapping
    lines: Sequence[OptionLine]
    problem: str = ""

    @property
    def clashes(self) -> list[tuple[str, str]]:
        """Labels that Business Central could not tell apart."""
        seen: dict[str, str] = {}
        found = []
        for line in self.lines:
            if line.option is None:
                continue
            short = line.option.label[:SAME_LETTERS].upper()
            if short in seen:
                found.append((seen[short], line.option.label))
            seen.setdefault(short, line.option.label)
        return found


def options_of(mapping: TableMapping, *, live: bool = False) -> list[Option]:
    """Options of the mapping's column, up to ten minutes old unless `live`. Raises RemoteError."""
    name = f"options:{mapping.connection_id}:{mapping.sales_entity}.{mapping.option_attribute}"
    if live:
        forget(name)

    def read() -> list[list[Any]]:
        client = sales_client(mapping.connection, patience=INTERACTIVE)
        return [[each.value, each.label] for each in client.options(mapping.sales_entity, mapping.option_attribute)]

    return [Option(value, label) for value, label in cached(name, read)]


def option_lines(mapping: TableMapping) -> OptionLines:
    """Codes first, by code, then options without one. Codes come from the mirror."""
    couplings = {row.bc_key: row for row in OptionMapping.objects.filter(mapping=mapping).select_related("mapping")}
    records = BusinessCentralRecord.objects.of_table(mapping.connection_id, mapping.business_central_table)
    codes = {record.key: record for record in records.order_by("number")}
    problem = ""
    try:
        options = {option.value: option for option in options_of(mapping)} if mapping.connection.enabled else {}
    except RemoteError as error:
        options, problem = {}, f"{error} {error.hint}".strip()
    known = bool(options)
    lines = []
    for key, code in codes.items():
        coupling = couplings.pop(key, None)
        if coupling is None and code.deleted_at:
            continue
        option = options.pop(coupling.option_value, None) if coupling else None
        if coupling and option is None:
            option = Option(coupling.option_value, coupling.option_label)
            lines.append(OptionLine(code, option, coupling, gone=known))
        else:
            lines.append(OptionLine(code, option, coupling))
    for coupling in couplings.values():
        option = options.pop(coupling.option_value, None) or Option(coupling.option_value, coupling.option_label)
        lines.append(OptionLine(None, option, coupling))
    lines += [OptionLine(None, option, None) for option in options.values()]
    return OptionLines(mapping, lines, problem)


def usage_of(mapping: TableMapping) -> dict[int, int]:
    """How many rows of the mapping's table hold each option, as the hub knows them; number of the option to rows."""
    rows = SalesRecord.objects.of_table(mapping.connection_id, mapping.sales_table).alive()
    held = rows.annotate(held=KT(f"values__{mapping.option_attribute}")).filter(held__isnull=False).order_by()
    counted = held.values_list("held").annotate(n=Count("pk"))
    return {int(value): n for value, n in counted if value.lstrip("-").isdecimal()}


@dataclass(frozen=True, slots=True)
class Rename:
    """A label that a synchronisation would change. `shown`: rows that show it, table by table; None: 5,000 or more."""

    now: str
    then: str
    shown: list[tuple[str, int | None]]

    @property
    def words(self) -> str:
        counts = ", ".join(f"{'5,000 or more' if n is None else f'{n:,}'} {table}" for table, n in self.shown if n != 0)
        return f"“{self.now}” becomes “{self.then}”, shown by {counts or 'no row'}"


def renames(mapping: TableMapping, keys: Collection[UUID]) -> list[Rename]:
    """Labels that a synchronisation of the codes `keys` would change, with the rows that show them, asked of Sales.

    Raises RemoteError.
    """
    return [
        Rename(line.option.label, line.code.number, _shown_by(mapping, line.option.value))
        for line in option_lines(mapping).lines
        if line.code and line.option and line.code.key in keys and line.state == "changes_waiting"
    ]


def _shown_by(mapping: TableMapping, value: int) -> list[tuple[str, int | None]]:
    """The column of the mapping's own table, and those of the documents that have the same options."""
    client = sales_client(mapping.connection, patience=INTERACTIVE)
    # The tables of documents are told by their logical names, whose sets are formed regularly.
    columns = [(mapping.sales_table, mapping.option_attribute)]
    columns += [(f"{mirror['table']}s", mirror["attribute"]) for mirror in mapping.option_mirrors]
    shown = []
    for table, column in columns:
        words, number = words_of(System.SALES, table), client.count(table, filter=f"{column} eq {value}")
        plural = words.plural.partition(" in ")[0].lower()
        shown.append((words.singular if number == 1 else plural, number))
    return shown


def couple_option(*, mapping: TableMapping, bc_key: UUID, value: int, user: User | None) -> OptionMapping:
    """Couples a code with an option, or moves it to another one; nothing is written to either system.

    Raises AlreadyCoupledError for an option that stands for another code, RecordMissingError for one that is gone,
    CouplingError for number 0, which means that nothing is chosen.
    """
    require_usable(mapping)
    if value == 0:
        raise CouplingError("Number 0 means that nothing is chosen; choose another option.", code="option.zero")
    read_live(mapping, System.BUSINESS_CENTRAL, bc_key)
    option = next((each for each in options_of(mapping, live=True) if each.value == value), None)
    if option is None:
        raise RecordMissingError("This option was deleted in Sales a moment ago.", hint="Choose another one.")
    code = BusinessCentralRecord.objects.of_table(mapping.connection_id, mapping.business_central_table).get(key=bc_key)
    taken = OptionMapping.objects.filter(mapping=mapping, option_value=value).exclude(bc_key=bc_key).first()
    if taken is not None:
        raise AlreadyCoupledError(
            f"“{option.label}” already belongs to {taken.bc_code}.", hint="Delete or change that coupling first."
        )
    before = OptionMapping.objects.filter(mapping=mapping, bc_key=bc_key).first()
    fields = {"bc_code": code.number, "option_value": value, "option_label": option.label}
    unmarked = {"error_code": "", "error_message": "", "error_hint": ""}
    try:
        with transaction.atomic():
            coupled, _ = OptionMapping.objects.update_or_create(
                mapping=mapping, bc_key=bc_key, defaults={**fields, **unmarked}
            )
            record_change(
                connection=mapping.connection,
                user=user,
                action="option.couple",
                target=f"{mapping.name} {code.number}",
                before={"option_value": before.option_value, "option_label": before.option_label} if before else {},
                after={"option_value": value, "option_label": option.label},
            )
    except IntegrityError as error:
        raise AlreadyCoupledError("Somebody coupled that option a moment ago.") from error
    return coupled


def uncouple_options(*, options: Sequence[OptionMapping], user: User | None) -> int:
    """Removes couplings of options at once; codes and options stay."""
    for row in options:
        record_change(
            connection=row.mapping.connection,
            user=user,
            action="option.delete",
            target=f"{row.mapping.name} {row.bc_code}",
            before={"option_value": row.option_value, "option_label": row.option_label},
        )
    OptionMapping.objects.filter(pk__in=[row.pk for row in options]).delete()
    return len(options)
