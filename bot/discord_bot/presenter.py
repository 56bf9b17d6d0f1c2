"""An answer as Discord gets it: an embed in the templates' words, a picture where a line says more, buttons.

Works off the loop: it asks the database and draws. Pages are slices of an answer; no figure is made here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType
from typing import Any, get_args

from bot import charts, i18n, number_format, queries, render
from bot.discord_bot.chart_cache import ChartCache
from bot.discord_bot.name_index import IndexedModel, ModelNameIndex, is_token
from bot.discord_bot.query import IDLE_SHOWN, MODELS, Query, button_id, query_options
from bot.i18n import N_, Translator
from bot.queries import QueryContext, QueryError
from bot.queries.model_queries import IDLE_ROWS
from bot.queries.registry import QUERIES
from bot.queries.versioned_cache import VersionedCache
from bot.records import Document, Period, PeriodName, Picture
from bot.render import document_translation as told

DEFINED: Mapping[str, str] = MappingProxyType(
    {"usage": "uses", "inventory": "models_listed", "model": "uses", "top": "uses", "why": "uses", "compare": "uses"}
)
"""The metric whose definition stands below an answer that does not carry its own."""
PAGED: Mapping[str, tuple[str, int]] = MappingProxyType(
    {"trend": ("days", 15), "model": ("days", 15), "status": ("catalogues", 6), "about": ("networks", 1)}
    | {"top": ("models", 10), "idle": ("models", IDLE_SHOWN)}
)
"""Which list of an answer is shown in pages, and how much of it at a time."""
NEWEST_FIRST = ("trend", "model")
KEPT = 64
"""Answers; one with a picture holds up to 100 kB."""
LIVE = frozenset({"status"})
"""What is answered anew each time: it says how things stand now."""


@dataclass(frozen=True, slots=True)
class ButtonSpec:
    """One button, and what it asks when it can be pressed."""

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
    """Answers in words, each kept for as long as it would come out the same."""

    desk: QueryContext
    pictures: ChartCache
    recent: VersionedCache

    def present_answer(
        self, question: Query, names: Callable[[], ModelNameIndex], locale: str = "en"
    ) -> RenderedAnswer:
        """Ask and put into words of a language. Raises `QueryError`, `StoreError`."""
        asked = _resolve_model_tokens(question, names)
        if asked.name in LIVE:
            return render_answer(self.desk, self.pictures, asked, locale)
        key = (asked.name, *sorted(asked.options.items()), asked.page, locale)
        mark = (self.desk.data_version(), self.desk.clock().date())
        return self.recent.get_or_compute(key, mark, lambda: render_answer(self.desk, self.pictures, asked, locale))


def render_answer(desk: QueryContext, pictures: ChartCache, query: Query, locale: str) -> RenderedAnswer:
    answer = query.find_answer(desk)
    embed, pages = (
        _digest_embed(desk, answer, locale) if query.name == "digest" else _answer_embed(desk, query, answer, locale)
    )
    picture = _answer_picture(desk, pictures, query, answer, locale)
    if picture:
        embed = {**embed, "image": {"url": f"attachment://{picture.name}", "description": picture.alt}}
    return RenderedAnswer(embed, picture, _button_specs(desk, query, answer, pages, i18n.translator_for(locale)))


def _resolve_model_tokens(question: Query, names: Callable[[], ModelNameIndex]) -> Query:
    """The question with models by their names, where it has the index's stand-ins for them."""
    changed = dict(question.options)
    for key in MODELS:
        text = changed.get(key, "")
        if not is_token(text):
            continue
        known = names().by_token(text)
        if known is None:
            raise QueryError(N_("this model is not known any more; ask again by its name"))
        changed[key] = known.model
        if key == "name":
            changed["network"] = known.network
    return replace(question, options=changed)


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
    embed = render.answer_embed(answer, facts, desk.hidden, locale)
    return ({**embed, "timestamp": stamp} if stamp else embed), pages


def _page_rows(question: Query, answer: Document) -> tuple[list[Any], int, int]:
    """What of an answer's list stands on the page asked for, that page's place, and how many there are."""
    if question.name not in PAGED:
        return [], 0, 1
    key, size = PAGED[question.name]
    rows: list[Any] = answer[key]
    if question.name in NEWEST_FIRST:
        rows = rows[::-1]
    before, total = 0, len(rows)
    if question.name == "idle" and "count" in answer:  # It comes in pages of its own.
        before, total = (answer["page"] - 1) * IDLE_ROWS, answer["count"]
    pages = max(1, -(-total // size))
    number = min(question.page, pages - 1)
    return rows[number * size - before : (number + 1) * size - before], number, pages


def _as_of_time(answer: Document) -> str | None:
    """As of when the answer is."""
    told = answer["sides"][0] if answer["question"] == "compare" else answer
    found: str | None = told.get("composed_at") or told.get("as_of")
    return found


def _digest_embed(desk: QueryContext, document: Document, locale: str) -> tuple[Document, int]:
    post = render.build_post(document, "discord", render.PostRenderOptions(locale, tuple(desk.hidden)))
    assert post.embed is not None
    return {**post.embed, "timestamp": document["composed_at"]}, 1


def _answer_picture(
    desk: QueryContext, pictures: ChartCache, question: Query, answer: Document, locale: str
) -> Picture | None:
    if question.name == "trend":
        return _trend_picture(pictures, answer, locale)
    if question.name in ("usage", "digest"):
        place = (answer["network"], answer["period"], answer["day"])
        document = answer
        if question.name == "usage":
            document = desk.find_digest(place[0], place[1], date.fromisoformat(place[2]))
        drawn = pictures.get_or_draw([*place, answer["edition"], answer["composed_at"]], charts.draw_card, document)
        return replace(drawn, alt=charts.alt_text.describe_card(document, locale))
    return None


def _trend_picture(pictures: ChartCache, answer: Document, locale: str) -> Picture:
    points = [(date.fromisoformat(row["day"]), charts.drawable_value(row["figure"])) for row in answer["days"]]
    form = number_format.display_unit(answer["unit"], answer["label"])
    title = f"{answer['title']}: {answer['label']}"
    speech = i18n.translator_for(locale)
    network, evidence = (speech.translate_word("word", one) for one in (answer["title"], answer["evidence"]))
    heading = speech.say("{network}: {label}", network=network, label=told.translate_to_text(answer["label"], locale))
    source = speech.say("{network}, {evidence}", network=network, evidence=evidence)
    drawn = pictures.get_or_draw([title, form, answer["days"]], charts.draw_trend, points, title, form)
    return replace(drawn, alt=charts.alt_text.describe_trend(points, heading, form, source, locale))


# --- buttons -----------------------------------------------------------------------------------------------------


Made = tuple[str, Query | None, bool]
"""A button before it has its place: its label in English, what it asks (`None`: nothing), whether that is shown now."""


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
    fixed = _button_query(question, answer)
    rows = [_period_buttons(desk, fixed, answer), _step_buttons(desk, fixed, answer), _page_buttons(fixed, pages)]
    made = [(row, one) for row, group in enumerate(filter(None, rows)) for one in group]
    placed = [
        ButtonSpec(speech.translate_text(label), row, button_id(asked or fixed, place), asked is not None, current)
        for place, (row, (label, asked, current)) in enumerate(made)
    ]
    return tuple(button for button in placed if button.id)


def _button_query(question: Query, answer: Document) -> Query:
    """The question as its buttons hold it: short, and about the network that was answered for."""
    if question.name == "model":
        known = IndexedModel(answer["network"], answer["model"])
        return replace(question, options={**question.options, "name": known.token, "network": known.network})
    # Buttons lead to other days, whose editions are others.
    return question.with_options(edition=None) if "edition" in question.options else question


def _period_buttons(desk: QueryContext, question: Query, answer: Document) -> Sequence[Made]:
    """The same about the day, the week and the month that hold the day, where there is a digest of it."""
    if "period" not in query_options(question.name):
        return ()
    day = date.fromisoformat(answer["day"])
    made: list[Made] = []
    for period in get_args(PeriodName):
        first = Period.for_day(day, period).first
        there = first in desk.digest_days(answer["network"], period)
        asked = question.with_options(period=period, day=first.isoformat()) if there else None
        current = period == answer["period"]
        made.append((_PERIODS[period][0], None if current else asked, current))
    return made


def _step_buttons(desk: QueryContext, question: Query, answer: Document) -> Sequence[Made]:
    """The period before and after, of those with a digest, and the newest."""
    if "day" not in query_options(question.name):
        return ()
    period: PeriodName = answer["period"]
    days = desk.digest_days(answer["network"], period)
    day = date.fromisoformat(answer["day"])
    earlier = [one for one in days if one < day]
    later = [one for one in days if one > day]
    _, before, after = _PERIODS[period]
    return (
        (before, question.with_options(day=earlier[-1].isoformat()) if earlier else None, False),
        (after, question.with_options(day=later[0].isoformat()) if later else None, False),
        (N_("Newest"), question.with_options(day=None) if later else None, False),
    )


def _page_buttons(question: Query, pages: int) -> Sequence[Made]:
    if pages == 1:
        return ()
    number = min(question.page, pages - 1)
    return (
        (N_("Page before"), replace(question, page=number - 1) if number else None, False),
        (N_("Next page"), replace(question, page=number + 1) if number + 1 < pages else None, False),
    )
