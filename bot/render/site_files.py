"""The archive site as files: `render_site` turns digests into (path, bytes), one digest at a time.

Charts, rankings and receipts are arguments. Links are relative and name files, so that the site also works from a
folder without a server.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from bot import number_format
from bot.records import COMPARISON, Document, catalogues_and_panels
from bot.render import feeds
from bot.render.environment import TEMPLATES
from bot.render.front_page import RECENT, digest_row, heading_of, index_page, is_known
from bot.render.health_page import health_page
from bot.render.models_pages import models_files
from bot.render.page_layout import (
    DigestPage,
    File,
    NetworkPage,
    SiteContext,
    chart_slots,
    digest_folder,
    digest_story,
    history_path,
    issue_files,
    network_heading,
    render_page,
    slot_marker,
)

Block = Mapping[str, Any]
"""A catalogue or a panel of a digest."""

MISSING = "404.html"
"""The page of an address that does not exist."""


@dataclass(frozen=True, slots=True)
class RenderedDigest:
    """One digest's files, and what the pages that cover several digests show of it."""

    document: Document
    """Without the lists that only its own page shows."""
    story: str
    charts: Mapping[str, str]
    """By place; only of a daily digest."""
    files: Sequence[File]


def render_digest(
    site: SiteContext, issue: DigestPage, earlier: Document | None, later: Document | None
) -> RenderedDigest:
    """One digest's files. Of `earlier` and `later`, the digests before and after it, only the `HEADING` is used."""
    lists: dict[str, list[object]] = {"top": [], "curve": [], "history": []}
    document = {**issue.document, "catalogues": [{**block, **lists} for block in issue.document["catalogues"]]}
    words = digest_story(site, issue.document)
    charts = chart_slots(issue) if document["period"] == "day" else {}
    files = (*issue_files(site, issue, words, (earlier, later)), *models_files(site, issue))
    return RenderedDigest(document, words, charts, files)


def render_site(site: SiteContext, digests: Iterable[RenderedDigest]) -> Iterator[File]:
    """Every file of the site. `digests` holds each digest once, in order of time, and is read one by one; little of
    each is kept in memory, as there may be years of them."""
    pages: list[str] = []
    for path, content in _site_files(site, digests):
        if path.endswith(".html") and path != MISSING:
            pages.append(path)
        yield path, content
    if site.url:
        yield "sitemap.xml", feeds.sitemap([site.address(path.removesuffix("index.html")) for path in pages])


def _site_files(site: SiteContext, digests: Iterable[RenderedDigest]) -> Iterator[File]:
    rendered: list[RenderedDigest] = []
    charts: dict[str, Mapping[str, str]] = {}
    for each in digests:
        yield from each.files
        rendered.append(replace(each, files=(), charts={}))
        if each.charts and is_known(each.document):
            charts[each.document["network"]] = each.charts
    for network in site.networks:
        documents = [each.document for each in rendered if each.document["network"] == network.key]
        yield from _network_files(site, network, documents)
    stories = {digest_folder(each.document): each.story for each in rendered}
    yield from _front_files(site, [each.document for each in rendered], stories, charts)


def _front_files(
    site: SiteContext,
    documents: Sequence[Document],
    stories: Mapping[str, str],
    charts: Mapping[str, Mapping[str, str]],
) -> Iterator[File]:
    """`charts`: by network, those of its latest daily digest whose headline is known."""
    newest = _newest_first(documents)
    yield "index.html", index_page(site, newest, stories, charts)
    for name in ("style.css", "favicon.svg"):
        yield name, (TEMPLATES / "site" / name).read_bytes()
    facts = {"operator": site.operator, "licence": site.licence, "address": site.address("").rstrip("/")}
    yield "about.html", render_page(site, "about.j2", "about.html", {}, facts=facts)
    if site.health:
        yield "health.html", health_page(site, site.health)
    # A server shows it at any address, so its links begin at the root.
    yield MISSING, render_page(site, "missing.j2", MISSING, {}, root=site.root, canonical="")
    yield "robots.txt", _robots_text(site)
    entries = [feeds.FeedEntry(d, digest_folder(d), stories[digest_folder(d)]) for d in newest[:RECENT]]
    space = site.feed_space or site.url
    yield "feed.xml", feeds.atom_feed(entries, site.url, space, site.at)
    yield "feed.json", feeds.json_feed(entries, site.url, space)


def _robots_text(site: SiteContext) -> bytes:
    """Everything may be read; where the list of pages is."""
    listed = f"Sitemap: {site.address('sitemap.xml')}\n" if site.url else ""
    return f"User-agent: *\nAllow: /\n{listed}".encode()


def _network_files(site: SiteContext, network: NetworkPage, documents: Sequence[Document]) -> Iterator[File]:
    """A network's list of digests, its methodology, and the history of each of its figures."""
    documents = sorted(documents, key=lambda d: str(d["day"]))
    held: dict[str, dict[str, Any]] = {}
    for block in (block for document in documents for block in catalogues_and_panels(document)):
        figures = held.get(block["catalogue"], {}).get("figures", {}) | block["figures"]
        held[block["catalogue"]] = {**block, "figures": figures}
    yield f"{network.key}/index.html", _network_index(site, network, documents, held)
    yield f"{network.key}/method.html", _method_page(site, network, held)
    for block in held.values():
        for metric in block["figures"]:
            yield _history_page(site, network, documents, block, metric)


def _network_index(
    site: SiteContext, network: NetworkPage, documents: Sequence[Document], held: Mapping[str, Block]
) -> bytes:
    histories = [
        {
            "title": block["title"],
            "rows": [
                {"link": f"history/{key}/{metric}.html", "label": figure["label"]}
                for metric, figure in block["figures"].items()
            ],
        }
        for key, block in held.items()
    ]
    periods = [
        (name, [digest_row(d, network.key) for d in _newest_first(documents) if d["period"] == name])
        for name in ("day", "week", "month")
    ]
    return render_page(
        site, "network.j2", f"{network.key}/index.html", {},
        network=network_heading(network), ended=site.record_end(network.key),
        histories=histories, periods=[entry for entry in periods if entry[1]],
        columns=_list_columns(network, held),
    )  # fmt: skip


def _list_columns(network: NetworkPage, held: Mapping[str, Block]) -> list[str]:
    """The columns of a network's list of digests. A comparison has none: they would be those of one network in it."""
    shown = () if network.key == COMPARISON else COLUMNS
    return [key for key in shown if any(key in block["figures"] for block in held.values())]


COLUMNS = ("models_used", "models_listed", "uses", "models_for_half")
"""The figures in a network's list of digests."""


def _history_page(
    site: SiteContext, network: NetworkPage, documents: Sequence[Document], block: Block, metric: str
) -> File:
    """One figure over time, newest first: by day, with a chart, or, if days do not have it, by week and month."""
    key, latest = block["catalogue"], block["figures"][metric]
    history_rows = [
        (document, held["figures"][metric])
        for document in documents
        for held in catalogues_and_panels(document)
        if held["catalogue"] == key and metric in held["figures"]
    ]
    daily = [(document, figure) for document, figure in history_rows if document["period"] == "day"]
    points = [(date.fromisoformat(document["day"]), _drawable_value(figure)) for document, figure in daily]
    rows = [
        {"d": heading_of(document), "figure": figure, "link": f"../../../{digest_folder(document)}/index.html"}
        for document, figure in reversed(daily or history_rows)
    ]
    form = number_format.display_unit(latest["unit"], latest["label"])
    path = history_path(network.key, key, metric)
    page = render_page(
        site, "history.j2", path,
        {"chart": site.trend(points, f"{network.title}: {latest['label']}", form)},
        network=network_heading(network), title=block["title"], label=latest["label"],
        definition=site.definitions.get(metric, ""), chart=slot_marker("chart") if daily else "", rows=rows,
    )  # fmt: skip
    return path, page


def _drawable_value(figure: Mapping[str, Any]) -> int | float | None:
    """A figure's value for a chart, which shows no lower bounds; an exact amount of money is a string."""
    value = None if figure.get("at_least") else figure["value"]
    return float(value) if isinstance(value, str) else value if isinstance(value, int | float) else None


def _method_page(site: SiteContext, network: NetworkPage, held: Mapping[str, Block]) -> bytes:
    from markdown_it import MarkdownIt

    # HTML in the text is escaped.
    words = MarkdownIt("commonmark", {"html": False}).render(network.about)
    labels = {key: figure["label"] for block in held.values() for key, figure in block["figures"].items()}
    metrics = [
        {"key": key, "label": label, "definition": site.definitions[key]}
        for key, label in labels.items()
        if key in site.definitions
    ]
    shown: dict[str, Any] = {"network": network_heading(network), "about": slot_marker("about"), "metrics": metrics}
    return render_page(site, "method.j2", f"{network.key}/method.html", {"about": words}, **shown)


def _newest_first(documents: Iterable[Document]) -> list[Document]:
    return sorted(documents, key=lambda d: (d["last_day"], d["period"] == "day", d["network"]), reverse=True)
