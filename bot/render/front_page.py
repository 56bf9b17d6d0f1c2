"""The front page: what is new on each network, the freshest day first and ended records last, then what is unknown and
links to earlier digests.

A day whose headline is unknown is no news: its network is shown with its last known day, and a line says what is not
known since.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.records import Document
from bot.records.entity_pages import EntityPages
from bot.render.digest_posts import leading_block, template_context
from bot.render.page_addresses import digest_folder
from bot.render.page_layout import HEADING, NetworkPage, SiteContext, page_context, render_page
from bot.render.story_links import link_names

RECENT = 30
"""Digests on the front page and in the feeds."""


def index_page(
    site: SiteContext,
    newest: Sequence[Document],
    stories: Mapping[str, str],
    pages: Mapping[str, Mapping[str, EntityPages]],
    charts: Mapping[str, Mapping[str, str]],
) -> bytes:
    """`newest`: the newest digests, newest first, with each network's newest daily digest and its newest one whose
    headline is known. Of the latter, by network: its story, the pages that it links, and the slots of its charts."""
    issues = sorted(
        (issue for network in site.networks if (issue := _issue(site, network, newest, pages))),
        key=lambda issue: (issue["known"], not issue["ended"], issue["d"]["day"]),
        reverse=True,
    )
    news, unknown = ([issue for issue in issues if issue["known"] is known] for known in (True, False))
    slots: dict[str, str] = {}
    for issue in news[:1]:
        key = issue["d"]["network"]
        slots = {f"{key}-{name}": _unique_ids(key, svg) for name, svg in charts[key].items()}
        slots |= {f"{key}-story": stories[key]}
    shown = {digest_folder(each["d"]) for issue in issues for each in (issue, issue["since"]) if each}
    recent = [digest_row(d) for d in newest if digest_folder(d) not in shown][:RECENT]
    return render_page(site, "index.j2", "index.html", slots, news=news, unknown=unknown, recent=recent)


def _issue(
    site: SiteContext,
    network: NetworkPage,
    newest: Sequence[Document],
    pages: Mapping[str, Mapping[str, EntityPages]],
) -> dict[str, Any] | None:
    """The newest daily digest of a network whose headline is known, and the one that is not known since; of a network
    of which nothing is known, the newest."""
    days = [d for d in newest if d["network"] == network.key and d["period"] == "day"]
    if not days:
        return None
    known = next((d for d in days if is_known(d)), None)
    document = known or days[0]
    return {
        **page_context(document, f"{network.key}-"),
        "linked": template_context(link_names(document, pages.get(network.key, {}), "")),
        "link": f"{digest_folder(document)}/index.html",
        "known": known is not None,
        "ended": site.record_ends.get(network.key),
        "since": None if document is days[0] else _unknown_day(days[0]),
    }


def _unknown_day(document: Document) -> dict[str, Any]:
    return {**template_context(document), "link": f"{digest_folder(document)}/index.html"}


def is_known(document: Document) -> bool:
    """Whether the headline of a digest is known."""
    headline = leading_block(document)["figures"].get(document["headline"]["figure"], {})
    return headline.get("value") is not None


def _unique_ids(network: str, svg: str) -> str:
    """A network's chart with unique ids, for a page with several networks."""
    return re.sub(r'((?<= id=")|(?<=labelledby=")|(?<=-title ))(?=[\w-]+-(?:title|about))', f"{network}-", svg)


def digest_row(document: Document) -> dict[str, Any]:
    """A digest as a row of the list of newest digests, with the figures that the list shows."""
    headline, figures = document["headline"]["figure"], leading_block(document)["figures"]
    shown = {key: figures[key] for key in (headline, "models_used", "models_listed") if key in figures}
    link = f"{digest_folder(document)}/index.html"
    return {"d": heading_of(document), "c": {"figures": shown}, "headline": headline, "link": link}


def heading_of(document: Document) -> Document:
    """The keys for the name of a digest. Every value in a template is traced, so fewer keys take less time."""
    return {key: document[key] for key in HEADING}
