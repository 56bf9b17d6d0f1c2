"""The common parts of the archive site's pages (settings, file paths, the frame of a page), and the page and files
of one digest.

Parts from other code (charts, ranked tables) replace a comment after the lint; every digit that a template shows is
linted like that of a post.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlsplit

from markupsafe import Markup

from bot import number_format
from bot.records import COMPARISON, Document, Message, Receipt, catalogues_and_panels
from bot.records.entity_pages import EntityPages
from bot.render import feeds, model_tables, text_blocks
from bot.render.digest_posts import picture_words, template_context
from bot.render.environment import render_template
from bot.render.model_tables import RankedRow
from bot.render.page_addresses import digest_folder, history_path, quote_site_url
from bot.render.story_links import link_names

Points = Sequence[tuple[date, int | float | None]]
File = tuple[str, bytes]
HEADING = ("network", "title", "period", "day", "last_day")
"""The keys of a digest that its name on a page needs."""


@dataclass(frozen=True, slots=True)
class NetworkPage:
    """A network on its pages."""

    key: str
    title: str
    about: str
    """Its methodology, in Markdown."""


@dataclass(frozen=True, slots=True)
class DigestPage:
    """One digest and the other content of its page."""

    document: Document
    models: Mapping[str, Sequence[RankedRow] | str]
    """By catalogue: every listed model, most used first, or why there is no ranking."""
    svgs: Mapping[str, Mapping[str, str]]
    """By catalogue: the charts `usage` and `concentration`."""
    receipts: Sequence[Receipt] = ()
    pages: Mapping[str, EntityPages] = field(default_factory=dict)
    """By catalogue: which authors and categories have a page."""
    card_alt: str = ""
    """The alt text of its picture, `card.png`, which it has only where the site has a public address."""

    @property
    def ranked(self) -> Mapping[str, Sequence[RankedRow]]:
        """By catalogue: its models, where they can be ranked."""
        return {key: rows for key, rows in self.models.items() if not isinstance(rows, str)}


@dataclass(frozen=True, slots=True)
class SiteContext:
    """The context that all pages share."""

    networks: Sequence[NetworkPage]
    definitions: Mapping[str, str]
    """The definition of each metric, by key."""
    trend: Callable[[Points, str, str], str]
    """Draws one figure over time: points, title and unit to SVG."""
    at: datetime
    url: str = ""
    """The site's public URL, for the feeds; may be empty."""
    hidden: Sequence[str] = ()
    feed_space: str = ""
    """The base of the feeds' ids; empty: the site's URL."""
    operator: str = ""
    """Who runs the site, for its page about itself; may be empty."""
    licence: str = ""
    """The licence of the site's own texts, pictures and tables; may be empty."""
    record_ends: Mapping[str, str] = field(default_factory=dict)
    """By network whose record has ended: its last day."""

    @property
    def root(self) -> str:
        """The path of the front page on its server."""
        return f"{quote_site_url(urlsplit(self.url).path)}/"

    def address(self, path: str) -> str:
        """The public address of one of its files; empty without a public site."""
        return f"{quote_site_url(self.url)}/{quote(path)}" if self.url else ""


def _group_links(issue: DigestPage, root: str) -> dict[str, dict[str, dict[str, str]]]:
    """The pages of the rows of each table of groups, by catalogue and kind."""
    document = issue.document
    return {
        key: {
            table["by"]: {
                row["name"]: issue.pages[key].link(table["by"], document["network"], key, row["name"], root)
                for row in table["rows"]
                if key in issue.pages
            }
            for table in block.get("groups", ())
        }
        for block in document["catalogues"]
        if (key := block["catalogue"])
    }


def render_page(
    site: SiteContext, template: str, path: str, parts: Mapping[str, str], root: str = "", **shown: Any
) -> bytes:
    """The page at `path`: rendered and linted, then with `parts` in their slots. `root` leads to the front page; by
    default relatively."""
    networks = [network_heading(network) for network in site.networks]
    shared = {
        "canonical": site.address(path.removesuffix("index.html")),
        "card": "",
        "card_alt": "",
        "description": "",
        **shown,
    }
    root = root or "../" * path.count("/")
    text = render_template("site", f"site/{template}", hidden=site.hidden, root=root, networks=networks, **shared)
    return _SLOT.sub(lambda match: parts[match[1]], text).encode()


_SLOT = re.compile(r"<!--slot ([\w.-]+)-->")


def slot_marker(name: str) -> Markup:
    """The slot of a part that is inserted after the lint."""
    # Slots have only our own names: networks, catalogues and kinds of parts.
    return Markup(f"<!--slot {name}-->")  # noqa: S704


def network_heading(network: NetworkPage) -> dict[str, str]:
    """The context of a network in templates."""
    return {"key": network.key, "title": network.title}


def instant_text(at: datetime | str) -> str:
    """An instant as text: 12 January 2025, 00:00 UTC."""
    moment = at if isinstance(at, datetime) else datetime.fromisoformat(at)
    return f"{number_format.format_day(moment.date())}, {moment:%H:%M} UTC"


def issue_page(
    site: SiteContext, issue: DigestPage, words: str, neighbours: tuple[Document | None, Document | None]
) -> File:
    """A digest's page. `words` is its story, `neighbours` the digests before and after it."""
    document = issue.document
    path = digest_folder(document)
    root = "../" * (path.count("/") + 1)
    ranked = issue.ranked
    slots = {"story": words, **chart_slots(issue.svgs)}
    slots |= {f"table-{key}": model_tables.top_html(rows, document, key) for key, rows in ranked.items()}
    earlier, later = (
        {"d": {key: d[key] for key in HEADING}, "link": f"{root}{digest_folder(d)}/index.html"} if d else None
        for d in neighbours
    )
    template = "comparison.j2" if document["network"] == COMPARISON else "issue.j2"
    page = render_page(
        site, template, f"{path}/index.html", slots,
        card=site.address(f"{path}/card.png") if issue.card_alt else "",
        card_alt=issue.card_alt,
        description="" if document["network"] == COMPARISON else picture_words(document, hidden=site.hidden)[0],
        **page_context(document),
        **_evidence(issue),
        rows={b["catalogue"]: _figure_rows(site, document, b, root) for b in catalogues_and_panels(document)},
        reasons={key: rows for key, rows in issue.models.items() if isinstance(rows, str)},
        tables={key: slot_marker(f"table-{key}") for key in ranked},
        model_links=model_tables.ranking_links(ranked),
        group_links=_group_links(issue, root),
        csv=bool(ranked),
        earlier=earlier,
        later=later,
    )  # fmt: skip
    return f"{path}/index.html", page


def _evidence(issue: DigestPage) -> dict[str, Any]:
    """What a digest rests on and where it was posted. A platform's answer is foreign: only a web address becomes a
    link."""
    document = issue.document
    return {
        "refs": [{**ref, "number": n, "at": instant_text(ref["at"])} for n, ref in enumerate(document["refs"], 1)],
        "composed": instant_text(document["composed_at"]),
        "sources": source_sentences(document),
        "receipts": [
            {
                "outlet": receipt.outlet,
                "url": receipt.url if receipt.url.startswith("https://") else "",
                "platform_id": receipt.platform_id,
                "at": instant_text(receipt.at),
            }
            for receipt in issue.receipts
        ],
    }


def issue_downloads(issue: DigestPage) -> Iterator[File]:
    """A digest's document, the licence of its figures, and its ranking."""
    document, path = issue.document, digest_folder(issue.document)
    yield f"{path}/digest.json", feeds.json_bytes(document)
    if sources := source_sentences(document):
        yield f"{path}/licence.txt", ("\n".join(sources) + "\n").encode()
    if issue.ranked:
        yield f"{path}/models.csv", model_tables.csv_bytes(issue.ranked)


def source_sentences(document: Document) -> list[Message]:
    """Whose numbers a digest has and under which licence; downloads carry the same sentences."""
    gaps = (gap for block in catalogues_and_panels(document) for gap in block["gaps"])
    return list(dict.fromkeys(gap for gap in gaps if isinstance(gap, Message) and gap.code.startswith("source_")))


def page_context(document: Document, own: str = "") -> dict[str, Any]:
    """What the templates of a digest are given, with places for the story and the charts; `own` begins their names."""
    keys = [block["catalogue"] for block in document["catalogues"]]
    places = {
        key: {kind: slot_marker(f"{own}{kind}-{key}") for kind in ("usage", "concentration", "uses")} for key in keys
    }
    return {**template_context(document), "story": slot_marker(f"{own}story"), "slots": places}


def chart_slots(svgs: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """A digest's charts by the names of their places."""
    return {f"{kind}-{key}": svg for key, drawn in svgs.items() for kind, svg in drawn.items()}


def _figure_rows(site: SiteContext, document: Document, block: Mapping[str, Any], root: str) -> list[dict[str, Any]]:
    """A catalogue's figures with what each counts, where its history is and which records it rests on. A figure of the
    headline's catalogue has its key as anchor, such as `#models_used`."""
    own = "" if block["catalogue"] == document["headline"]["catalogue"] else f"{block['catalogue']}-"
    return [
        {
            "id": f"{own}{key}",
            "figure": figure,
            "definition": site.definitions.get(key, ""),
            "history": f"{root}{history_path(document['network'], block['catalogue'], key)}",
            "records": [index + 1 for index in figure.get("refs", ())],
        }
        for key, figure in block["figures"].items()
    ]


_SPACES = re.compile(r"\s+")
_BEFORE_TAG = re.compile(r" (</(?:p|h2|li)>)")
_AFTER_TAG = re.compile(r"(?<!</a)> ")
"""A word after a link is a word of the sentence."""
_BEFORE_MARK = re.compile(r" +(?=[.,;:)](?:\s|<|$))")


def digest_story(
    site: SiteContext, document: Document, pages: Mapping[str, EntityPages] = MappingProxyType({}), root: str = ""
) -> str:
    """The digest in sentences, as HTML paragraphs. `pages`: by catalogue, the pages that it may link from `root`."""
    document = link_names(document, pages, root)
    template = "site/_comparison.j2" if document["network"] == COMPARISON else "site/_story.j2"
    raw = render_template("site", template, hidden=site.hidden, **template_context(document))
    flowing = _BEFORE_MARK.sub("", _SPACES.sub(" ", raw.replace(text_blocks.LINE, "<br>")))
    return _BEFORE_TAG.sub(r"\1", _AFTER_TAG.sub(">", flowing)).strip()
