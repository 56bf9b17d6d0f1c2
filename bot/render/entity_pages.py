"""The page, the table and the document of a model, an author or a category, and the alphabetical lists of them.

There may be thousands, each with many rows, so the rows are built here instead of in a template, from escaped names and
formatted numbers.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import groupby
from typing import Any

from markupsafe import escape

from bot import number_format
from bot.records import Document
from bot.records.entity_pages import EntityKind, EntityPages
from bot.render import escaping
from bot.render.model_tables import UNKNOWN, escape_formula, linked_name
from bot.render.page_addresses import digest_folder
from bot.render.page_layout import File, SiteContext, render_page, slot_marker

NONE = "none"
COLUMNS = ("day", "uses", "at_least", "rank", "share", "reason")


@dataclass(frozen=True, slots=True)
class EntityPage:
    """A model, an author or a category with the rest of its page."""

    document: Document
    """As `queries.entity_queries` makes it."""
    svg: str
    """Its use by day."""
    pages: EntityPages
    """The pages that it may link."""


def render_entity(site: SiteContext, page: EntityPage) -> Iterator[File]:
    """Its page, its table and its document."""
    document = page.document
    path = document["path"]
    root = "../" * path.count("/")
    findings = [{**finding, "page": f"{digest_folder(finding['d'])}/index.html"} for finding in document["findings"]]
    slots = {"chart": page.svg, "table": day_table(document, root), "members": _members_table(page, root)}
    shown = {
        key: value for key, value in document.items() if key not in ("days", "members", "findings")
    }  # each value of a template is traced, so fewer take less time
    html = render_page(
        site, "entity.j2", f"{path}.html", slots,
        e={**shown, "findings": findings}, latest=_latest_day(document), file=path.rpartition("/")[2],
        links={kind: _link(page, kind, document.get(kind), root) for kind in ("author", "category")},
        chart=slot_marker("chart"), table=slot_marker("table"),
        members=slot_marker("members") if document.get("members") else "",
        weekly=page.pages.paths is not None and page.pages.has_page(path),
        more_members=document.get("models", 0) > len(document.get("members", ())),
    )  # fmt: skip
    yield f"{path}.html", html
    yield f"{path}.csv", csv_bytes(document)
    yield f"{path}.json", json_bytes(document)


def _link(page: EntityPage, kind: EntityKind, name: str | None, root: str) -> str:
    return page.pages.link(kind, page.document["network"], page.document["catalogue"], name, root)


def _latest_day(document: Document) -> Document:
    latest: Document = document["days"][-1]
    return {key: latest[key] for key in ("uses", "rank", "share")}


def json_bytes(document: Document) -> bytes:
    """The document as compact JSON."""
    return (json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n").encode()


def csv_bytes(document: Document) -> bytes:
    """The days, oldest first. An unknown cell says so and why; what was not used, and a group, has no rank."""
    held = io.StringIO()
    writer = csv.writer(held)
    writer.writerow(COLUMNS)
    writer.writerows(_csv_row(document["kind"], day) for day in document["days"])
    return held.getvalue().encode()


def _csv_row(kind: str, day: Document) -> tuple[object, ...]:
    uses, rank, share = day["uses"], day["rank"], day["share"]
    if rank is None:
        rank = NONE if is_unranked(kind, day) else UNKNOWN
    reason = uses.get("unknown") or uses.get("reason")
    return (
        day["day"],
        UNKNOWN if uses["value"] is None else uses["value"],
        uses.get("at_least", False),
        rank,
        UNKNOWN if share is None else share,
        escape_formula(reason) if reason else "",
    )


def is_unranked(kind: str, day: Mapping[str, Any]) -> bool:
    """Whether something has no rank on a day: a group never has one, a model only with use. The rank of a used model
    without one is unknown, because another may have been used more."""
    return kind != "model" or day["uses"]["value"] == 0


def day_table(document: Document, root: str) -> str:
    """The days, newest first. Days in a row that are unknown for the same reason are one row."""
    unit, ranked = str(escape(document["unit"])), document["kind"] == "model"
    rank = '<th scope="col" class="number">Rank</th>' if ranked else ""
    head = (
        f'<tr><th scope="col">Day</th><th scope="col" class="number">{unit.capitalize()}</th>{rank}'
        '<th scope="col" class="number">Share</th></tr>'
    )
    days = groupby(reversed(document["days"]), key=lambda day: day["uses"].get("unknown") or day["day"])
    place = f"{root}{document['network']}/"
    body = "".join([_day_row(list(held), place, ranked) for _, held in days])
    caption = f"Share: of all {unit} of the day. What is unknown says why; it is never a zero."
    return _table("days", caption, head, body)


def _table(label: str, caption: str, head: str, body: str) -> str:
    return (
        f'<div class="wide" tabindex="0" role="region" aria-labelledby="{label}"><table><caption>{caption}</caption>'
        f"<thead>{head}</thead><tbody>{body}</tbody></table></div>"
    )


def _day_row(days: Sequence[Document], place: str, ranked: bool) -> str:
    """One day, or several unknown ones from the newest to the oldest. `place`: the folder of the daily digests."""
    newest, uses = days[0], days[0]["uses"]
    if len(days) > 1:
        head = _row_head(_range_label(days[-1]["day"], newest["day"]))
    else:
        head = _day_head(newest["day"], place if newest["digest"] else "")
    count = str(escape(number_format.format_figure(uses)))
    if uses["value"] is None:
        return f'{head}<td class="number" colspan="{3 if ranked else 2}">{count}{_why(uses["unknown"])}</td></tr>'
    rank = f'<td class="number">{_rank_cell(newest)}</td>' if ranked else ""
    why, share = _why(uses.get("reason")), _share_cell(newest["share"])
    return f'{head}<td class="number">{count}{why}</td>{rank}<td class="number">{share}</td></tr>'


@lru_cache(maxsize=4096)
def _day_head(day: str, place: str) -> str:
    """The first cell of a day, with a link to its digest where there is a place. The same on many pages."""
    label = _day_label(day)
    return _row_head(f'<a href="{place}{day}/index.html">{label}</a>' if place else label)


def _row_head(label: str) -> str:
    return f'<tr><th scope="row" class="when">{label}</th>'


@lru_cache(maxsize=8192)
def _share_cell(share: float | None) -> str:
    return UNKNOWN if share is None else str(escape(number_format.format_share(share)))


def _why(reason: str | None) -> str:
    return f'<span class="reason" dir="auto">{_reason(reason)}</span>' if reason else ""


def _rank_cell(day: Document) -> str:
    if day["rank"] is not None:
        return number_format.format_count(day["rank"])
    return "–" if is_unranked("model", day) else UNKNOWN


@lru_cache(maxsize=2048)
def _day_label(day: str) -> str:
    return str(escape(number_format.format_day(day)))


@lru_cache(maxsize=2048)
def _range_label(first: str, last: str) -> str:
    return str(escape(number_format.format_day_range(first, last)))


@lru_cache(maxsize=2048)
def _reason(text: str) -> str:
    return escaping.escape_text(text, "site")


def _members_table(page: EntityPage, root: str) -> str:
    """The models of an author or a category, most used first."""
    document = page.document
    unit = str(escape(document["unit"]))
    head = (
        '<tr><th scope="col" class="name">Model</th>'
        f'<th scope="col" class="number">{unit.capitalize()} on {_day_label(document["day"])}</th>'
        '<th scope="col">First listed</th><th scope="col">Last used</th></tr>'
    )
    body = "".join(_member_row(page, member, root) for member in document.get("members", ()))
    return _table("members", "Most used in the last 30 days first.", head, body)


def _member_row(page: EntityPage, member: Mapping[str, Any], root: str) -> str:
    shown = linked_name(member["name"], _link(page, "model", member["name"], root))
    uses = str(escape(number_format.format_figure(member["uses"])))
    dates = "".join(f"<td>{member[key] or UNKNOWN}</td>" for key in ("first_listed", "last_used"))
    return f'<tr><th scope="row" class="name">{shown}</th><td class="number">{uses}</td>{dates}</tr>'


@dataclass(frozen=True, slots=True)
class NameList:
    """One page of an alphabetical list."""

    network: str
    catalogue_title: str
    kind: EntityKind
    path: str
    """Of the page, with its suffix."""
    names: Sequence[tuple[str, str, date | None]]
    """Name, the last part of its address, and last use."""
    letters: Sequence[Mapping[str, Any]]
    """Each letter: its label, the page that it begins on, and whether it is this one."""
    earlier: str = ""
    later: str = ""
    """The pages of the same letter before and after this one."""
    every: bool = False
    """Whether the list has everything that was ever seen."""


HEADINGS: Mapping[EntityKind, str] = {"model": "Models by name", "author": "Authors", "category": "Categories"}


def render_name_list(site: SiteContext, page: NameList) -> File:
    """One page of an alphabetical list."""
    network = next(network for network in site.networks if network.key == page.network)
    rows = "".join(
        f'<li>{linked_name(name, f"{last}.html")} <span class="quiet">{_last_use(used)}</span></li>'
        for name, last, used in page.names
    )
    html = render_page(
        site, "entities.j2", page.path, {"rows": rows},
        network={"key": network.key, "title": network.title}, catalogue_title=page.catalogue_title, kind=page.kind,
        heading=HEADINGS[page.kind], letters=list(page.letters), every=page.every,
        rows=slot_marker("rows") if page.names else "",
        turn={"earlier": page.earlier, "later": page.later} if page.earlier or page.later else {},
    )  # fmt: skip
    return page.path, html


def _last_use(day: date | None) -> str:
    return f"last used {day.isoformat()}" if day else "no use seen on a known day"
