"""From candidates to verdicts: which line is clear, and which needs a person. One statement over a whole mapping."""

from collections.abc import Sequence
from typing import Any

from django.db import connection as database

from coupling.matching.scoring import CLEAR_LEAD, CLEAR_SCORE
from coupling.models import TableMapping

_TAKEN = """
UPDATE coupling_matchcandidate candidate SET taken = found.taken
FROM (
    SELECT each.id, EXISTS (SELECT FROM coupling_coupling coupled WHERE coupled.connection_id = %(connection)s
        AND coupled.sales_table = %(sales_table)s AND coupled.sales_key = each.sales_key) AS taken
    FROM coupling_matchcandidate each JOIN coupling_matchline line ON line.id = each.line_id
    WHERE line.mapping_id = %(mapping)s AND line.job_id IS NULL
) found
WHERE candidate.id = found.id AND candidate.taken <> found.taken
"""

# `next`: the best other candidate of the record, coupled ones included. `rival`: the best score that another record
# has with the same row.
_VERDICTS = """
WITH scored AS (
    SELECT candidate.line_id, candidate.sales_key, candidate.score, candidate.taken,
           candidate.doubts && ARRAY['registration']::varchar[] AS contradicted,
           row_number() OVER own AS place, row_number() OVER theirs AS rank,
           lead(candidate.score) OVER theirs AS behind, first_value(candidate.score) OVER theirs AS first
    FROM coupling_matchcandidate candidate JOIN coupling_matchline line ON line.id = candidate.line_id
    WHERE line.mapping_id = %(mapping)s AND line.job_id IS NULL
      AND NOT EXISTS (SELECT FROM coupling_ruledoutpair ruled WHERE ruled.mapping_id = line.mapping_id
        AND ruled.bc_key = line.bc_key AND ruled.sales_key = candidate.sales_key)
      AND (%(everything)s OR candidate.sales_key IN (
        SELECT sales_key FROM coupling_matchcandidate near WHERE near.line_id = ANY(%(lines)s)))
    WINDOW own AS (PARTITION BY candidate.line_id ORDER BY candidate.taken, candidate.score DESC, candidate.sales_key),
           theirs AS (PARTITION BY candidate.sales_key ORDER BY candidate.score DESC, candidate.line_id)
), summed AS (
    SELECT line_id, (array_agg(sales_key) FILTER (WHERE place = 1))[1] AS sales_key,
           max(score) FILTER (WHERE place = 1) AS score, bool_or(taken) FILTER (WHERE place = 1) AS taken,
           bool_or(contradicted) FILTER (WHERE place = 1) AS contradicted,
           coalesce(max(CASE WHEN rank = 1 THEN behind ELSE first END) FILTER (WHERE place = 1), 0) AS rival,
           coalesce(max(score) FILTER (WHERE place > 1), 0) AS next
    FROM scored GROUP BY line_id
), judged AS (
    SELECT line.id, CASE WHEN best.taken THEN NULL ELSE best.sales_key END AS best_key,
           CASE WHEN best.taken THEN 0 ELSE coalesce(best.score, 0) END AS score,
           CASE WHEN best.line_id IS NULL THEN 'none'
                WHEN best.taken THEN 'taken'
                WHEN best.next > best.score - %(lead)s THEN 'several'
                WHEN best.rival > best.score - %(lead)s THEN 'contested'
                WHEN best.score >= %(clear)s AND NOT best.contradicted THEN 'clear'
                ELSE 'uncertain' END AS verdict
    FROM coupling_matchline line LEFT JOIN summed best ON best.line_id = line.id
    WHERE line.mapping_id = %(mapping)s AND line.job_id IS NULL AND (%(everything)s OR line.id = ANY(%(lines)s))
)
UPDATE coupling_matchline line SET verdict = judged.verdict, score = judged.score, best_key = judged.best_key
FROM judged WHERE judged.id = line.id
  AND (line.verdict, line.score, line.best_key) IS DISTINCT FROM (judged.verdict, judged.score, judged.best_key)
"""


def judge(mapping: TableMapping, *, only: Sequence[int] | None = None) -> None:
    """Works out anew which candidates are coupled and what the standing suggestions of the mapping amount to.

    `only`: ids of the lines to look at, where nothing else can have changed.
    """
    arguments: dict[str, Any] = {
        "connection": mapping.connection_id,
        "mapping": mapping.pk,
        "sales_table": mapping.sales_table,
        "lead": CLEAR_LEAD,
        "clear": CLEAR_SCORE,
        "everything": only is None,
        "lines": list(only or ()),
    }
    with database.cursor() as cursor:
        if only is None:
            # Written a moment ago; the planner has to know how many there are.
            cursor.execute("ANALYZE coupling_matchline, coupling_matchcandidate")
            cursor.execute(_TAKEN, arguments)
        cursor.execute(_VERDICTS, arguments)
