"""The page that compares models, authors, categories or networks: charts with a key, and their figures side by side.

`templates/site/compare.js` shows the same where no server does: a change here is a change there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import escape

from bot import number_format
from bot.records import Document
from bot.render import escaping
from bot.render.entity_pages import is_unranked
from bot.render.model_tables import UNKNOWN, linked_name
from bot.render.page_layout import SiteContext, render_page, slot_marker

MOST = 4
"""What is compared at once."""
NONE = "–"
"""The cell of a figure that a side does not have."""
FIELDS = 2
"""Fields of the form, where fewer were given."""


@dataclass(frozen=True, slots=True)
class ComparedSides:
    """What is compared."""

    given: Sequence[tuple[str, str]]
    """What was asked for: a text that finds it again, and the address of its page; empty if it has none."""
    sides: Sequence[Document] = ()
    """As `queries.entity_queries` makes them."""
    charts: Sequence[tuple[str, str]] = ()
    """What each shows, and its SVG."""
    mistakes: Sequence[str] = ()
    """Why something is not compared, in whole sentences."""


def compare_page(site: SiteContext, shown: ComparedSides | None = None) -> bytes:
    """A form, and what was chosen where the server was asked."""
    given = [*(shown.given if shown else ()), *[("", "")] * MOST]
    count = max(FIELDS, len(shown.given) if shown else 0)
    sides, charts = (shown.sides, shown.charts) if shown else ((), ())
    slots = {
        "fields": "".join(_field(number, *field) for number, field in enumerate(given[:count], 1)),
        "charts": "".join(f"<figure><figcaption>{escape(title)}</figcaption>{svg}</figure>" for title, svg in charts),
        "key": "".join(_key_entry(number, side) for number, side in enumerate(sides, 1)),
        "figures": _figures_table(sides) if sides else "",
        "days": _days_table(sides) if sides else "",
    }
    return render_page(
        site, "compare.j2", "compare.html", slots, answered=shown is not None, compared=bool(sides),
        mistakes=list(shown.mistakes) if shown else [], **{name: slot_marker(name) for name in slots},
    )  # fmt: skip


def field_label(side: Document, alone: bool) -> str:
    """The text of a field for one side: its name, and what it is where that `alone` would find something else."""
    return str(side["name"]) if alone else f"{side['name']} ({_about(side)})"


def _about(side: Document) -> str:
    """What a side is: a network may have the same name in two lists."""
    parts = (side["kind"], side["title"] if side["kind"] != "network" else "", side.get("catalogue_title"))
    return ", ".join(part for part in parts if part)


def _field(number: int, text: str, path: str) -> str:
    letter = "ABCD"[number - 1]
    page = f' data-path="{escape(path)}"' if path else ""
    return (
        f'<label>{letter} <input name="item" value="{escape(text)}" maxlength="200" autocomplete="off" '
        f'spellcheck="false" list="names-{letter}"{page}></label><datalist id="names-{letter}"></datalist>'
    )


def _key_entry(number: int, side: Document) -> str:
    swatch = f'<span class="letter series-{number}">{"ABCD"[number - 1]}</span>'
    about = escape(_about(side))
    return f'<li>{swatch} {linked_name(side["name"], _page(side))} <span class="quiet">{about}</span></li>'


def _page(side: Document) -> str:
    return f"{side['path']}/index.html" if side["kind"] == "network" else f"{side['path']}.html"


def _figure(key: str) -> Callable[[Document], str]:
    def cell(side: Document) -> str:
        figure: Mapping[str, Any] | None = side.get(key)
        return figure_cell(figure) if figure else NONE

    return cell


def figure_cell(figure: Mapping[str, Any]) -> str:
    """A figure with why it is unknown or may be more."""
    reason = figure.get("unknown") or figure.get("reason")
    why = f'<span class="reason" dir="auto">{escaping.escape_text(reason, "site")}</span>' if reason else ""
    return f"{escape(number_format.format_figure(figure))}{why}"


def _latest(side: Document) -> Mapping[str, Any]:
    day: Mapping[str, Any] = side["days"][-1]
    return day


def _share(side: Document) -> str:
    share = _latest(side)["share"]
    return UNKNOWN if share is None else str(escape(number_format.format_share(share)))


def _rank(side: Document) -> str:
    day = _latest(side)
    if day["rank"] is not None:
        return number_format.format_count(day["rank"])
    return NONE if is_unranked(side["kind"], day) else UNKNOWN


def _date(key: str) -> Callable[[Document], str]:
    return lambda side: NONE if key not in side else number_format.format_day(side[key]) if side[key] else UNKNOWN


ROWS: Sequence[tuple[str, Callable[[Document], str]]] = (
    ("Counted in", lambda side: str(escape(side["unit"]))),
    ("Newest day", lambda side: number_format.format_day(_latest(side)["day"])),
    ("On that day", lambda side: figure_cell(_latest(side)["uses"])),
    ("Rank", _rank),
    ("Share", _share),
    ("Last 7 days", _figure("uses_7d")),
    ("Change against the 7 days before", _figure("uses_change_7d")),
    ("All days shown", _figure("uses_shown")),
    ("First listed", _date("first_listed")),
    ("Last used", _date("last_used")),
)


def _figures_table(sides: Sequence[Document]) -> str:
    """The rows that any side has."""
    rows = [(label, [cell(side) for side in sides]) for label, cell in ROWS]
    body = "".join(
        f'<tr><th scope="row">{label}</th>{"".join(f"<td class=number>{cell}</td>" for cell in cells)}</tr>'
        for label, cells in rows
        if set(cells) != {NONE}
    )
    return f"<table><caption>Figures side by side</caption>{_head('Figure', sides)}<tbody>{body}</tbody></table>"


def _head(first: str, sides: Sequence[Document]) -> str:
    cells = "".join(
        f'<th scope="col" class="number">{"ABCD"[number]}<span class="hidden">: {_name(side)}</span></th>'
        for number, side in enumerate(sides)
    )
    return f'<thead><tr><th scope="col">{first}</th>{cells}</tr></thead>'


def _name(side: Document) -> str:
    return escaping.escape_name(side["name"], "site")


def _days_table(sides: Sequence[Document]) -> str:
    """Every day of any side, newest first."""
    by_day = [{day["day"]: day["uses"] for day in side["days"]} for side in sides]
    days = sorted({day for held in by_day for day in held}, reverse=True)
    body = "".join(
        f'<tr><th scope="row">{number_format.format_day(day)}</th>'
        + "".join(f"<td class=number>{figure_cell(held[day]) if day in held else NONE}</td>" for held in by_day)
        + "</tr>"
        for day in days
    )
    return f"<table><caption>By day</caption>{_head('Day', sides)}<tbody>{body}</tbody></table>"
