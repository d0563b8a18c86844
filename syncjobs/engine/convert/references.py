"""Values that stand for another record: a code or number in Business Central, a lookup or a choice in Sales.

Every one is answered from `Lookups`, which were loaded for the whole slice beforehand. A reference that has no partner
is a dependency problem that names what has to be coupled; clearing instead of failing is the field mapping's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.errors import ErrorKind
from syncjobs.engine.convert.values import ZERO_GUID, Converter, Row, TextConverter
from syncjobs.engine.references import Role
from syncjobs.engine.results import SKIP, Problem, not_coupled

if TYPE_CHECKING:
    from syncjobs.engine.lookups import Lookups


_CODE_LENGTH = 10


class ReferenceConverter(Converter):
    """A number or code ↔ the key of the row that the record is coupled with."""

    def __init__(self, role: Role) -> None:
        self.role = role

    def number_of(self, value: Any, source: Row) -> str:
        """What identifies the record on the BC side; blank where nothing is referred to."""
        return str(value or "").strip().upper()

    def bc_form(self, value: Any) -> Any:
        return str(value or "").strip().upper() or None

    def sales_form(self, value: Any) -> Any:
        return str(value).lower() if value else None

    def to_sales(self, value: Any, source: Row, target: Any, lookups: Lookups) -> Any:
        number = self.number_of(value, source)
        if not number:
            return None
        return lookups.sales_key(self.role, number) or self.missing_in_sales(number)

    def to_bc(self, value: Any, source: Row, target: Any, lookups: Lookups) -> Any:
        if not value:
            return ""
        return lookups.number(self.role, str(value).lower()) or self.missing_in_bc(value, lookups)

    def missing_in_sales(self, number: str) -> Problem:
        return not_coupled(
            noun=self.role.bc_noun, number=number, partner=self.role.sales_noun, mapping=self.role.mappings[0]
        )

    def missing_in_bc(self, value: Any, lookups: Lookups) -> Problem:
        key = str(value).lower()
        return not_coupled(
            noun=self.role.sales_noun,
            number=lookups.sales_name(self.role, key) or key,
            partner=self.role.bc_noun,
            mapping=self.role.mappings[0],
        )

    def wants(self, bc_value: Any, bc_row: Row, sales_value: Any, lookups: Lookups) -> None:
        """Notes what the conversions of this pair will ask for."""
        number = self.number_of(bc_value, bc_row)
        if number:
            lookups.want_number(self.role, number)
        if sales_value:
            lookups.want_key(self.role, str(sales_value).lower())


class CurrencyConverter(ReferenceConverter):
    """A currency code; blank and the local currency's code mean the local currency, which has no record in BC."""

    def __init__(self) -> None:
        super().__init__(Role.CURRENCY)

    def to_sales(self, value: Any, source: Row, target: Any, lookups: Lookups) -> Any:
        code = self.number_of(value, source)
        if not code or code == lookups.local_currency:
            return lookups.local_currency_key or no_local_currency(lookups.local_currency)
        return lookups.sales_key(self.role, code) or self.missing_in_sales(code)

    def to_bc(self, value: Any, source: Row, target: Any, lookups: Lookups) -> Any:
        if not value or str(value).lower() == lookups.local_currency_key:
            return lookups.local_currency
        return lookups.number(self.role, str(value).lower()) or self.missing_in_bc(value, lookups)

    def equal(self, bc_value: Any, sales_value: Any, bc_row: Row, sales_row: Row, lookups: Lookups) -> bool:
        if not sales_value:
            return (self.bc_form(bc_value) or lookups.local_currency) == lookups.local_currency
        return super().equal(bc_value, sales_value, bc_row, sales_row, lookups)


class OwnerConverter(ReferenceConverter):
    """A salesperson's code ↔ the user who owns the row. A team owns what no salesperson does."""

    def __init__(self) -> None:
        super().__init__(Role.SALESPERSON)

    def to_bc(self, value: Any, source: Row, target: Any, lookups: Lookups) -> Any:
        if value and str(value).lower() == lookups.owning_team:
            return SKIP
        return super().to_bc(value, source, target, lookups)


class ContactConverter(ReferenceConverter):
    """A contact's number ↔ the coupled contact.

    An empty contact from Sales does not erase a BC contact that Sales cannot know because it is not coupled. A company
    contact is an account in Sales and never a contact.
    """

    def __init__(self) -> None:
        super().__init__(Role.CONTACT)

    def to_sales(self, value: Any, source: Row, target: Any, lookups: Lookups) -> Any:
        if self.number_of(value, source) in lookups.company_contacts:
            return SKIP
        return super().to_sales(value, source, target, lookups)

    def to_bc(self, value: Any, source: Row, target: Any, lookups: Lookups) -> Any:
        if not value and target and not lookups.sales_key(self.role, self.number_of(target, {})):
            return SKIP
        return super().to_bc(value, source, target, lookups)


class CompanyConverter(ReferenceConverter):
    """The number of a company contact → the account of its customer or vendor; blank where there is none."""

    def __init__(self) -> None:
        super().__init__(Role.COMPANY)

    def to_sales(self, value: Any, source: Row, target: Any, lookups: Lookups) -> Any:
        number = self.number_of(value, source)
        return lookups.sales_key(self.role, number) if number else None


class UnitGroupConverter(ReferenceConverter):
    """A unit code ↔ its unit group; a blank one leaves what the table's own rule finds."""

    def __init__(self) -> None:
        super().__init__(Role.UNIT_GROUP)

    def to_sales(self, value: Any, source: Row, target: Any, lookups: Lookups) -> Any:
        return super().to_sales(value, source, target, lookups) if self.bc_form(value) else SKIP


class UnitConverter(ReferenceConverter):
    """A unit code of an item or resource ↔ the unit of its unit group: the same code is a different row per item.

    A blank one leaves what the table's own rule finds.
    """

    def __init__(self, owner_property: str) -> None:
        super().__init__(Role.UNIT)
        self.owner_property = owner_property

    def number_of(self, value: Any, source: Row) -> str:
        code = str(value or "").strip().upper()
        return f"{str(source.get(self.owner_property) or '').strip().upper()} {code}" if code else ""

    def to_sales(self, value: Any, source: Row, target: Any, lookups: Lookups) -> Any:
        return super().to_sales(value, source, target, lookups) if self.bc_form(value) else SKIP

    def to_bc(self, value: Any, source: Row, target: Any, lookups: Lookups) -> Any:
        number = super().to_bc(value, source, target, lookups)
        if isinstance(number, Problem) and target is None:
            # The item is being made: its units come into being with it, under the names that the product's have.
            name = str(lookups.sales_name(self.role, str(value).lower()) or "").strip()
            return name.upper() if 0 < len(name) <= _CODE_LENGTH else _no_unit_code(name) if name else number
        return number.rpartition(" ")[2] if isinstance(number, str) else number


def _no_unit_code(name: str) -> Problem:
    return Problem(
        kind=ErrorKind.DATA,
        code="engine.no_unit_code",
        message=f"The unit {name} of the product is no unit of measure in Business Central; codes have {_CODE_LENGTH} "
        "characters.",
        hint="Rename the unit in Sales to the code of a unit of measure, then the item can be made.",
        value=name,
    )


class UnitGroupNameConverter(TextConverter):
    """An item's or resource's number → the generated name of its unit group; `sourceType` says which of the two."""

    def to_sales(self, value: Any, source: Row, target: Any, lookups: Lookups) -> Any:
        number = self.bc_form(value)
        return unit_group_name(source.get("sourceType"), number)[: self.sales_length] if number else None

    def equal(self, bc_value: Any, sales_value: Any, bc_row: Row, sales_row: Row, lookups: Lookups) -> bool:
        return self.to_sales(bc_value, bc_row, sales_value, lookups) == self.sales_form(sales_value)


def unit_group_name(source_type: Any, number: str) -> str:
    """`("Item", "1000")` → `"ITEM 1000 UOM GR"`."""
    return f"{str(source_type or 'Item').upper()} {number} UOM GR"


class OptionConverter(Converter):
    """A code, or the id of the code's record, ↔ an option of a choice column, through the option mapping."""

    explicit_null = True

    def __init__(self, entity: str, attribute: str, *, by_id: bool) -> None:
        self.column = (entity, attribute)
        self.by_id = by_id
        self.bc_blank = ZERO_GUID if by_id else ""

    def bc_form(self, value: Any) -> Any:
        text = str(value or "").strip()
        text = text.lower() if self.by_id else text.upper()
        return None if text in ("", ZERO_GUID) else text

    def sales_form(self, value: Any) -> Any:
        return int(value) if value not in (None, "") else None

    def to_sales(self, value: Any, source: Row, target: Any, lookups: Lookups) -> Any:
        reference = self.bc_form(value)
        if reference is None:
            return None
        option = lookups.option_value(self.column, reference)
        if option is not None:
            return option
        noun, mapping = lookups.option_noun(self.column)
        return not_coupled(
            noun=noun, number=lookups.option_code(self.column, reference), partner="choice", mapping=mapping
        )

    def to_bc(self, value: Any, source: Row, target: Any, lookups: Lookups) -> Any:
        option = self.sales_form(value)
        if option is None:
            return self.bc_blank
        reference = lookups.option_reference(self.column, option, by_id=self.by_id)
        if reference is not None:
            return reference
        noun, mapping = lookups.option_noun(self.column)
        return not_coupled(noun=f"choice for {noun}", number=str(option), partner=noun, mapping=mapping)


def no_local_currency(code: str) -> Problem:
    return Problem(
        kind=ErrorKind.DEPENDENCY,
        code="engine.no_local_currency",
        message=f"Dynamics 365 Sales has no currency with the local currency's code, {code or 'which is unknown'}.",
        hint="Synchronise the mapping CURRENCY; it finds or creates the local currency.",
        value=code,
        details={"mapping": "CURRENCY", "number": code},
    )
