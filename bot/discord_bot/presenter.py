"""Renders answers for Discord: a query, which fits into a button's id, becomes an embed from a template, a picture if a
chart helps, and buttons for further queries.

It reads the database and draws, so it runs off the event loop. Pages are slices of an answer; it computes no figure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType
from typing import Any, get_args
from urllib.parse import parse_qsl, urlencode

from bot import i18n, queries, render
from bot.discord_bot.chart_cache import ChartCache, answer_picture
from bot.discord_bot.name_index import IndexedModel, ModelNameIndex, NameKind, resolve_tokens
from bot.i18n import N_, Translator
from bot.queries import QueryContext, QueryError
from bot.queries.context import ANSWER_ROWS, VersionedCache
from bot.queries.registry import QUERIES, QueryOption
from bot.records import Document, Period, PeriodName, Picture
from bot.render.page_addresses import entity_url, page_url

SHOWN_ROWS = 10
"""Models on a page in Discord, of an answer that has pages itself."""
FOREIGN: Mapping[str, NameKind] = MappingProxyType(
    {option.name: option.index for query in QUERIES.values() for option in query.options if option.is_foreign}
)
"""Options whose value is a name that a network gave, and may be too long for a button, and which index has it."""
LONGEST_ID = 100
"""Characters of a button's id (components/reference, `custom_id`)."""


@dataclass(frozen=True, slots=True)
class Query:
    """What somebody asked: options as text, only those that were given."""

    name: str
    options: Mapping[str, str] = field(default_factory=dict)
    page: int = 0

    def with_options(self, **options: str | None) -> Query:
        """The same question asked otherwise, from its first page; `None` takes an option away."""
        changed = {key: value for key, value in {**self.options, **options}.items() if value is not None}
        return replace(self, options=changed, page=0)

    def find_answer(self, desk: QueryContext) -> Document:
        """Ask it. Raises `QueryError`."""
        query = QUERIES[self.name]
        options = query.parse_options(self.options)
        if "page" in options:
            options["page"] = self.page * SHOWN_ROWS // ANSWER_ROWS + 1
        return query.answer(desk, **options)


def query_options(name: str) -> dict[str, QueryOption]:
    """A question's options in Discord: what it needs, the network, the rest. Pages are turned with buttons."""
    options = sorted(QUERIES[name].options, key=lambda option: (not option.required, option.name != "network"))
    return {option.name: option for option in options if option.name != "page"}


def button_id(question: Query, place: int) -> str | None:
    """A question as a button's id; `None` where it is too long for one. `place` tells buttons of a message apart."""
    text = f"ask:{place}:{question.name}:{question.page}:{urlencode(question.options, safe='~/')}"
    return text if len(text) <= LONGEST_ID else None


WRITTEN = r"ask:(?P<place>[0-9]{1,2}):(?P<name>[a-z]{1,20}):(?P<page>[0-9]{1,4}):(?P<options>[^:]*)"


def query_from_button(match: re.Match[str]) -> Query:
    """The question that a button's id holds. Raises `QueryError` for one that is asked no more."""
    name, options = match["name"], dict(parse_qsl(match["options"]))
    options = QUERIES[name].rename_former(options) if name in QUERIES else options
    if name not in QUERIES or not options.keys() <= query_options(name).keys():
        raise QueryError(N_("this button is of an older version; ask again"))
    return Query(name, options, int(match["page"]))


DEFINED: Mapping[str, str] = MappingProxyType(
    {"usage": "uses", "inventory": "models_listed", "model": "uses", "top": "uses", "why": "uses", "compare": "uses"}
    | {"records": "uses", "author": "uses", "category": "uses"}
)
"""The metric whose definition is shown below an answer without one of its own."""
PAGED: Mapping[str, tuple[str, int]] = MappingProxyType(
    {"trend": ("days", 15), "model": ("days", 15), "status": ("catalogues", 6), "about": ("networks", 1)}
    | {"health": ("networks", 1)}
    | {"top": ("models", 10), "idle": ("models", SHOWN_ROWS), "new": ("models", SHOWN_ROWS)}
    | {"author": ("periods", 15), "category": ("periods", 15)}
)
"""The list of an answer that is shown in pages, and the rows per page."""
NEWEST_FIRST = ("trend", "model", "author", "category")
KEPT = 64
"""Most answers in the cache; one with a picture takes up to 100 kB."""
LIVE = frozenset({"status", "health"})
"""Queries that are never cached, because they describe the present."""


@dataclass(frozen=True, slots=True)
class ButtonSpec:
    """One button and its query, if it can be pressed."""

    label: str
    row: int
    id: str | None
    open: bool
    current: bool


@dataclass(frozen=True, slots=True)
class RenderedAnswer:
    """An answer as one message."""

    embed: Document
    picture: Picture | None = None
    buttons: tuple[ButtonSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerPresenter:
    """Rendered answers, each cached as long as it would not change."""

    desk: QueryContext
    pictures: ChartCache
    recent: VersionedCache

    def present_answer(
        self, question: Query, names: Callable[[NameKind], ModelNameIndex], locale: str = "en"
    ) -> RenderedAnswer:
        """Answer a query and render it in a language. Raises `QueryError`, `StoreError`."""
        model_tokens = _resolve_model_tokens(question, names)
        if model_tokens.name in LIVE:
            return render_answer(self.desk, self.pictures, model_tokens, locale)
        key = (model_tokens.name, *sorted(model_tokens.options.items()), model_tokens.page, locale)
        mark = (self.desk.data_version(), self.desk.clock().date())
        return self.recent.get_or_compute(
            key, mark, lambda: render_answer(self.desk, self.pictures, model_tokens, locale)
        )


def render_answer(desk: QueryContext, pictures: ChartCache, query: Query, locale: str) -> RenderedAnswer:
    answer = query.find_answer(desk)
    embed, pages = (
        _digest_embed(desk, answer, locale) if query.name == "digest" else _answer_embed(desk, query, answer, locale)
    )
    picture = answer_picture(desk, pictures, query.name, answer, locale)
    if picture:
        embed = {**embed, "image": {"url": f"attachment://{picture.name}", "description": picture.alt}}
    return RenderedAnswer(embed, picture, _button_specs(desk, query, answer, pages, i18n.translator_for(locale)))


def _resolve_model_tokens(question: Query, names: Callable[[NameKind], ModelNameIndex]) -> Query:
    """The query with names in place of the index's tokens."""
    options, network = resolve_tokens(question.options, FOREIGN, names)
    if network and question.name != "compare":
        options["network"] = network
    return replace(question, options=options)


def _answer_embed(desk: QueryContext, question: Query, answer: Document, locale: str) -> tuple[Document, int]:
    rows, number, pages = _page_rows(question, answer)
    stamp = _as_of_time(answer)
    defined = DEFINED.get(question.name)
    facts: dict[str, Any] = {
        "rows": rows,
        "page": {"number": number + 1, "of": pages, "first": number == 0, "stamped": stamp is not None},
        "commands": [i18n.translator_for(locale).translate_word("command", name) for name in QUERIES],
        "definition": queries.method(desk, defined)["definition"] if defined else "",
    }
    embed = render.answer_embed(answer, facts, desk.hidden, locale, _answer_page(desk, answer))
    return ({**embed, "timestamp": stamp} if stamp else embed), pages


def _answer_page(desk: QueryContext, answer: Document) -> str:
    """The address of the page that an answer links to; empty without a public site."""
    if page := answer.get("site_page"):
        return entity_url(desk.site_url, page)
    return page_url(desk.site_url, answer)


def _page_rows(question: Query, answer: Document) -> tuple[list[Any], int, int]:
    """The rows of the requested page, the number of that page, and the number of pages."""
    if question.name not in PAGED:
        return [], 0, 1
    key, size = PAGED[question.name]
    rows: list[Any] = answer[key]
    if question.name in NEWEST_FIRST:
        rows = rows[::-1]
    before, total = 0, len(rows)
    if "pages" in answer:
        before, total = (answer["page"] - 1) * ANSWER_ROWS, answer["count"]
    pages = max(1, -(-total // size))
    number = min(question.page, pages - 1)
    return rows[number * size - before : (number + 1) * size - before], number, pages


def _as_of_time(answer: Document) -> str | None:
    dated = _dated_part(answer)
    composed_at: str | None = dated.get("composed_at") or dated.get("as_of")
    return composed_at


def _dated_part(answer: Document) -> Document:
    """What has the network and the period of an answer: itself, or the first of two sides."""
    return answer["sides"][0] if "sides" in answer else answer


def _digest_embed(desk: QueryContext, document: Document, locale: str) -> tuple[Document, int]:
    address = page_url(desk.site_url, document)
    options = render.PostRenderOptions(locale, tuple(desk.hidden), page_url=address)
    post = render.build_post(document, "discord", options)
    assert post.embed is not None
    return {**post.embed, "timestamp": document["composed_at"]}, 1


DigestDays = Mapping[PeriodName, Sequence[date]]
"""The first days of the periods with a digest."""
UnplacedButton = tuple[str, Query | None, bool]
"""A button without its position: English label, query (`None`: disabled), and whether it is the current view."""


_PERIODS: Mapping[PeriodName, tuple[str, str, str]] = MappingProxyType(
    {
        "day": (N_("Day"), N_("Day before"), N_("Day after")),
        "week": (N_("Week"), N_("Week before"), N_("Week after")),
        "month": (N_("Month"), N_("Month before"), N_("Month after")),
    }
)


def _button_specs(
    desk: QueryContext, question: Query, answer: Document, pages: int, speech: Translator
) -> tuple[ButtonSpec, ...]:
    fixed, dated = _button_query(question, answer), _dated_part(answer)
    days = desk.digest_days(dated["network"]) if dated.get("day") else {}
    rows = [_period_buttons(days, fixed, dated), _step_buttons(days, fixed, dated), _page_buttons(fixed, pages)]
    buttons = [(row, button) for row, group in enumerate(filter(None, rows)) for button in group]
    placed = [
        ButtonSpec(speech.translate_text(label), row, button_id(target or fixed, place), target is not None, current)
        for place, (row, (label, target, current)) in enumerate(buttons)
    ]
    return tuple(button for button in placed if button.id)


def _button_query(question: Query, answer: Document) -> Query:
    """The query for buttons: short, and with the network of the answer."""
    if question.name in ("model", "author", "category"):
        known = IndexedModel(answer["network"], answer["model" if question.name == "model" else "name"])
        return replace(question, options={**question.options, question.name: known.token, "network": known.network})
    if question.name == "compare" and "catalogue" in answer["sides"][0]:
        sides = zip(("model", "other"), answer["sides"], strict=True)
        tokens = {key: IndexedModel(side["network"], side["name"]).token for key, side in sides}
        return replace(question, options={**question.options, **tokens})
    # Buttons lead to other days, which have other editions.
    return question.with_options(edition=None) if "edition" in question.options else question


def _period_buttons(days: DigestDays, question: Query, answer: Document) -> Sequence[UnplacedButton]:
    """The same query for the day, the week and the month of the same day, if they have a digest."""
    if "period" not in query_options(question.name):
        return ()
    day = date.fromisoformat(answer["day"])
    buttons: list[UnplacedButton] = []
    for period in get_args(PeriodName):
        first = Period.for_day(day, period).first
        there = first in days[period]
        target = question.with_options(period=period, day=first.isoformat()) if there else None
        current = period == answer["period"]
        buttons.append((_PERIODS[period][0], None if current else target, current))
    return buttons


def _step_buttons(days: DigestDays, question: Query, answer: Document) -> Sequence[UnplacedButton]:
    """The previous, next and newest period with a digest."""
    if "day" not in query_options(question.name) or answer["day"] is None:
        return ()
    period: PeriodName = answer["period"]
    day = date.fromisoformat(answer["day"])
    earlier = [other_day for other_day in days[period] if other_day < day]
    later = [other_day for other_day in days[period] if other_day > day]
    _, before, after = _PERIODS[period]
    return (
        (before, question.with_options(day=earlier[-1].isoformat()) if earlier else None, False),
        (after, question.with_options(day=later[0].isoformat()) if later else None, False),
        (N_("Newest"), question.with_options(day=None) if later else None, False),
    )


def _page_buttons(question: Query, pages: int) -> Sequence[UnplacedButton]:
    if pages == 1:
        return ()
    number = min(question.page, pages - 1)
    return (
        (N_("Page before"), replace(question, page=number - 1) if number else None, False),
        (N_("Next page"), replace(question, page=number + 1) if number + 1 < pages else None, False),
    )
