"""The small parts that templates and table columns share: icons, badges, moments, numbers, ids.

`config.templatetags.couplet` makes them tags and filters of every template.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.forms import BoundField
from django.template import Context
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.web.badges import badge_of
from config.web.forms import style

SPRITE = "vendor/tabler-icons-3.52.0/icons.svg"
NBSP = "\N{NO-BREAK SPACE}"
DASH = "\N{EN DASH}"
NOTHING = format_html('<span class="nothing">{}</span>', DASH)


def icon(name: str, css: str = "") -> SafeString:
    """An icon of the sprite; decoration, so screen readers skip it."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        css,
        static(SPRITE),
        name,
    )


def badge(state: Any, label: str = "") -> SafeString:
    """A state with colour, icon and word. `state` is a member of a TextChoices, or its value with a `label`."""
    shown = badge_of(state, label)
    return format_html(
        '<span class="state state-{}">{}<span>{}</span></span>', shown.colour, icon(shown.icon), shown.label
    )


def badge_for(record: Any, field: str) -> SafeString:
    """The badge of a model's choice field: `{% badge_for job "state" %}`."""
    choices = record._meta.get_field(field).choices
    value = getattr(record, field)
    enumeration = _enumeration(record, field)
    label = dict(choices).get(value, value)
    return badge(enumeration(value) if enumeration else value, str(label))


def _enumeration(record: Any, field: str) -> Any:
    """The TextChoices behind a choice field, by way of its default; None where there is no default."""
    default = record._meta.get_field(field).default
    return type(default) if hasattr(default, "label") else None


def moment(value: datetime | None) -> SafeString:
    """A time as people say it; the script of `js/times.js` turns it relative and into the reader's zone."""
    if value is None:
        return NOTHING
    utc = timezone.localtime(value, timezone.get_default_timezone())
    return format_html(
        '<time datetime="{}" data-moment>{}</time>', value.isoformat(), utc.strftime("%-d %b %Y %H:%M UTC")
    )


def words_of_duration(value: timedelta | float) -> str:
    """`42 s`, `3 min 05 s`, `2 h 07 min`; a fraction of a second is `<1 s`."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if seconds < 1:
        return "<1 s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02} min"
    return f"{hours // 24} days"


def duration(value: timedelta | float | None) -> SafeString | str:
    return NOTHING if value is None else words_of_duration(value)


def minutes(value: int | None) -> str:
    """An interval: `every 30 min`, `daily`; the number never parts from its unit."""
    if not value:
        return DASH
    if value % 1440 == 0:
        return "daily" if value == 1440 else f"every {value // 1440}{NBSP}days"
    if value % 60 == 0:
        return "hourly" if value == 60 else f"every {value // 60}{NBSP}h"
    return f"every {value}{NBSP}min"


def number(value: int | float | Decimal | None) -> str:
    """Digits grouped by a narrow space, which no language reads as a decimal sign."""
    return DASH if value is None else f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def wire(value: Any) -> SafeString | str:
    """A wire value as people read it."""
    if value is None or value == "":
        return format_html('<span class="nothing">{}</span>', "empty")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | dict):
        return format_html("<code>{}</code>", str(value))
    return str(value)


DIRECTION_ICONS = {
    "to_sales": "arrow-right",
    "to_business_central": "arrow-left",
    "bidirectional": "arrows-left-right",
}
DIRECTION_WORDS = {
    "to_sales": "To Sales",
    "to_business_central": "To Business Central",
    "bidirectional": "Both ways",
}


def direction(value: str) -> SafeString:
    """An arrow from Business Central on the left to Sales on the right, with its words."""
    words = DIRECTION_WORDS.get(value, value)
    return format_html(
        '<span class="direction direction-{}">{}<span>{}</span></span>',
        value,
        icon(DIRECTION_ICONS.get(value, "arrows-left-right")),
        words,
    )


def copyable(value: Any) -> SafeString:
    """An id with a button that copies it."""
    if not value:
        return NOTHING
    return format_html(
        '<span class="copyable"><code>{0}</code><button type="button" class="btn-icon-plain" data-copy="{0}"'
        ' aria-label="Copy {0}" title="Copy">{1}</button></span>',
        value,
        icon("copy"),
    )


def styled(field: BoundField) -> SafeString:
    """A form field's widget in the theme's look."""
    style(field.field.widget)
    return field.as_widget()


def query(context: Context, **changes: Any) -> str:
    """The page's query string with `changes`; an empty value removes the parameter."""
    parameters = context["request"].GET.copy()
    for name, value in changes.items():
        parameters.pop(name, None)
        if value not in (None, ""):
            parameters[name] = str(value)
    return f"?{parameters.urlencode()}" if parameters else str(context["request"].path)


def query_without(context: Context, name: str) -> str:
    """The page's query string without one parameter, on the first page."""
    return str(query(context, **{name: "", "page": ""}))
