"""The page of the search, and the scripts and styles that it shares with the page that compares. Without scripts, the
server fills in the results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import escape

from bot.render.environment import TEMPLATES
from bot.render.model_tables import linked_name
from bot.render.page_layout import File, SiteContext, render_page, slot_marker
from bot.render.search_index import SearchEntry

STATIC = ("names.js", "search.js", "compare.js", "entities.css")
LONGEST = 200
"""Most characters of what is searched for."""


def static_files() -> Iterator[File]:
    """The scripts, and the styles of these pages."""
    for name in STATIC:
        yield name, (TEMPLATES / "site" / name).read_bytes()


@dataclass(frozen=True, slots=True)
class SearchResults:
    """What the server found."""

    asked: str
    entries: Sequence[tuple[Mapping[str, str], SearchEntry]]
    more: bool
    """Whether there may be others."""


def search_page(site: SiteContext, lists: Sequence[Mapping[str, str]], results: SearchResults | None = None) -> bytes:
    """The search, with results where the server was asked."""
    rows = "".join(_result_row(place, entry) for place, entry in results.entries) if results else ""
    return render_page(
        site, "search.j2", "search.html", {"results": rows, "asked": str(escape(results.asked)) if results else ""},
        lists=list(lists), results=slot_marker("results") if rows else "", answered=results is not None,
        asked=slot_marker("asked"), more=bool(results and results.more),
    )  # fmt: skip


def _result_row(place: Mapping[str, str], entry: SearchEntry) -> str:
    folder = f"{place['folder']}/" if place["folder"] else ""
    kind = escape(", ".join(filter(None, (place["kind"], place["title"]))))
    return f'<li>{linked_name(entry.name, f"{folder}{entry.address}.html")} <span class="quiet">{kind}</span></li>'
