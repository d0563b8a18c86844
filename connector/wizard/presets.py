"""Installations whose values are known beforehand: the sandbox of `make run`.

The project registers them, because only it knows what runs beside the hub. A preset offers its values on the steps of
assisted setup, and connects all of itself on request.
"""

from collections.abc import Callable
from dataclasses import dataclass

from connector.models import Connection


@dataclass(frozen=True, slots=True)
class Preset:
    """`values` asks for the settings, under the names of the REST API; it may raise HubError."""

    name: str
    label: str
    values: Callable[[], dict[str, str]]
    choices: dict[str, object]


_presets: dict[str, Preset] = {}


def register_preset(preset: Preset) -> None:
    _presets[preset.name] = preset


def preset_for(connection: Connection) -> Preset | None:
    """The preset on offer: there is at most one, and none once the connection points elsewhere."""
    preset = next(iter(_presets.values()), None)
    if preset is None or connection.enabled:
        return None
    return preset
