"""The archive site as files: `pages` turns digests into (path, bytes), one digest at a time, and nothing else.

Charts, rankings and receipts come as arguments. Links are relative and name files, so that the site also reads from a
folder without a server.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from bot import numbers
from bot.records import Document, blocks
from bot.render import feeds
from bot.render.digests import context
from bot.render.environment import TEMPLATES
from bot.render.issue import about, charts, issue_files, story
from bot.render.page import (
    File,
    Issue,
    Network,
    Site,
    folder,
    history_path,
    introduced,
    page,
    slot,
)

Block = Mapping[str, Any]
"""A catalogue or a panel of a digest."""

RECENT = 30
"""Digests that the front page and the feeds list."""


@dataclass(slots=True)
class _Told:
    """What stays in mind of the digests already rendered: little each, as there may be years of them."""

    documents: list[Document] = field(default_factory=list)
    stories: dict[str, str] = field(default_factory=dict)
    charts: dict[str, dict[str, str]] = field(default_factory=dict)
    """By network, of its latest daily digest."""


def pages(site: Site, issues: Iterable[Issue]) -> Iterator[File]:
    """Every file of the site. `issues` holds each digest once, in order of time, and is read one by one."""
    told = _Told()
    waiting: dict[tuple[str, str], tuple[Issue, Document | None]] = {}
    for issue in issues:
        same = (issue.document["network"], issue.document["period"])
        before, earlier = waiting.pop(same, (None, None))
        if before:
            yield from _files(site, told, before, earlier, issue.document)
        waiting[same] = (issue, before.document if before else None)
    for issue, earlier in waiting.values():
        yield from _files(site, told, issue, earlier, None)
    for network in site.networks:
        yield from _network(site, network, [d for d in told.documents if d["network"] == network.key])
    yield from _front(site, told)


def _files(site: Site, told: _Told, issue: Issue, earlier: Document | None, later: Document | None) -> Iterator[File]:
    """One digest's files, and what is kept in mind of it."""
    document, words = _slim(issue.document), story(site, issue.document)
    told.documents.append(document)
    told.stories[folder(document)] = words
    if document["period"] == "day":
        told.charts[document["network"]] = charts(issue)
    return issue_files(site, issue, words, (earlier, later))


def _front(site: Site, told: _Told) -> Iterator[File]:
    yield "index.html", _index(site, told)
    yield "style.css", (TEMPLATES / "site" / "style.css").read_bytes()
    entries = [feeds.Entry(d, folder(d), told.stories[folder(d)]) for d in _newest(told.documents)[:RECENT]]
    space = site.feed_space or site.url
    yield "feed.xml", feeds.atom(entries, site.url, space, site.at)
    yield "feed.json", feeds.json_feed(entries, site.url, space)


# --- what spans digests ------------------------------------------------------------------------------------------


def _network(site: Site, network: Network, documents: Sequence[Document]) -> Iterator[File]:
    """A network's list of digests, its methodology, and the history of each of its figures."""
    documents = sorted(documents, key=lambda d: str(d["day"]))
    held: dict[str, dict[str, Any]] = {}
    for block in (block for document in documents for block in blocks(document)):
        figures = held.get(block["catalogue"], {}).get("figures", {}) | block["figures"]
        held[block["catalogue"]] = {**block, "figures": figures}
    yield f"{network.key}/index.html", _network_index(site, network, documents, held)
    yield f"{network.key}/method.html", _method(site, network, held)
    for block in held.values():
        for metric in block["figures"]:
            yield _history(site, network, documents, block, metric)


def _network_index(site: Site, network: Network, documents: Sequence[Document], held: Mapping[str, Block]) -> bytes:
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
        (name, [_listed(d, network.key) for d in _newest(documents) if d["period"] == name])
        for name in ("day", "week", "month")
    ]
    return page(
        site, "network.j2", "../", {},
        network=introduced(network), histories=histories, periods=[entry for entry in periods if entry[1]],
        columns=[key for key in COLUMNS if any(key in block["figures"] for block in held.values())],
    )  # fmt: skip


COLUMNS = ("models_listed", "models_used", "models_for_half", "uses")
"""Figures that a network's list of digests shows."""


def _history(site: Site, network: Network, documents: Sequence[Document], block: Block, metric: str) -> File:
    """One figure over time, newest first: by day with its line or, where days do not have it, by week and month."""
    key, latest = block["catalogue"], block["figures"][metric]
    told = [
        (document, held["figures"][metric])
        for document in documents
        for held in blocks(document)
        if held["catalogue"] == key and metric in held["figures"]
    ]
    daily = [(document, figure) for document, figure in told if document["period"] == "day"]
    points = [(date.fromisoformat(document["day"]), _drawn(figure)) for document, figure in daily]
    rows = [
        {"d": document, "figure": figure, "link": f"../../../{folder(document)}/index.html"}
        for document, figure in reversed(daily or told)
    ]
    form = numbers.form(latest["unit"], latest["label"])
    made = page(
        site, "history.j2", "../../../",
        {"chart": site.trend(points, f"{network.title}: {latest['label']}", form)},
        network=introduced(network), title=block["title"], label=latest["label"],
        definition=site.definitions.get(metric, ""), chart=slot("chart") if daily else "", rows=rows,
    )  # fmt: skip
    return history_path(network.key, key, metric), made


def _drawn(figure: Mapping[str, Any]) -> int | float | None:
    """A figure's value as a line can show it, which says nothing of lower bounds; an exact amount of money is a
    string."""
    value = None if figure.get("at_least") else figure["value"]
    return float(value) if isinstance(value, str) else value if isinstance(value, int | float) else None


def _method(site: Site, network: Network, held: Mapping[str, Block]) -> bytes:
    from markdown_it import MarkdownIt

    # HTML in the text is shown, not obeyed.
    words = MarkdownIt("commonmark", {"html": False}).render(network.about)
    labels = {key: figure["label"] for block in held.values() for key, figure in block["figures"].items()}
    metrics = [
        {"key": key, "label": label, "definition": site.definitions[key]}
        for key, label in labels.items()
        if key in site.definitions
    ]
    shown = {"network": introduced(network), "about": slot("about"), "metrics": metrics}
    return page(site, "method.j2", "../", {"about": words}, **shown)


def _index(site: Site, told: _Told) -> bytes:
    """The latest daily digest of each network, and links to those before."""
    newest = _newest(told.documents)
    latest: list[dict[str, Any]] = []
    slots: dict[str, str] = {}
    for network in site.networks:
        document = next((d for d in newest if d["network"] == network.key and d["period"] == "day"), None)
        if document:
            drawn = {key: _own_ids(network.key, svg) for key, svg in told.charts[network.key].items()}
            parts = {"story": told.stories[folder(document)], **drawn}
            slots |= {f"{network.key}-{key}": part for key, part in parts.items()}
            latest.append({**about(document, f"{network.key}-"), "link": f"{folder(document)}/index.html"})
    shown = {folder(issue["d"]) for issue in latest}
    recent = [_listed(d, "") for d in newest if folder(d) not in shown][:RECENT]
    return page(site, "index.j2", "", slots, latest=latest, recent=recent)


def _own_ids(network: str, svg: str) -> str:
    """A chart among those of several networks: ids made different by the network's name."""
    return re.sub(r'((?<= id=")|(?<=labelledby=")|(?<=-title ))(?=[\w-]+-(?:title|about))', f"{network}-", svg)


def _listed(document: Document, inside: str) -> dict[str, Any]:
    """A digest as a list names it, linked from the folder `inside`."""
    link = folder(document).removeprefix(f"{inside}/") if inside else folder(document)
    return {"d": document, "c": context(document)["c"], "link": f"{link}/index.html"}


def _newest(documents: Iterable[Document]) -> list[Document]:
    return sorted(documents, key=lambda d: (d["last_day"], d["period"] == "day", d["network"]), reverse=True)


_HEAVY = ("top", "curve", "history")


def _slim(document: Document) -> Document:
    """A digest without what only its own page shows."""
    lists: dict[str, list[object]] = {key: [] for key in _HEAVY}
    return {**document, "catalogues": [{**block, **lists} for block in document["catalogues"]]}
