"""What catalogues of earlier formats lack, so that one of them reads like one of today.

Names in `temp` go before those in the file.
"""

from __future__ import annotations

_FROM_FORMAT_2 = """
CREATE TEMP TABLE counted AS
    SELECT document, min(id) AS first, count(*) AS passages FROM main.passages GROUP BY document;
CREATE TEMP VIEW documents AS
    SELECT d.*, position AS number, ifnull(first, 0) AS first, ifnull(passages, 0) AS passages, '' AS body, '' AS digest,
    '' AS part_of FROM main.documents d LEFT JOIN counted ON document = position;
"""
_FROM_FORMAT_1 = (
    _FROM_FORMAT_2.replace("'' AS part_of", "'' AS part_of, '[]' AS missing, '[]' AS versions")
    + """
CREATE TEMP VIEW sections AS SELECT *, 0 AS appendix FROM main.sections;
CREATE TEMP VIEW passages AS SELECT *, 'body' AS kind, 0 AS crc FROM main.passages;
CREATE TEMP TABLE blocks (document, block, kind, page, start, "end", continued);
CREATE TEMP TABLE bibliography (
    document, reference, n, raw, page, label, title, authors, year, venue, arxiv_id, doi);
CREATE TEMP TABLE mentions (document, reference, mention, page, start, "end", sentence, section);
CREATE TEMP TABLE sentences (document, sentence, text);
"""
)

LACKING = {1: _FROM_FORMAT_1, 2: _FROM_FORMAT_2}
"""The statements that make up for it, by format."""
