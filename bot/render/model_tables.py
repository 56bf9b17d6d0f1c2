"""Rankings of every model, as HTML for a page and as CSV for a spreadsheet.

A day has thousands of rows, so they are built here instead of in a template, from escaped names and formatted numbers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Literal, NamedTuple

from markupsafe import escape

from bot import number_format
from bot.records import Document
from bot.render import escaping

UNKNOWN = "unknown"
NAME_LIMIT = 120
TOP = 20
"""The most used models on a digest's own page; all are on its pages of models."""
PAGE_ROWS = 1000
"""Models on one page: about 25 KB compressed."""
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


@dataclass(frozen=True, slots=True)
class RankingPart:
    """Rows of one catalogue and kind that stand together on one page."""

    catalogue: str
    kind: Literal["used", "idle", "unknown"]
    rows: Sequence[RankedRow]


def ranking_pages(ranked: Mapping[str, Sequence[RankedRow]]) -> list[list[RankingPart]]:
    """Every listed model, catalogue by catalogue: the used ranked, then the unused, then those whose use is unknown.
    No page has more than `PAGE_ROWS`, so that none grows with its network. `ranked`: by catalogue."""
    pages: list[list[RankingPart]] = [[]]
    room = PAGE_ROWS
    for part in (part for catalogue, rows in ranked.items() for part in _parts(catalogue, rows)):
        rows = part.rows
        while rows:
            if not room:
                pages.append([])
                room = PAGE_ROWS
            pages[-1].append(replace(part, rows=rows[:room]))
            room, rows = room - len(rows[:room]), rows[room:]
    return pages


def _parts(catalogue: str, rows: Sequence[RankedRow]) -> Iterator[RankingPart]:
    yield RankingPart(catalogue, "used", [row for row in rows if row.uses])
    yield RankingPart(catalogue, "idle", [row for row in rows if row.uses == 0])
    yield RankingPart(catalogue, "unknown", [row for row in rows if row.uses is None])


def page_name(number: int) -> str:
    """The file of a page of models, counted from 1."""
    return "models.html" if number == 1 else f"models-{number}.html"


def ranking_links(ranked: Mapping[str, Sequence[RankedRow]]) -> dict[str, str]:
    """Where each catalogue's models begin."""
    links: dict[str, str] = {}
    for number, parts in enumerate(ranking_pages(ranked), 1):
        for part in parts:
            links.setdefault(part.catalogue, f"{page_name(number)}#models-{part.catalogue}")
    return links


def ranking_html(parts: Sequence[RankingPart], document: Document) -> str:
    """One page of models."""
    blocks = {block["catalogue"]: block for block in document["catalogues"]}
    html: list[str] = []
    for place, part in enumerate(parts):
        block = blocks[part.catalogue]
        if not place or parts[place - 1].catalogue != part.catalogue:
            html.append(f'<h2 id="models-{part.catalogue}">{str(escape(block["title"])).capitalize()}</h2>')
        html.append(_part_html(part, str(escape(block["title"])), str(escape(block["unit"]))))
    return "".join(html)


def _part_html(part: RankingPart, title: str, unit: str) -> str:
    kinds = {"idle": f"Listed, without {unit} in this period.", "unknown": f"Listed, {unit} unknown."}
    caption = kinds.get(part.kind) or _ranking_caption(part.rows, unit)
    return _html_table(part.rows, f'aria-label="{title}: {caption}"', caption, unit if part.kind == "used" else "")


def top_html(rows: Sequence[RankedRow], document: Document, catalogue: str) -> str:
    """The most used models of a catalogue."""
    block = next(block for block in document["catalogues"] if block["catalogue"] == catalogue)
    unit = str(escape(block["unit"]))
    used = [row for row in rows if row.uses]
    if not used:
        return f"<p>No listed model had any {unit}.</p>"
    label = f'aria-labelledby="models-{catalogue}"'
    return _html_table(used[:TOP], label, _ranking_caption(used, unit), unit)


def _ranking_caption(rows: Sequence[RankedRow], unit: str) -> str:
    caption = f"Models by {unit}, most used first."
    if any(row.rank is None for row in rows):
        caption += (
            " Only models whose use is known are listed here; none has a rank, since others may have been used more."
        )
    return caption


def _html_table(rows: Sequence[RankedRow], label: str, caption: str, unit: str) -> str:
    counts = f'<th scope="col" class="number">{unit.capitalize()}</th><th scope="col" class="number">Share</th>'
    rank = '<th scope="col" class="number">Rank</th>'
    head = (
        f'<tr>{rank if unit else ""}<th scope="col" class="name">Model</th>{counts if unit else ""}'
        '<th scope="col">Last used</th><th scope="col">First listed</th></tr>'
    )
    body = "".join(_html_row(row, bool(unit)) for row in rows)
    return (
        f'<div class="wide" tabindex="0" role="region" {label}><table><caption>{caption}</caption>'
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
        f"<td>{_day_cell(last_used)}</td><td>{_day_cell(first_listed)}</td>",
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
