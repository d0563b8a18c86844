"""Words that are spelt nearly like a searched one, out of the names of a table.

A word with two slips has no pattern that an index answers quickly; the words that occur in names are few, though, and
comparing with all of them takes milliseconds. They are collected when the first such search needs them, and kept.
"""

from django.core.cache import cache
from django.db import connection as database
from rapidfuzz import process
from rapidfuzz.distance import OSA, Indel

from coupling.models import BusinessCentralRecord, SalesRecord

KEPT_SECONDS = 600
LONG_WORD = 7
"""Letters from which two slips leave enough of a word to recognise it."""
_MOST_ROWS = 300_000
_MOST_WORDS = 200_000
_NEAR = 5
_SLIPS = 2
_ALIKE = 0.8

_WORDS = """
SELECT DISTINCT word FROM (
    SELECT unnest(string_to_array(split_part(search_text, E'\\n', 1), ' ')) AS word
    FROM (
        SELECT search_text FROM {model}
        WHERE connection_id = %s AND (%s = '' OR "table" = %s) AND deleted_at IS NULL LIMIT %s
    ) names
) words WHERE length(word) >= %s AND word !~ '[0-9]' LIMIT %s
"""


def near_words(model: type[BusinessCentralRecord | SalesRecord], place: tuple[int, str], word: str) -> list[str]:
    """Words of the table's names that are at most two slips away from `word`, the nearest first.

    `place`: connection's id and table, blank for all tables. A muddle of more letters counts where most of the word
    stays.
    """
    if len(word) < LONG_WORD:
        return []
    known = _words(model, place)
    near = process.extract(word, known, scorer=OSA.distance, score_cutoff=_SLIPS, limit=_NEAR)
    found = [each for each, _, _ in near]
    if not found:
        alike = process.extract(word, known, scorer=Indel.normalized_similarity, score_cutoff=_ALIKE, limit=_NEAR)
        found = [each for each, _, _ in alike if each[0] == word[0]]
    return found


def _words(model: type[BusinessCentralRecord | SalesRecord], place: tuple[int, str]) -> list[str]:
    connection_id, table = place
    name = f"name-words-{model._meta.db_table}-{connection_id}-{table}"
    known: str | None = cache.get(name)
    if known is None:
        with database.cursor() as cursor:
            cursor.execute(
                _WORDS.format(model=database.ops.quote_name(model._meta.db_table)),
                [connection_id, table, table, _MOST_ROWS, LONG_WORD - _SLIPS, _MOST_WORDS],
            )
            known = "\n".join(word for (word,) in cursor.fetchall())
        cache.set(name, known, KEPT_SECONDS)
    return known.split("\n") if known else []
