"""The filters of templates: the only ways to show a value, in the words and numbers of one outlet and one language.

Each shows marked values of a document alone and raises `LintError` for anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from jinja2 import Environment, Undefined, pass_environment
from markupsafe import Markup, escape

from bot import i18n, number_format
from bot.records import Message
from bot.records.names import NameMask
from bot.render import document_translation as translations
from bot.render import escaping, text_blocks
from bot.render.text_blocks import OPEN, LintError, mark_text, strip_private_use
from bot.render.traced_values import LeastPart, LeastWhole, LinkedName, TracedFloat, TracedInt, TracedStr

Filter = Callable[..., Any]


def template_filters(outlet: str, locale: str, hidden: NameMask) -> dict[str, Filter]:
    """Every filter that may show a value, by its name in templates."""
    filters = _OutletFilters(outlet, locale, hidden)
    return {**filters.of_numbers(), **filters.of_days(), **filters.of_texts()}


class _OutletFilters:
    """The filters of one outlet and one language."""

    def __init__(self, outlet: str, locale: str, hidden: NameMask) -> None:
        self._outlet, self._locale, self._hidden = outlet, locale, hidden
        self._speech = i18n.translator_for(locale)
        self._rtl = outlet != "site" and self._speech.right_to_left

    def of_numbers(self) -> dict[str, Filter]:
        return {
            "figure": self._figure_filter(number_format.format_figure),  # a figure by its unit: 929, 24.6%, unknown
            "measured": self._figure_filter(number_format.format_figure_with_noun),  # with its noun: 929 models
            "number": self._number_filter(number_format.format_count),  # 3,783
            "spelled": self._number_filter(number_format.spell_count),  # two, 18
            "signed": self._number_filter(number_format.format_signed),  # +3,783
            "compact": self._number_filter(number_format.format_compact),  # 8.7 million
            "counted": self._counted,  # 1 model, 929 models
            "share": self._number_filter(number_format.format_share),  # 24.6%
            "ratio": self._number_filter(number_format.format_ratio),  # +4.1%
            "magnitude": self._number_filter(number_format.format_magnitude),  # 4.1%, after rose or fell
            "points": self._number_filter(number_format.format_points),  # +5.0 points
            "index": self._number_filter(number_format.format_index),  # 0.873
        }

    def of_days(self) -> dict[str, Filter]:
        return {
            "day": self._day_filter(number_format.format_day),  # 12 January 2025
            "short_day": self._day_filter(number_format.format_short_day),  # 12 Jan
            "weekday": self._day_filter(number_format.format_weekday),  # Sunday
            "month": self._day_filter(number_format.format_month),  # January 2025
            "iso": lambda when: self._mark(_own_date(when).isoformat()),  # 2025-01-12
            "until": self._day_range,  # 6 to 12 January
            "moment": lambda at: self._mark(f"<t:{_own_number(at):d}:f>"),  # for Discord, by the reader's clock
        }

    def of_texts(self) -> dict[str, Filter]:
        return {
            "name": self._name,  # a foreign name
            "said": self._text,  # our own text that may hold digits and names: a reason, a gap, a label
            "brief": self._first_sentence,  # the first sentence of our own text
            "word": self._word,  # our own text without digits: a unit, a title
            "status": lambda status: self._word(TracedStr(translations.STATUSES[_own_text(status)])),  # of a digest
            "channel": lambda id: self._mark(f"<#{int(_own_text(id))}>"),  # for Discord: a channel by its name
            "told": _finding,  # a finding as text for this outlet
            "capitalized": self._capitalized,  # Runs, of runs
            # A macro's words, in a template kept as laid out.
            "oneline": lambda text: Markup(text_blocks.tidy_text(text)),  # noqa: S704
            "bold": lambda text: Markup(f"**{text_blocks.tidy_text(text)}**"),  # noqa: S704  # for Discord
            "piece": text_blocks.mark_block,  # a block that may be dropped when not all fits
            "constant": lambda text: self._mark(str(text)),  # a literal: "7 days"
        }

    def _mark(self, text: str) -> Markup:
        shown = str(escape(text)) if self._outlet == "site" else i18n.isolate_text(text, self._rtl)
        return Markup(mark_text(shown))  # noqa: S704

    def _figure_filter(self, show: Callable[..., str]) -> Filter:
        return lambda figure: self._mark(show(_own_figure(figure), self._locale))

    def _number_filter(self, show: Callable[..., str]) -> Filter:
        return lambda number: self._mark(self._with_lower_bound(number, show(_own_number(number), self._locale)))

    def _day_filter(self, show: Callable[..., str]) -> Filter:
        return lambda when: self._mark(show(_own_date(when), self._locale))

    def _day_range(self, first: Any, last: Any) -> Markup:
        return self._mark(number_format.format_day_range(_own_date(first), _own_date(last), self._locale))

    def _with_lower_bound(self, number: Any, shown: str) -> str:
        return number_format.at_least(shown, self._locale) if isinstance(number, LeastWhole | LeastPart) else shown

    def _counted(self, number: Any, unit: str) -> Markup:
        count = _own_number(number)
        if self._speech.language != "en":
            words = number_format.format_with_noun(count, str(unit), self._locale)
            return self._mark(self._with_lower_bound(number, words))
        shown = self._mark(self._with_lower_bound(number, number_format.format_count(count, self._locale)))
        return Markup(f"{shown} {self._word(TracedStr(number_format.english_noun(unit, count)))}")  # noqa: S704

    def _name(self, text: Any, limit: int = escaping.NAME_LIMIT) -> Markup:
        shown = escaping.escape_name(_own_text(text), self._outlet, self._hidden, limit, self._locale)
        if self._outlet == "site" and isinstance(text, LinkedName):
            shown = f'<a href="{escape(text.link)}"><bdi>{shown}</bdi></a>'
        return Markup(mark_text(shown))  # noqa: S704

    def _text(self, text: Any, limit: int = escaping.SAID_LIMIT) -> Markup:
        shown = escaping.escape_text(_own_text(text), self._outlet, self._hidden, limit, self._locale)
        return Markup(mark_text(shown))  # noqa: S704

    def _first_sentence(self, text: Any) -> Markup:
        shown = escaping.escape_first_sentence(_own_text(text), self._outlet, self._hidden, self._locale)
        return Markup(mark_text(shown))  # noqa: S704

    def _word(self, text: Any, limit: int = 40) -> Markup:
        if (shown := translations.translate_word(_own_text(text), self._locale)) is None:
            shown = escaping.escape_text(_own_text(text), self._outlet, self._hidden, limit, self._locale)
        return Markup(strip_private_use(shown))  # noqa: S704

    def _capitalized(self, text: Markup) -> Markup:
        """A filter's result with a capital first letter, for the start of a sentence."""
        bare = text.strip().lstrip(OPEN).strip()
        start = text.index(bare[0]) if bare else 0
        return Markup(text[:start] + self._speech.capitalize_first(text[start:]))  # noqa: S704


@pass_environment
def _finding(environment: Environment, finding: Any, catalogue: Any) -> Markup:
    values = {**finding["values"], "catalogue": catalogue}
    return Markup(environment.get_template(f"findings/{finding['key']}.j2").render(values).strip())  # noqa: S704


def _own_number(number: Any) -> int | float:
    if isinstance(number, TracedInt | TracedFloat):
        return number
    raise LintError(f"found {number!r:.60}, wanted a number from the document, not one computed in a template")


def _own_text(text: Any) -> str:
    if isinstance(text, TracedStr | Message):
        return str(text)
    raise LintError(f"found {text!r:.60}, wanted a text from the document")


def _own_date(when: Any) -> date:
    if isinstance(when, date):
        return when
    try:
        return date.fromisoformat(_own_text(when)[:10])
    except ValueError as error:
        raise LintError(f"found {when!r:.60}, wanted a date like 2025-01-12") from error


def _own_figure(figure: Any) -> Mapping[str, object]:
    if isinstance(figure, Undefined):
        raise LintError(str(figure))
    if not isinstance(figure, Mapping) or "value" not in figure:
        raise LintError(f"found {figure!r:.60}, wanted a figure of the document")
    if figure["value"] is not None and not isinstance(figure["value"], TracedStr):
        _own_number(figure["value"])
    return figure
