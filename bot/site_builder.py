"""Writes the archive site: reads every digest, renders pages, draws charts, and replaces the old site."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from bot import charts, comparison, ledger, pipeline
from bot.metrics import METRICS
from bot.outlets.site import replace_site
from bot.queries import QueryContext, WatchedNetwork, health
from bot.records import COMPARISON, Catalogue, Document, Period, PeriodName, Picture, Unknown
from bot.records.names import NameMask
from bot.render import feeds, model_tables, page_layout, site_files
from bot.render.site_files import RenderedDigest


@dataclass(frozen=True, slots=True)
class DigestPlace:
    """A digest among those of its network and period name."""

    network: str
    period: PeriodName
    day: date
    earlier: date | None
    later: date | None

    def heading(self, title: str, day: date | None) -> Document | None:
        """The heading of a neighbour."""
        if day is None:
            return None
        last = Period.for_day(day, self.period).last.isoformat()
        return {"network": self.network, "title": title, "period": self.period, "day": str(day), "last_day": last}


RenderAll = Callable[[Sequence[DigestPlace]], Iterable[RenderedDigest | None]]
"""Renders digests in the order given, by `render_digest`."""


def write_site(
    desk: QueryContext,
    folder: Path,
    tell: Callable[[str], None],
    at: datetime,
    url: str = "",
    render_all: RenderAll | None = None,
    operator: str = "",
    licence: str = "",
) -> Path:
    """Write the whole site into `folder`; returns its front page. `url` is its public URL, for the feeds and for link
    previews; `operator` and `licence` are for its page about itself; `render_all` may render digests in other
    processes. Raises `OutletError`."""
    places = [place for name in (*desk.watched, COMPARISON) for place in _digest_places(desk, name)]
    rendered = render_all(places) if render_all else (render_digest(desk, place, at, url, folder) for place in places)
    site = replace(_site_context(desk, at, url), operator=operator, licence=licence, health=health(desk))
    files = site_files.render_site(site, _report_pages(places, rendered, tell))
    return replace_site(files, folder) / "index.html"


def _report_pages(
    places: Sequence[DigestPlace], digests: Iterable[RenderedDigest | None], tell: Callable[[str], None]
) -> Iterator[RenderedDigest]:
    """The digests that exist; calls `tell` for each."""
    for place, digest in zip(places, digests, strict=True):
        if digest is not None:
            yield digest
            tell(f"{place.network}: page of {place.day}")


def render_digest(
    desk: QueryContext, place: DigestPlace, at: datetime, url: str = "", folder: Path | None = None
) -> RenderedDigest | None:
    """The files of one digest; `None` if the archive does not have it. With a public URL it has the picture of its
    post, from the site in `folder` if that has the same digest."""
    document = desk.archive.find_digest(place.network, place.period, place.day)
    if document is None:
        return None
    page = _digest_page(desk, desk.watched.get(place.network), desk.mask_hidden(document))
    if url and place.network != COMPARISON:
        page = replace(page, card=_digest_card(desk, page.document, folder))
    neighbours = (place.heading(document["title"], day) for day in (place.earlier, place.later))
    return site_files.render_digest(_site_context(desk, at, url), page, *neighbours)


def _digest_card(desk: QueryContext, document: Document, folder: Path | None) -> Picture:
    """The picture of a digest's post. Drawing takes far longer than the rest of a page, so one is drawn once."""
    kept = folder / page_layout.digest_folder(document) if folder else None
    try:
        if kept and (kept / "digest.json").read_bytes() == feeds.json_bytes(document):
            return Picture("card.png", (kept / "card.png").read_bytes(), (kept / "card.txt").read_text("utf-8"))
    except OSError:
        pass
    return pipeline.draw_picture(document, hidden=desk.hidden)


def _site_context(desk: QueryContext, at: datetime, url: str) -> page_layout.SiteContext:
    return page_layout.SiteContext(
        [
            *(page_layout.NetworkPage(w.network, w.title, w.about) for w in desk.watched.values()),
            *([_COMPARISON_PAGE] if desk.archive.list_digests(COMPARISON, "week") else []),
        ],
        {key: metric.definition for key, metric in METRICS.items()},
        charts.trend_svg,
        at,
        url,
        tuple(desk.hidden),
        desk.archive.feed_space(url),
    )


_COMPARISON_PAGE = page_layout.NetworkPage(COMPARISON, comparison.TITLE, comparison.METHOD)


def _digest_places(desk: QueryContext, network: str) -> Iterator[DigestPlace]:
    """Every digest of a network, oldest first."""
    names: tuple[PeriodName, ...] = ("day", "week", "month")
    for name in names:
        days = [entry.day for entry in desk.archive.list_digests(network, name)]
        for earlier, day, later in zip([None, *days], days, [*days[1:], None], strict=False):
            yield DigestPlace(network, name, day, earlier, later)


def _digest_page(desk: QueryContext, watched: WatchedNetwork | None, document: Document) -> page_layout.DigestPage:
    """The page of a digest, or of a comparison where no network is given."""
    first, last = date.fromisoformat(document["day"]), date.fromisoformat(document["last_day"])
    receipts = desk.archive.digest_receipts(document["network"], document["period"], first)
    public = [receipt for receipt in receipts if receipt.url]
    if watched is None:
        return page_layout.DigestPage(document, {}, {}, public)
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
                "uses": charts.uses_svg(block),
            }
            for block in document["catalogues"]
        },
        public,
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
