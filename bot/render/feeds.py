"""The archive's feeds: Atom (RFC 4287) and JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/), newest first."""

from __future__ import annotations

import json
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot import number_format
from bot.records import Document

TITLE = "Footfall"
SUBTITLE = "How many AI models are on offer, and how many anyone uses"
_ATOM = "http://www.w3.org/2005/Atom"


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One digest in a feed."""

    document: Document
    folder: str
    story: str
    """HTML paragraphs."""

    @property
    def title(self) -> str:
        first, last = self.document["day"], self.document["last_day"]
        month = self.document["period"] == "month"
        when = number_format.format_month(first) if month else number_format.format_day_range(first, last)
        return f"{self.document['title']}, {when}"


def atom_feed(entries: Sequence[FeedEntry], url: str, space: str, at: datetime) -> bytes:
    """The Atom feed; `space` is the base of ids. Without a site's `url`, links are relative to the feed's own
    address."""
    feed = ET.Element("feed", xmlns=_ATOM)
    _add_element(feed, "title", TITLE)
    _add_element(feed, "subtitle", SUBTITLE)
    _add_element(feed, "id", _entry_id(space, ""))
    updated = max((entry.document["composed_at"] for entry in entries), default=at.isoformat(timespec="seconds"))
    _add_element(feed, "updated", updated)
    ET.SubElement(feed, "link", rel="self", href=_feed_link(url, "feed.xml"))
    ET.SubElement(feed, "link", rel="alternate", type="text/html", href=_feed_link(url, "index.html"))
    _add_element(ET.SubElement(feed, "author"), "name", TITLE)
    for entry in entries:
        held = ET.SubElement(feed, "entry")
        _add_element(held, "title", entry.title)
        _add_element(held, "id", _entry_id(space, entry.folder))
        _add_element(held, "updated", entry.document["composed_at"])
        link = _feed_link(url, f"{entry.folder}/index.html")
        ET.SubElement(held, "link", rel="alternate", type="text/html", href=link)
        _add_element(held, "content", entry.story, type="html")
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(feed, encoding="unicode").encode()


def json_feed(entries: Sequence[FeedEntry], url: str, space: str) -> bytes:
    """The JSON feed; URLs only if the site's `url` is known, since the format wants absolute ones."""
    feed: dict[str, Any] = {"version": "https://jsonfeed.org/version/1.1", "title": TITLE, "description": SUBTITLE}
    if url:
        feed |= {"home_page_url": _feed_link(url, "index.html"), "feed_url": _feed_link(url, "feed.json")}
    feed["items"] = [
        {
            "id": _entry_id(space, entry.folder),
            **({"url": _feed_link(url, f"{entry.folder}/index.html")} if url else {}),
            "title": entry.title,
            "content_html": entry.story,
            "date_modified": entry.document["composed_at"],
        }
        for entry in entries
    ]
    return json_bytes(feed)


MOST_PAGES = 50_000
"""The most addresses that one sitemap may have (sitemaps.org)."""


def sitemap(addresses: Sequence[str]) -> bytes:
    """The addresses of all pages, for search engines."""
    listed = ET.Element("urlset", xmlns="http://www.sitemaps.org/schemas/sitemap/0.9")
    for address in addresses[-MOST_PAGES:]:
        _add_element(ET.SubElement(listed, "url"), "loc", address)
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(listed, encoding="unicode").encode()


def json_bytes(document: object) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def _add_element(parent: ET.Element, tag: str, text: str, **attributes: str) -> None:
    ET.SubElement(parent, tag, attributes).text = text


def _feed_link(url: str, path: str) -> str:
    return f"{url.rstrip('/')}/{path}" if url else path


def _entry_id(space: str, folder: str) -> str:
    """Constant for an installation and digest, whatever its edition and wherever the site is."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"{space.rstrip('/') or 'footfall'}/{folder}").urn
