"""Formatted values: what a column looks like to a person (the FormattedValue annotation), in en-US form."""

from decimal import Decimal

from sandbox.dataverse.context import Context
from sandbox.definitions.dataverse import Attribute


def formatted(context: Context, attribute: Attribute, raw: object, currency_id: str | None) -> str | None:
    """Text of a stored value (decimals still scaled), or None where the platform gives none. Lookups are not here:
    their text is the other row's name."""
    match attribute.type:
        case "picklist" | "state" | "status":
            return attribute.option_labels.get(int(str(raw)))
        case "multiselect":
            labels = attribute.option_labels
            return "; ".join(labels.get(int(part), part) for part in str(raw).split(",") if part)
        case "boolean":
            return attribute.labels[1 if raw else 0]
        case "integer" | "bigint":
            return f"{int(str(raw)):,}"
        case "decimal":
            value = Decimal(int(str(raw))).scaleb(-attribute.scale)
            return f"{value:,.{attribute.precision or 0}f}"
        case "double":
            return f"{float(str(raw)):,.2f}"
        case "money":
            return _money(context, attribute, int(str(raw)), currency_id)
        case "datetime":
            return _moment(str(raw), date_only=attribute.date_only or attribute.format == "DateOnly")
    return None


def _money(context: Context, attribute: Attribute, raw: int, currency_id: str | None) -> str:
    if attribute.base_currency or currency_id is None:
        currency_id = context.organization["basecurrencyid"]
    currency = context.currency(str(currency_id))
    value = Decimal(raw).scaleb(-attribute.scale)
    sign = "-" if value < 0 else ""
    return f"{sign}{currency.symbol}{abs(value):,.{currency.precision}f}"


def _moment(text: str, *, date_only: bool) -> str:
    year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
    date = f"{month}/{day}/{year}"
    if date_only:
        return date
    hour, minute = int(text[11:13]), text[14:16]
    return f"{date} {hour % 12 or 12}:{minute} {'PM' if hour >= 12 else 'AM'}"
