"""What every page of the archive site shares: the site's own facts, where files are, and the frame of a page.

Parts that other code made (charts, ranked tables) are put in after the lint, in the place of a comment; every digit
that a template shows is linted like that of a post.
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
HEADING = ("network", "title", "period", "day", "last_day")
"""The keys of a digest that its name on a page needs."""


@dataclass(frozen=True, slots=True)
class NetworkPage:
    """A network as its pages introduce it."""

    key: str
    title: str
    about: str
    """Its methodology, in Markdown."""


@dataclass(frozen=True, slots=True)
class DigestPage:
    """One digest and what its page shows beside it."""

    document: Document
    models: Mapping[str, Sequence[RankedRow] | str]
    """By catalogue: every listed model, most used first, or why there is no ranking."""
    svgs: Mapping[str, Mapping[str, str]]
    """By catalogue: the charts `usage` and `concentration`."""
    receipts: Sequence[Receipt] = ()


@dataclass(frozen=True, slots=True)
class SiteContext:
    """What all pages share."""

    networks: Sequence[NetworkPage]
    definitions: Mapping[str, str]
    """What each metric counts, by key."""
    trend: Callable[[Points, str, str], str]
    """Draws one figure over time: points, title and unit to SVG."""
    at: datetime
    url: str = ""
    """Where the site will be found, for the feeds; may be empty."""
    hidden: Sequence[str] = ()
    feed_space: str = ""
    """What the ids of feeds are made from; empty: the site's address."""


def digest_folder(document: Document) -> str:
    """Where a digest's files are: replicate/2025-01-12, replicate/week/2025-01-06, replicate/month/2025-01-01."""
    period = "" if document["period"] == "day" else f"{document['period']}/"
    return f"{document['network']}/{period}{document['day']}"


def history_path(network: str, catalogue: str, metric: str) -> str:
    """Where one figure over time is."""
    return f"{network}/history/{catalogue}/{metric}.html"


def render_page(site: SiteContext, template: str, root: str, parts: Mapping[str, str], **shown: Any) -> bytes:
    """One page: rendered and linted, then with `parts` in their slots."""
    networks = [network_heading(network) for network in site.networks]
    text = render_template("site", f"site/{template}", hidden=site.hidden, root=root, networks=networks, **shown)
    return _SLOT.sub(lambda found: parts[found[1]], text).encode()


_SLOT = re.compile(r"<!--slot ([\w.-]+)-->")


def slot_marker(name: str) -> Markup:
    """The place of a part that is put in after the lint."""
    # Only names of our own make slots: networks, catalogues and kinds of parts.
    return Markup(f"<!--slot {name}-->")  # noqa: S704


def network_heading(network: NetworkPage) -> dict[str, str]:
    """A network as templates see it."""
    return {"key": network.key, "title": network.title}


def instant_text(at: datetime | str) -> str:
    """An instant in words: 12 January 2025, 00:00 UTC."""
    moment = at if isinstance(at, datetime) else datetime.fromisoformat(at)
    return f"{number_format.format_day(moment.date())}, {moment:%H:%M} UTC"
