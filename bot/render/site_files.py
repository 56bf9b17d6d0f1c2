"""The pages and files of the archive site: each function turns documents into bytes.

Charts, rankings and receipts are arguments; `bot.site_builder` reads them and decides what is rendered. Links are
relative and name files, so that the site also works from a folder without a server.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from bot import number_format
from bot.records import COMPARISON, Document, catalogues_and_panels
from bot.render import feeds, history_rows
from bot.render.digest_posts import leading_block
from bot.render.environment import TEMPLATES
from bot.render.history_rows import HistoryRow
from bot.render.models_pages import models_files
from bot.render.page_addresses import digest_folder, history_path
from bot.render.page_layout import (
    DigestPage,
    File,
    NetworkPage,
    SiteContext,
    digest_story,
    issue_downloads,
    issue_page,
    network_heading,
    render_page,
    slot_marker,
)

Block = Mapping[str, Any]
"""A catalogue or a panel of a digest."""

STATIC = ("style.css", "favicon.svg")
MISSING = "404.html"
"""The page of an address that does not exist."""


@dataclass(frozen=True, slots=True)
class FrontDigest:
    """A digest on the front page and in the feeds."""

    whole: Document
    story: str
    """HTML paragraphs without links, for the feeds."""

    @property
    def document(self) -> Document:
        """Without the lists that only its own page shows. Every value in a template is traced."""
        lists: dict[str, list[object]] = {"top": [], "curve": [], "history": []}
        return {**self.whole, "catalogues": [{**block, **lists} for block in self.whole["catalogues"]]}


def digest_page(
    site: SiteContext, issue: DigestPage, earlier: Document | None = None, later: Document | None = None
) -> File:
    """One digest's page. Of `earlier` and `later`, the digests before and after it, only the `HEADING` is used."""
    root = "../" * (digest_folder(issue.document).count("/") + 1)
    return issue_page(site, issue, digest_story(site, issue.document, issue.pages, root), (earlier, later))


def digest_files(site: SiteContext, issue: DigestPage) -> Iterator[File]:
    """What belongs to a digest's page: its downloads and its pages of models."""
    yield from issue_downloads(issue)
    yield from models_files(site, issue)


def feed_files(site: SiteContext, newest: Sequence[FrontDigest]) -> Iterator[File]:
    """The feeds of the newest digests."""
    entries = [feeds.FeedEntry(d.document, digest_folder(d.document), d.story) for d in newest]
    space = site.feed_space or site.url
    yield "feed.xml", feeds.atom_feed(entries, site.url, space, site.at)
    yield "feed.json", feeds.json_feed(entries, site.url, space)


def shared_files(site: SiteContext) -> Iterator[File]:
    """What does not depend on any digest."""
    facts = {"operator": site.operator, "licence": site.licence, "address": site.address("").rstrip("/")}
    yield "about.html", render_page(site, "about.j2", "about.html", {}, facts=facts)
    for name in STATIC:
        yield name, (TEMPLATES / "site" / name).read_bytes()
    # A server shows it at any address, so its links begin at the root.
    yield MISSING, render_page(site, "missing.j2", MISSING, {}, root=site.root, canonical="")
    yield "robots.txt", _robots_text(site)


def _robots_text(site: SiteContext) -> bytes:
    """Everything may be read; where the list of pages is."""
    listed = f"Sitemap: {site.address('sitemap.xml')}\n" if site.url else ""
    return f"User-agent: *\nAllow: /\n{listed}".encode()


def combined_blocks(documents: Iterable[Document]) -> dict[str, dict[str, Any]]:
    """The catalogues and panels of a network's digests, which are given oldest first, by key: each as in its newest
    digest, with the newest of each figure that any digest has."""
    held: dict[str, dict[str, Any]] = {}
    for block in (block for document in documents for block in catalogues_and_panels(document)):
        figures = held.get(block["catalogue"], {}).get("figures", {}) | block["figures"]
        held[block["catalogue"]] = {**block, "figures": figures}
    return held


def network_index(
    site: SiteContext, network: NetworkPage, documents: Sequence[Document], held: Mapping[str, Block]
) -> bytes:
    """A network's list of digests and of the histories of its figures."""
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
    columns = _list_columns(network, held)
    lists = {name: [d for d in _newest_first(documents) if d["period"] == name] for name in ("day", "week", "month")}
    periods = [
        (name, _column_labels(rows, columns), slot_marker(f"rows-{name}")) for name, rows in lists.items() if rows
    ]
    slots = {f"rows-{name}": history_rows.list_html(rows, columns) for name, rows in lists.items()}
    return render_page(
        site, "network.j2", f"{network.key}/index.html", slots,
        network=network_heading(network), ended=site.record_ends.get(network.key),
        histories=histories, periods=periods,
    )  # fmt: skip


def _column_labels(documents: Sequence[Document], columns: Sequence[str]) -> list[str]:
    """The labels of these figures in the first of these digests that has each."""
    figures = [leading_block(document)["figures"] for document in documents]
    return [next((held[key]["label"] for held in figures if key in held), "") for key in columns]


def _list_columns(network: NetworkPage, held: Mapping[str, Block]) -> list[str]:
    """The columns of a network's list of digests. A comparison has none: they would be those of one network in it."""
    shown = () if network.key == COMPARISON else COLUMNS
    return [key for key in shown if any(key in block["figures"] for block in held.values())]


COLUMNS = ("models_used", "models_listed", "uses", "models_for_half")
"""The figures in a network's list of digests."""


def history_page(
    site: SiteContext, network: NetworkPage, rows: Sequence[HistoryRow], block: Block, metric: str
) -> File:
    """One figure over time, newest first: by day, with a chart, or, if days do not have it, by week and month. `rows`:
    oldest first."""
    latest = block["figures"][metric]
    daily = [row for row in rows if row.document["period"] == "day"]
    points = [(date.fromisoformat(row.document["day"]), _drawable_value(row.figure)) for row in daily]
    form = number_format.display_unit(latest["unit"], latest["label"])
    path = history_path(network.key, block["catalogue"], metric)
    slots = {"rows": history_rows.rows_html(daily or rows, site.hidden)}
    if daily:
        slots["chart"] = site.trend(points, f"{network.title}: {latest['label']}", form)
    page = render_page(
        site, "history.j2", path, slots,
        network=network_heading(network), title=block["title"], label=latest["label"],
        definition=site.definitions.get(metric, ""), chart=slot_marker("chart") if daily else "",
        rows=slot_marker("rows"), table=f"{metric}.csv",
    )  # fmt: skip
    return path, page


def _drawable_value(figure: Mapping[str, Any]) -> int | float | None:
    """A figure's value for a chart, which shows no lower bounds; an exact amount of money is a string."""
    value = None if figure.get("at_least") else figure["value"]
    return float(value) if isinstance(value, str) else value if isinstance(value, int | float) else None


def method_page(site: SiteContext, network: NetworkPage, held: Mapping[str, Block]) -> bytes:
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
