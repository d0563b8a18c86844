"""Blocking keys: what two records must share before anybody compares them, worked out and joined in the database.

Every key is a hash whose last four bits tell its kind. Keys are stored per mirror row and made anew when the row was
read anew, so that a run over changes costs what changed. Candidates of a record are the rows that share a key which is
rare enough, the weightiest first; comparing 100,000 records with 100,000 others comes down to some pairs each.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

from django.db import connection as database
from django.db.models import QuerySet

from connector.choices import System
from connector.models import Connection
from coupling.matching.signals import (
    CITY,
    FREE_MAIL,
    MAIL,
    PHONE,
    PHONE_DIGITS,
    POSTAL,
    REGISTRATION,
    STREET,
    WEB,
    Profile,
)
from coupling.services.search import mirror_of


class Kind(IntEnum):
    """Kinds of keys; the values are stored in the keys."""

    REGISTRATION = 1
    EMAIL = 2
    DOMAIN = 3
    PHONE = 4
    NUMBER = 5
    NAME = 6
    WORDS = 7
    WORD = 8
    HOUSE = 9
    SPELLING = 10
    NAME_CITY = 11


WEIGHTS = {
    Kind.REGISTRATION: 12,
    Kind.EMAIL: 9,
    Kind.NUMBER: 6,
    Kind.PHONE: 7,
    Kind.DOMAIN: 6,
    Kind.NAME: 6,
    Kind.NAME_CITY: 4,
    Kind.HOUSE: 4,
    Kind.WORDS: 3,
    Kind.WORD: 2,
    Kind.SPELLING: 2,
}
"""Which candidates are compared first where a record has more than `MOST_CANDIDATES`."""

MOST_CANDIDATES = 8
MOST_SHARING = 60
"""A key that more rows of Sales, or more records of Business Central, share says too little to compare all of them."""

_PART = 20_000

# The layout of search_text is that of coupling.services.words: name words, number, further words.
_KEYS = """
WITH stale AS (
    SELECT record.key, record.read_at, record.number, record.values,
           string_to_array(btrim(split_part(record.search_text, E'\\n', 1)), ' ') AS words,
           btrim(split_part(record.search_text, E'\\n', 2)) AS joined_number
    FROM {mirror} record
    LEFT JOIN coupling_matchkeys known ON known.connection_id = record.connection_id AND known.system = %(system)s
        AND known."table" = record."table" AND known.key = record.key
    WHERE record.connection_id = %(connection)s AND record."table" = %(table)s AND record.deleted_at IS NULL
      AND (known.read_at IS NULL OR known.read_at < record.read_at)
    LIMIT %(part)s
), texts AS (
    SELECT stale.key, each.key AS name, lower(btrim(each.value)) AS value
    FROM stale, jsonb_each_text(stale.values) each
    WHERE each.value <> '' AND left(each.key, 1) <> '_' AND each.key ~* %(any)s
), places AS (
    SELECT key, max(upper(regexp_replace(value, '[^[:alnum:]]', '', 'g'))) FILTER (WHERE name ~* %(postal)s) AS postal,
           max(substring(value FROM '\\d+')) FILTER (WHERE name ~* %(street)s) AS house,
           max(value) FILTER (WHERE name ~* %(city)s) AS city
    FROM texts GROUP BY key
), mails AS (
    SELECT key, btrim(address) AS address
    FROM texts, regexp_split_to_table(value, '[;,\\s]+') address WHERE name ~* %(mail)s AND address LIKE '%%@%%'
), longest AS (
    SELECT key, (SELECT word FROM unnest(words) word WHERE word ~ '^[a-z]+$' ORDER BY length(word) DESC, word LIMIT 1)
        AS word FROM stale
), found (key, kind, value) AS (
    SELECT key, 1, regexp_replace(upper(regexp_replace(value, '[^[:alnum:]]', '', 'g')), '^[A-Z]{{2}}', '')
        FROM texts WHERE name ~* %(registration)s AND value ~ '[1-9]' AND length(value) >= 5
    UNION ALL SELECT key, 2, address FROM mails
    UNION ALL SELECT key, 3, split_part(address, '@', 2) FROM mails
        WHERE split_part(address, '@', 2) <> ALL(%(free)s)
    UNION ALL SELECT key, 3, substring(value FROM '^(?:[a-z]+://)?(?:www\\.)?([^/:?#]+\\.[^/:?#]+)')
        FROM texts WHERE name ~* %(web)s AND name !~* %(mail)s
    UNION ALL SELECT key, 4, right(regexp_replace(value, '\\D', '', 'g'), {phone_digits})
        FROM texts WHERE name ~* %(phone)s AND length(regexp_replace(value, '\\D', '', 'g')) >= 6
    UNION ALL SELECT key, 5, joined_number FROM stale WHERE number NOT LIKE '%%@%%'
    UNION ALL SELECT key, 5, array_to_string(words, '') FROM stale WHERE %(article)s
    UNION ALL SELECT key, 6, (SELECT string_agg(word, ' ' ORDER BY word) FROM unnest(words) word) FROM stale
    UNION ALL SELECT stale.key, 7, least(one.word, two.word) || ' ' || greatest(one.word, two.word)
        FROM stale, unnest(words[1:5]) WITH ORDINALITY one (word, place),
             unnest(words[1:5]) WITH ORDINALITY two (word, place) WHERE one.place < two.place
    UNION ALL SELECT key, 8, word FROM stale, unnest(words[1:8]) word WHERE length(word) >= 3
    UNION ALL SELECT key, 9, postal || ' ' || house FROM places WHERE %(company)s
    UNION ALL SELECT key, 10, word FROM longest WHERE length(word) BETWEEN 5 AND 14
    UNION ALL SELECT key, 10, left(word, cut - 1) || substr(word, cut + 1)
        FROM longest, generate_series(1, length(word)) cut WHERE length(word) BETWEEN 5 AND 14
    UNION ALL SELECT stale.key, 11, array_to_string(words, ' ') || ' ' || city FROM stale JOIN places USING (key)
)
INSERT INTO coupling_matchkeys (connection_id, system, "table", key, keys, read_at, made_at)
SELECT %(connection)s, %(system)s, %(table)s, stale.key, coalesce(made.keys, '{{}}'), stale.read_at, clock_timestamp()
FROM stale LEFT JOIN (
    SELECT key, array_agg(DISTINCT (hashtextextended(value, kind) & ~15::bigint) | kind) AS keys
    FROM found WHERE value <> '' GROUP BY key
) made USING (key)
ON CONFLICT (connection_id, system, "table", key) DO UPDATE SET keys = excluded.keys, read_at = excluded.read_at,
    made_at = excluded.made_at
"""

_FORGET = """
DELETE FROM coupling_matchkeys known WHERE connection_id = %(connection)s AND system = %(system)s
    AND "table" = %(table)s AND NOT EXISTS (SELECT FROM {mirror} record WHERE record.connection_id = %(connection)s
        AND record."table" = %(table)s AND record.key = known.key AND record.deleted_at IS NULL)
"""

_WEIGHT = "CASE mine.k & 15 " + " ".join(f"WHEN {int(kind)} THEN {weight}" for kind, weight in WEIGHTS.items()) + " END"

# One row per pair, with how many records of one side share the domain and the phone that the two have in common.
_PAIRS = f"""
CREATE TEMPORARY TABLE match_pair AS
SELECT bc, sales, domain_shared, phone_shared FROM (
    SELECT mine.id AS bc, theirs.id AS sales,
           max(greatest(rare.sales, rare.bc)) FILTER (WHERE mine.k & 15 = {int(Kind.DOMAIN)}) AS domain_shared,
           max(greatest(rare.sales, rare.bc)) FILTER (WHERE mine.k & 15 = {int(Kind.PHONE)}) AS phone_shared,
           row_number() OVER (PARTITION BY mine.id ORDER BY sum({_WEIGHT}) DESC, theirs.id) AS place
    FROM match_mine mine JOIN match_rare rare USING (k) JOIN match_theirs theirs USING (k)
    GROUP BY mine.id, theirs.id
) ranked WHERE place <= %(most)s
"""  # noqa: S608 - parts are constants


def refresh_keys(connection: Connection, system: System, table: str, profile: Profile) -> int:
    """Makes the keys of rows that were read since theirs were made; returns how many. Commits part by part."""
    arguments: dict[str, Any] = {
        "connection": connection.pk,
        "system": str(system),
        "table": table,
        "part": _PART,
        "any": f"{MAIL}|{WEB}|{PHONE}|{REGISTRATION}|{POSTAL}|{STREET}|{CITY}",
        "mail": MAIL,
        "web": WEB,
        "phone": PHONE,
        "registration": REGISTRATION,
        "postal": POSTAL,
        "street": STREET,
        "city": CITY,
        "free": sorted(FREE_MAIL),
        "article": profile == Profile.ARTICLE,
        "company": profile == Profile.COMPANY,
    }
    mirror = mirror_of(system)._meta.db_table
    made = 0
    with database.cursor() as cursor:
        cursor.execute(_FORGET.format(mirror=mirror), arguments)
        while True:
            cursor.execute(_KEYS.format(mirror=mirror, phone_digits=PHONE_DIGITS), arguments)
            made += cursor.rowcount
            if cursor.rowcount < _PART:
                return made


def pair_up(*, bc: QuerySet[Any], sales: QuerySet[Any]) -> int:
    """Fills the temporary table `match_pair` (mirror ids `bc`, `sales`) for the records of the temporary table
    `match_wanted` (mirror ids); returns their number.

    `bc` are all records that compete: they tell how common a key is. Call `drop_pairs` when done.
    """
    drop_pairs()
    with _hash_joins() as cursor:
        _keys_of(cursor, "match_mine", bc, System.BUSINESS_CENTRAL, "WHERE id IN (SELECT id FROM match_wanted)")
        cursor.execute("ANALYZE match_mine")
        _keys_of(cursor, "match_theirs", sales, System.SALES, "WHERE k IN (SELECT k FROM match_mine)")
        _keys_of(cursor, "match_rivals", bc, System.BUSINESS_CENTRAL, "WHERE k IN (SELECT k FROM match_theirs)")
        cursor.execute(
            "CREATE TEMPORARY TABLE match_rare AS SELECT theirs.k, theirs.rows AS sales, rivals.rows AS bc "
            "FROM (SELECT k, count(*) AS rows FROM match_theirs GROUP BY k HAVING count(*) <= %(most)s) theirs "
            "JOIN (SELECT k, count(*) AS rows FROM match_rivals GROUP BY k HAVING count(*) <= %(most)s) rivals "
            "USING (k)",
            {"most": MOST_SHARING},
        )
        cursor.execute("ANALYZE match_theirs, match_rare")
        cursor.execute(_PAIRS, {"most": MOST_CANDIDATES})
        pairs = cursor.rowcount
        cursor.execute("CREATE INDEX ON match_pair (bc)")
        cursor.execute("DROP TABLE match_mine, match_theirs, match_rivals, match_rare")
    return int(pairs)


def drop_pairs() -> None:
    """Removes the temporary tables of this session."""
    with database.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS match_pair, match_mine, match_theirs, match_rivals, match_rare")


def sharing(system: System, records: QuerySet[Any], others: QuerySet[Any]) -> list[int]:
    """Mirror ids of the records of `system` that share a rare key with one of `others`, records of the other system."""
    mine, arguments = _unnested(system, records)
    theirs, more = _unnested(system.other, others)
    with _hash_joins() as cursor:
        cursor.execute(
            f"SELECT DISTINCT id FROM (SELECT id, count(*) OVER (PARTITION BY k) AS rows FROM ({mine}) mine "  # noqa: S608
            f"WHERE k IN (SELECT k FROM ({theirs}) theirs)) found WHERE rows <= %s",
            [*arguments, *more, MOST_SHARING],
        )
        return [row[0] for row in cursor.fetchall()]


@contextmanager
def _hash_joins() -> Iterator[Any]:
    """A cursor whose statements never loop over one table inside another: the planner takes filters over JSON and
    unnested arrays for far fewer rows than there are."""
    with database.cursor() as cursor:
        cursor.execute("SET enable_nestloop = off")
        try:
            yield cursor
        finally:
            cursor.execute("RESET enable_nestloop")


def _keys_of(cursor: Any, name: str, records: QuerySet[Any], system: System, condition: str) -> None:
    statement, arguments = _unnested(system, records)
    cursor.execute(
        f"CREATE TEMPORARY TABLE {name} AS SELECT id, k FROM ({statement}) every {condition}",  # noqa: S608
        arguments,
    )


def _unnested(system: System, records: QuerySet[Any]) -> tuple[str, list[Any]]:
    statement, arguments = records.order_by().values("id", "connection_id", "table", "key").query.sql_with_params()
    return (
        f"SELECT record.id, unnest(known.keys) AS k FROM ({statement}) record "  # noqa: S608 - names are ours
        "JOIN coupling_matchkeys known ON known.connection_id = record.connection_id AND known.system = %s "
        'AND known."table" = record."table" AND known.key = record.key',
        [*arguments, str(system)],
    )
