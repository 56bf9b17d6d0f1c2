"""The page about the state of the sources: public, dated, from one query."""

from __future__ import annotations

from typing import Any

from bot.records import Document
from bot.render.page_addresses import digest_folder
from bot.render.page_layout import SiteContext, instant_text, render_page


def health_page(site: SiteContext, health: Document) -> bytes:
    """The answer of the query `health` as a page."""
    networks = [_network_rows(network) for network in health["networks"]]
    return render_page(site, "health.j2", "health.html", {}, as_of=instant_text(health["as_of"]), states=networks)


def _network_rows(network: Document) -> dict[str, Any]:
    """A network with its instants as text and links to its revised digests."""
    return {
        **network,
        "catalogues": [
            {
                **catalogue,
                "read_at": instant_text(at) if (at := catalogue["read_until"] or _list_time(catalogue)) else "",
                "list_at": instant_text(at) if (at := _list_time(catalogue)) else "",
            }
            for catalogue in network["catalogues"]
        ],
        "revisions": [
            {
                "d": {**revision, "network": network["network"], "title": network["title"]},
                "link": f"{digest_folder({**revision, 'network': network['network']})}/index.html",
                "at": instant_text(revision["composed_at"]),
            }
            for revision in network["revisions"]
        ],
    }


def _list_time(catalogue: Document) -> str | None:
    return catalogue["list"] and str(catalogue["list"]["at"])
