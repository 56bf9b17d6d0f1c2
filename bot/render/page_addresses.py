"""Addresses of the archive site's pages."""

from __future__ import annotations

from urllib.parse import quote

from bot.records import Document


def digest_folder(document: Document) -> str:
    """The folder of a digest: replicate/2025-01-12, replicate/week/2025-01-06, replicate/month/2025-01-01."""
    period = "" if document["period"] == "day" else f"{document['period']}/"
    return f"{document['network']}/{period}{document['day']}"


def history_path(network: str, catalogue: str, metric: str) -> str:
    """The page of one figure over time."""
    return f"{network}/history/{catalogue}/{metric}.html"


def page_url(site_url: str, document: Document) -> str:
    """The address of the page behind a digest or an answer: the digest's, the figure's or the network's; empty without
    a public site. Safe in a Markdown link."""
    if not site_url:
        return ""
    if sides := document.get("sides"):
        # Two models of one day share its page.
        shared = {(side["network"], side["period"], side["day"]) for side in sides}
        document = sides[0] if len(shared) == 1 else {}
    if "metric" in document and "network" in document:
        path = history_path(document["network"], document["catalogue"], document["metric"])
    elif document.get("day"):
        path = f"{digest_folder(document)}/index.html"
    else:
        path = f"{document['network']}/index.html" if "network" in document else "index.html"
    return f"{quote_site_url(site_url)}/{path}"


def entity_url(site_url: str, page: str) -> str:
    """The address of the page of a model, an author or a category; empty without a public site. Safe in a Markdown
    link."""
    return f"{quote_site_url(site_url)}/{page}" if site_url else ""


def quote_site_url(url: str) -> str:
    """The address of the site, safe in a Markdown link."""
    return quote(url.rstrip("/"), safe=":/%[]!$&'*+,;=~@")
