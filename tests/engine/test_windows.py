"""Days and hours of schedules."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from syncjobs.windows import next_inside, words_of_window

WORKDAYS = [0, 1, 2, 3, 4]
TUESDAY = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 12, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "days", "begin", "end", "expected"),
    [
        (TUESDAY, [], None, None, TUESDAY),
        (TUESDAY, WORKDAYS, time(8), time(18), TUESDAY),
        (at(1, 7), [], time(8), time(18), at(1, 8)),
        (at(1, 18), [], time(8), time(18), at(2, 8)),
        (at(4, 19), WORKDAYS, time(8), time(18), at(7, 8)),
        (at(5, 9), WORKDAYS, None, None, at(7, 0)),
        (at(2, 3), [1], time(22), time(6), at(2, 3)),
        (at(2, 7), [1], time(22), time(6), at(8, 22)),
        (at(1, 23), [], None, time(20), at(2, 0)),
        (at(1, 3), [], time(22), None, at(1, 22)),
        (at(1, 10, 1), [1], time(10), time(10), at(1, 10, 1)),
    ],
)
def test_the_next_moment_inside(now, days, begin, end, expected):
    assert next_inside(now, days, begin, end) == expected


def test_hours_are_those_of_the_zone_in_summer_and_in_winter():
    berlin = ZoneInfo("Europe/Berlin")
    for day, opens in ((datetime(2026, 7, 1, 3, tzinfo=UTC), 6), (datetime(2026, 12, 1, 3, tzinfo=UTC), 7)):
        found = next_inside(day.astimezone(berlin), [], time(8), time(18))
        assert found.astimezone(UTC).hour == opens


@pytest.mark.parametrize(
    ("days", "begin", "end", "words"),
    [
        ([], None, None, ""),
        ([0, 1, 2, 3, 4, 5, 6], None, None, ""),
        ([4, 0], time(8), time(18), "Mon, Fri, 08:00 to 18:00"),
        ([], time(22), None, "from 22:00"),
        ([], None, time(6), "00:00 to 06:00"),
    ],
)
def test_a_window_in_words(days, begin, end, words):
    assert words_of_window(days, begin, end) == words
