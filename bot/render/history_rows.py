"""The rows of a figure's history and of a network's list of digests, as HTML for their pages.

A year has hundreds of rows, and all histories of a network change with each digest, so the rows are built here instead
of in a template, from escaped texts and formatted numbers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from markupsafe import escape

from bot import number_format
from bot.records import Document, catalogues_and_panels
from bot.records.names import NameMask
from bot.render import escaping
from bot.render.digest_posts import leading_block
from bot.render.page_addresses import digest_folder


class HistoryRow(NamedTuple):
    """A figure in one digest."""

    document: Document
    """At least its heading."""
    figure: Mapping[str, Any]


def rows_by_figure(documents: Iterable[Document]) -> Mapping[tuple[str, str], Sequence[HistoryRow]]:
    """Each figure in the digests that have it, in their order, by catalogue and metric."""
    rows: dict[tuple[str, str], list[HistoryRow]] = defaultdict(list)
    for document in documents:
        for block in catalogues_and_panels(document):
            for metric, figure in block["figures"].items():
                rows[block["catalogue"], metric].append(HistoryRow(document, figure))
    return rows


def rows_html(rows: Sequence[HistoryRow], hidden: Iterable[str]) -> str:
    """The rows, which are given oldest first, with the newest first."""
    mask = NameMask.from_names(hidden)
    return "\n".join(
        f"<tr>{_period_cell(digest_folder(row.document), *_period(row.document))}\n{_value_cell(row.figure, mask)}</tr>"
        for row in reversed(rows)
    )


def _period(document: Document) -> tuple[str, str, str]:
    return document["period"], document["day"], document["last_day"]


@lru_cache(maxsize=8192)
def _period_cell(folder: str, period: str, first: str, last: str) -> str:
    """The same on the page of each figure of a network."""
    shown = _period_name(period, first, last)
    return f'<th scope="row"><a href="../../../{escape(folder)}/index.html">{shown}</a></th>'


def _period_name(period: str, first: str, last: str) -> str:
    when = number_format.format_month(first) if period == "month" else number_format.format_day_range(first, last)
    return str(escape(f"week of {when}" if period == "week" else when))


def list_html(documents: Sequence[Document], columns: Sequence[str]) -> str:
    """The rows of a network's digests with the figures in `columns`, in the order given."""
    return "\n".join(
        f"<tr>{_link_cell(digest_folder(document).partition('/')[2], *_period(document))}"
        f"{''.join(_list_cell(leading_block(document)['figures'].get(key)) for key in columns)}</tr>"
        for document in documents
    )


@lru_cache(maxsize=8192)
def _link_cell(folder: str, *period: str) -> str:
    return f'<th scope="row" class="when"><a href="{escape(folder)}/index.html">{_period_name(*period)}</a></th>'


def _list_cell(figure: Mapping[str, Any] | None) -> str:
    return f'<td class="number">{_formatted(*map(figure.get, _SHOWN)) if figure else "–"}</td>'


def _value_cell(figure: Mapping[str, Any], mask: NameMask) -> str:
    if figure["value"] is None:
        reason = escaping.escape_text(figure["unknown"], "site", mask)
        return f'<td class="value">unknown<span class="reason" dir="auto">{reason}</span></td>'
    return f'<td class="value">{_formatted(*map(figure.get, _SHOWN))}</td>'


_SHOWN = ("value", "unit", "label", "at_least", "error")
"""The parts of a known figure that its format depends on."""


@lru_cache(maxsize=32768, typed=True)
def _formatted(*parts: Any) -> str:
    """Kept, since the next update of a page has the same rows and one more."""
    return str(escape(number_format.format_figure(dict(zip(_SHOWN, parts, strict=True)))))
