"""Writes the archive site: reads every digest, renders pages, draws charts, and replaces the old site."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path

from bot import charts, ledger
from bot.archive import DigestSummary
from bot.metrics import METRICS
from bot.outlets.site import replace_site
from bot.queries import QueryContext, WatchedNetwork
from bot.records import Catalogue, Document, Period, PeriodName, Unknown
from bot.records.names import NameMask
from bot.render import model_tables, page_layout, site_files


def write_site(desk: QueryContext, folder: Path, tell: Callable[[str], None], at: datetime, url: str = "") -> Path:
    """Write the whole site into `folder`; returns its front page. `url` is its public URL, for the feeds. Raises
    `OutletError`."""
    networks = [page_layout.NetworkPage(w.network, w.title, w.about) for w in desk.watched.values()]
    shared = page_layout.SiteContext(
        networks,
        {key: metric.definition for key, metric in METRICS.items()},
        charts.trend_svg,
        at,
        url,
        tuple(desk.hidden),
        desk.archive.feed_space(url),
    )
    return replace_site(site_files.render_site(shared, _digest_pages(desk, tell)), folder) / "index.html"


def _digest_pages(desk: QueryContext, tell: Callable[[str], None]) -> Iterator[page_layout.DigestPage]:
    """Every digest of every network, oldest first."""
    for watched in desk.watched.values():
        for period, entry in _listed_digests(desk, watched):
            document = desk.archive.find_digest(watched.network, period, entry.day)
            if document is not None:
                yield _digest_page(desk, watched, desk.mask_hidden(document))
                tell(f"{watched.network}: page of {entry.day}")


def _listed_digests(desk: QueryContext, watched: WatchedNetwork) -> list[tuple[PeriodName, DigestSummary]]:
    names: tuple[PeriodName, ...] = ("day", "week", "month")
    return [(name, entry) for name in names for entry in desk.archive.list_digests(watched.network, name)]


def _digest_page(desk: QueryContext, watched: WatchedNetwork, document: Document) -> page_layout.DigestPage:
    first, last = date.fromisoformat(document["day"]), date.fromisoformat(document["last_day"])
    period = Period(first, last, document["period"])
    catalogues = {catalogue.key: catalogue for catalogue in watched.catalogues}
    return page_layout.DigestPage(
        document,
        {
            key: _ranked_models(desk, catalogues[key], period)
            for block in document["catalogues"]
            if (key := block["catalogue"]) in catalogues
        },
        {
            block["catalogue"]: {
                "usage": charts.usage_svg(block, (first, last)),
                "concentration": charts.concentration_svg(block),
            }
            for block in document["catalogues"]
        },
        [receipt for receipt in desk.archive.digest_receipts(watched.network, period.name, first) if receipt.url],
    )


def _ranked_models(desk: QueryContext, catalogue: Catalogue, period: Period) -> list[model_tables.RankedRow] | str:
    rows = ledger.model_rankings(desk.store, catalogue, period)
    if isinstance(rows, Unknown):
        return rows.reason
    names = NameMask.from_names(desk.hidden)
    return [
        model_tables.RankedRow(
            row.rank,
            names.masked_model(row.model, row.author),
            names.masked_author(row.model, row.author),
            row.uses,
            row.share,
            row.first_listed,
            row.last_used,
        )
        for row in rows
    ]
