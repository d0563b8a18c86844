"""The waves of a full synchronisation drawn: a box for each mapping, in the colour of its state, and lines from what it
waits for. The lists below the drawing say the same in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from config.web.badges import badge_of
from syncjobs.views.full_synch_lines import Line

_WIDTH, _HEIGHT = 184, 28
_ACROSS, _DOWN, _EDGE = 48, 10, 2


@dataclass(frozen=True, slots=True)
class Box:
    name: str
    colour: str
    x: int
    y: int

    @property
    def middle(self) -> int:
        return self.y + _HEIGHT // 2


@dataclass(frozen=True, slots=True)
class Drawing:
    """`lines` are paths of SVG."""

    width: int
    height: int
    boxes: Sequence[Box]
    lines: Sequence[str]
    box_width: int = _WIDTH
    box_height: int = _HEIGHT


def drawing_of(waves: Sequence[Sequence[Line]]) -> Drawing | None:
    """None where nothing waits for anything."""
    if len(waves) < 2:
        return None
    boxes = {
        line.mapping.name: Box(
            name=line.mapping.name,
            colour=badge_of(line.state).colour,
            x=_EDGE + column * (_WIDTH + _ACROSS),
            y=_EDGE + row * (_HEIGHT + _DOWN),
        )
        for column, wave in enumerate(waves)
        for row, line in enumerate(wave)
    }
    lines = [
        _line(boxes[parent], boxes[line.mapping.name])
        for wave in waves
        for line in wave
        for parent in line.depends_on
        if parent in boxes
    ]
    width = max(box.x for box in boxes.values()) + _WIDTH + _EDGE
    height = max(box.y for box in boxes.values()) + _HEIGHT + _EDGE
    return Drawing(width, height, list(boxes.values()), lines)


def _line(parent: Box, child: Box) -> str:
    begin, end = parent.x + _WIDTH, child.x
    bend = (end - begin) // 2
    return f"M{begin} {parent.middle}C{begin + bend} {parent.middle} {end - bend} {child.middle} {end} {child.middle}"
