"""Forms the way every page shows them: label above, help below, errors in a summary that takes the focus and in place.

Any Django form will do: `{{ form }}` renders with our layout, and the theme's classes are given while rendering.
"""

from django import forms
from django.forms.renderers import TemplatesSetting


class FormRenderer(TemplatesSetting):
    """Points Django at our layout of forms and fields; pages never lay fields out by hand."""

    form_template_name = "components/form.html"
    field_template_name = "components/field.html"


def style(widget: forms.Widget) -> None:
    """Adds the theme's class to one widget; hidden ones need none."""
    if isinstance(widget, forms.CheckboxInput):
        name = "form-check-input"
    elif isinstance(widget, forms.RadioSelect | forms.CheckboxSelectMultiple):
        name = "form-choices"
    elif isinstance(widget, forms.Select):
        name = "form-select"
    elif isinstance(widget, forms.HiddenInput):
        return
    else:
        name = "form-control"
    classes = widget.attrs.get("class", "").split()
    if name not in classes:
        widget.attrs["class"] = " ".join([*classes, name])
