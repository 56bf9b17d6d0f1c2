"""The common parts of the archive site's pages: the site's settings, file paths, and the frame of a page.

Parts from other code (charts, ranked tables) replace a comment after the lint; every digit that a template shows is
linted like that of a post.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from markupsafe import Markup

from bot import number_format
from bot.records import Document, Receipt
from bot.render.environment import render_template
from bot.render.model_tables import RankedRow

Points = Sequence[tuple[date, int | float | None]]
File = tuple[str, bytes]


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


def digest_folder(document: Document) -> str:
    """The folder of a digest: replicate/2025-01-12, replicate/week/2025-01-06, replicate/month/2025-01-01."""
    period = "" if document["period"] == "day" else f"{document['period']}/"
    return f"{document['network']}/{period}{document['day']}"


def history_path(network: str, catalogue: str, metric: str) -> str:
    """The page of one figure over time."""
    return f"{network}/history/{catalogue}/{metric}.html"


def render_page(site: SiteContext, template: str, root: str, parts: Mapping[str, str], **shown: Any) -> bytes:
    """One page: rendered and linted, then with `parts` in their slots."""
    networks = [network_heading(network) for network in site.networks]
    text = render_template("site", f"site/{template}", hidden=site.hidden, root=root, networks=networks, **shown)
    return _SLOT.sub(lambda found: parts[found[1]], text).encode()


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
