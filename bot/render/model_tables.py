"""Rankings of every model, as HTML for a page and as CSV for a spreadsheet.

A day has thousands of rows, so they are built here instead of in a template, from escaped names and formatted numbers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from markupsafe import escape

from bot import number_format
from bot.records import Document
from bot.render import escaping

UNKNOWN = "unknown"
NAME_LIMIT = 120
OPEN = 100
"""Models of a ranking that a page shows at first; the others are collapsed below them."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Characters that start a formula in spreadsheets, also in full width."""


class RankedRow(NamedTuple):
    """One listed model, with names that may be shown."""

    rank: int | None
    """`None` if the use of any model is unknown."""
    model: str
    author: str
    uses: int | None
    """`None` if it is unknown."""
    share: float | None
    first_listed: date | None
    last_used: date | None
    link: str = ""
    """Its page, relative to the digest's; empty if it has none."""


def ranking_html(rows: Sequence[RankedRow], document: Document, catalogue: str) -> str:
    """The used models ranked, then the unused, collapsed, then those whose use is unknown."""
    block = next(block for block in document["catalogues"] if block["catalogue"] == catalogue)
    unit, label = str(escape(block["unit"])), f"models-{catalogue}"
    used = [row for row in rows if row.uses]
    idle = [row for row in rows if row.uses == 0]
    blind = [row for row in rows if row.uses is None]
    caption = f"Models by {unit}, most used first."
    if any(row.rank is None for row in used):
        caption += (
            " Only models whose use is known are listed here; none has a rank, since others may have been used more."
        )
    nobody = f"<p>No listed model had any {unit}.</p>"
    parts = [_html_table(used[:OPEN], label, caption, unit) if used else nobody]
    if used[OPEN:]:
        parts.append(_folded_table(f"Every other model with {unit}", used[OPEN:], unit))
    for kind, held in ((f"Listed, without {unit} in this period", idle), (f"Listed, {unit} unknown", blind)):
        if held:
            parts.append(_folded_table(kind, held, ""))
    return "".join(parts)


def _folded_table(kind: str, rows: Sequence[RankedRow], unit: str) -> str:
    return f"<details><summary>{kind}</summary>{_html_table(rows, '', f'{kind}.', unit)}</details>"


def _html_table(rows: Sequence[RankedRow], label: str, caption: str, unit: str) -> str:
    counts = f'<th scope="col" class="number">{unit.capitalize()}</th><th scope="col" class="number">Share</th>'
    rank = '<th scope="col" class="number">Rank</th>'
    head = (
        f'<tr>{rank if unit else ""}<th scope="col" class="name">Model</th>{counts if unit else ""}'
        '<th scope="col">First listed</th><th scope="col">Last used</th></tr>'
    )
    body = "".join(_html_row(row, bool(unit)) for row in rows)
    named = f'aria-labelledby="{label}"' if label else f'aria-label="{caption}"'
    return (
        f'<div class="wide" tabindex="0" role="region" {named}><table><caption>{caption}</caption>'
        f"<thead>{head}</thead><tbody>{body}</tbody></table></div>"
    )


def _html_row(row: RankedRow, counted: bool) -> str:
    start, end = _fixed_cells(row.model, row.link, row.first_listed, row.last_used)
    if not counted:
        return f"<tr>{start}{end}</tr>"
    return (
        f'<tr><td class="number">{_count_cell(row.rank)}</td>{start}'
        f'<td class="number">{_count_cell(row.uses)}</td><td class="number">{_share_cell(row.share)}</td>{end}</tr>'
    )


@lru_cache(maxsize=65536)
def _fixed_cells(model: str, link: str, first_listed: date | None, last_used: date | None) -> tuple[str, str]:
    """The cells of a row that seldom change from day to day: those before and after the counts."""
    return (
        f'<th scope="row" class="name">{linked_name(model, link)}</th>',
        f"<td>{_day_cell(first_listed)}</td><td>{_day_cell(last_used)}</td>",
    )


def linked_name(name: str, link: str) -> str:
    """A name that may break at its slashes, linked if there is a page."""
    shown = escaping.escape_name(name, "site", limit=NAME_LIMIT).replace("/", "/<wbr>")
    return f'<a href="{link}"><bdi>{shown}</bdi></a>' if link else f"<bdi>{shown}</bdi>"


@lru_cache(maxsize=65536)
def _count_cell(number: int | None) -> str:
    return UNKNOWN if number is None else number_format.format_count(number)


@lru_cache(maxsize=65536)
def _share_cell(number: float | None) -> str:
    return UNKNOWN if number is None else str(escape(number_format.format_share(number)))


def _day_cell(day: date | None) -> str:
    return day.isoformat() if day else UNKNOWN


def csv_bytes(ranked: Mapping[str, Sequence[RankedRow]]) -> bytes:
    """Every catalogue's ranking. An unknown cell says so; a name cannot act as a formula."""
    held = io.StringIO()
    writer = csv.writer(held)
    writer.writerow(("catalogue", *RankedRow._fields[:-1]))
    for catalogue, rows in ranked.items():
        for row in rows:
            rank, *known = (UNKNOWN if cell is None else cell for cell in (row.rank, *row[3:-1]))
            writer.writerow((catalogue, rank, escape_formula(row.model), escape_formula(row.author), *known))
    return held.getvalue().encode()


@lru_cache(maxsize=65536)
def escape_formula(cell: str) -> str:
    """A name that a spreadsheet would take for a formula, with an apostrophe in front that makes it text."""
    return f"'{cell}" if cell.lstrip().startswith(_FORMULA) else cell
