"""The Jinja environment of everything we publish: sandboxed, strict, and unable to show a number that no figure backs.

Templates get documents through `trace_values`, which marks every number as the document's own. Filters show only
marked values: the result of arithmetic, a literal or a length is refused, and so is anything shown without a filter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Undefined, nodes, pass_context, pass_environment
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from bot import i18n, number_format
from bot.records import Message
from bot.records.names import NameMask
from bot.render import document_translation as translations
from bot.render import escaping, text_blocks
from bot.render.compiled_templates import CompiledTemplates
from bot.render.text_blocks import LINE, OPEN, PARAGRAPH, LintError, TextBlock, mark_text, strip_private_use

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
"""`templates/` at the repository root."""

# Jinja's own filters that select or order values; none that makes text or numbers of them.
_PICKING = {"attr", "batch", "count", "default", "dictsort", "first", "groupby", "items", "last", "length", "list"}
_PICKING |= {"map", "max", "min", "reject", "rejectattr", "reverse", "select", "selectattr", "slice", "sort", "unique"}
_SUMS = (nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow)
_ARITHMETIC = (*_SUMS, nodes.Neg, nodes.Concat)
_METHODS = frozenset({"items", "keys", "values", "get"})


class TracedInt(int):
    """An integer from a document. Arithmetic on it gives a plain `int`, which no filter shows."""

    __slots__ = ()


class TracedFloat(float):
    """A float from a document."""

    __slots__ = ()


class LeastWhole(TracedInt):
    """A lower bound from a document, as an integer; every filter shows that."""

    __slots__ = ()


class LeastPart(TracedFloat):
    """A lower bound from a document, as a float."""

    __slots__ = ()


class TracedStr(str):
    """Text from a document."""

    __slots__ = ()


class LinkedName(TracedStr):
    """A name from a document that pages show as a link."""

    __slots__ = ("link",)
    link: str

    def __new__(cls, name: str, link: str) -> LinkedName:
        linked = super().__new__(cls, name)
        linked.link = link
        return linked


def trace_values(value: Any, at_least: bool = False, traced: dict[int, Any] | None = None) -> Any:
    """A document (or a part of one) with every number and text marked as its own. `at_least`: the part's numbers are
    lower bounds. `traced`: what was marked before, by identity, since a part may stand in several places."""
    match value:
        case bool() | None | Markup() | Message() | LinkedName():
            return value
        case str():
            return TracedStr(value)
        case int():
            return LeastWhole(value) if at_least else TracedInt(value)
        case float():
            return LeastPart(value) if at_least else TracedFloat(value)
        case Mapping() | list() | tuple():
            traced = {} if traced is None else traced
            if id(value) not in traced:
                traced[id(value)] = _trace_parts(value, traced)
            return traced[id(value)]
    return value


def _trace_parts(value: Mapping[Any, Any] | Sequence[Any], traced: dict[int, Any]) -> Any:
    if not isinstance(value, Mapping):
        return [trace_values(held, traced=traced) for held in value]
    # A place among what is known is no bound.
    least = value.get("at_least") is True
    return {key: trace_values(held, least and key != "rank", traced) for key, held in value.items()}


class _Environment(ImmutableSandboxedEnvironment):
    """Refuses templates with anything that would make a number."""

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        _refuse_making(tree, name or "<template>")
        return tree


_COMPILED = {is_page: CompiledTemplates() for is_page in (False, True)}
"""Pages keep other line breaks."""


def render_template(outlet: str, template: str, locale: str = "en", hidden: Iterable[str] = (), **context: Any) -> str:
    """A template's text, linted. All values of `context` count as a document's. Raises `LintError`."""
    return text_blocks.lint_text(
        _render_marked(outlet, template, context, locale, hidden), template, html=outlet == "site"
    )


def render_blocks(
    outlet: str, template: str, context: Mapping[str, Any], locale: str = "en", hidden: Iterable[str] = ()
) -> tuple[TextBlock, ...]:
    """A template's blocks, each linted. Raises `LintError`."""
    return text_blocks.parse_blocks(_render_marked(outlet, template, context, locale, hidden), template)


def _render_marked(outlet: str, template: str, context: Mapping[str, Any], locale: str, hidden: Iterable[str]) -> str:
    """A template's text with marks for the lint."""
    words = get_environment(outlet, locale, tuple(hidden))
    try:
        return words.get_template(template).render(trace_values(context))
    except LintError as error:
        raise LintError(str(error) if template in str(error) else f"{template}: {error}") from error


@lru_cache(maxsize=128)
def get_environment(outlet: str, locale: str = "en", hidden: tuple[str, ...] = ()) -> ImmutableSandboxedEnvironment:
    """The environment of one outlet, of "text" (a terminal) or of "site" (pages). Cached: do not change it; add filters
    for pages through `overlay()`."""
    escaping.format_of(outlet)  # raises `KeyError`
    environment = _Environment(
        loader=FileSystemLoader(TEMPLATES),
        bytecode_cache=_COMPILED[outlet == "site"],
        optimized=False,  # it would put what filters return, in one language, into the compiled template
        auto_reload=False,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        autoescape=True,  # filters return Markup that is escaped for their outlet; on pages, plain text becomes HTML
        finalize=_shown_by_filter(outlet),
        trim_blocks=outlet == "site",  # posts take every line break of a template as a space
        lstrip_blocks=outlet == "site",
    )
    environment.globals.update(line=LINE, paragraph=PARAGRAPH)
    environment.policies["ext.i18n.trimmed"] = True
    speech = i18n.translator_for(locale)
    # Translations are as trusted as the templates, and under the same lint: `%` inserts values from filters.
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        speech.translate_text,
        speech.translate_plural,
        newstyle=True,
        pgettext=speech.translate_word,
        npgettext=speech.translate_plural_word,
    )
    picking = {key: environment.filters[key] for key in _PICKING}
    environment.filters = picking | _template_filters(outlet, locale, NameMask.from_names(hidden))
    return environment


def _shown_by_filter(outlet: str) -> Callable[..., Any]:
    """The values that `{{ }}` may show: results of a filter, a macro or a block; on pages also plain text."""

    @pass_context  # without a context, Jinja calls it while it compiles, with what filters make of literals
    def finalize(_context: Context, value: Any) -> Any:
        if isinstance(value, Undefined):
            return str(value)
        if isinstance(value, Markup):
            return value
        if outlet == "site" and isinstance(value, str):
            return strip_private_use(value)
        raise LintError(f"found {value!r:.60} shown as it is, wanted a filter: figure, number, day, name, said, word")

    return finalize


def _template_filters(outlet: str, locale: str, hidden: NameMask) -> dict[str, Callable[..., Any]]:
    """The filters that may show a value."""

    speech = i18n.translator_for(locale)
    rtl = outlet != "site" and speech.right_to_left

    def mark(text: str) -> Markup:
        return Markup(mark_text(str(escape(text)) if outlet == "site" else i18n.isolate_text(text, rtl)))  # noqa: S704

    def of_figure(show: Callable[..., str]) -> Callable[..., Markup]:
        return lambda figure: mark(show(_own_figure(figure), locale))

    def of_number(show: Callable[..., str]) -> Callable[..., Markup]:
        return lambda number: mark(_with_lower_bound(number, show(_own_number(number), locale), locale))

    def name(text: Any, limit: int = escaping.NAME_LIMIT) -> Markup:
        shown = escaping.escape_name(_own_text(text), outlet, hidden, limit, locale)
        if outlet == "site" and isinstance(text, LinkedName):
            shown = f'<a href="{escape(text.link)}"><bdi>{shown}</bdi></a>'
        return Markup(mark_text(shown))  # noqa: S704

    def show_text(text: Any, limit: int = escaping.SAID_LIMIT) -> Markup:
        return Markup(mark_text(escaping.escape_text(_own_text(text), outlet, hidden, limit, locale)))  # noqa: S704

    def show_first_sentence(text: Any) -> Markup:
        return Markup(mark_text(escaping.escape_first_sentence(_own_text(text), outlet, hidden, locale)))  # noqa: S704

    def word(text: Any, limit: int = 40) -> Markup:
        if (shown := translations.translate_word(_own_text(text), locale)) is None:
            shown = escaping.escape_text(_own_text(text), outlet, hidden, limit, locale)
        return Markup(strip_private_use(shown))  # noqa: S704

    def counted(number: Any, unit: str) -> Markup:
        held = _own_number(number)
        if speech.language != "en":
            return mark(_with_lower_bound(number, number_format.format_with_noun(held, str(unit), locale), locale))
        shown = mark(_with_lower_bound(number, number_format.format_count(held, locale), locale))
        return Markup(f"{shown} {word(TracedStr(number_format.english_noun(unit, held)))}")  # noqa: S704

    def capitalized(text: Markup) -> Markup:
        """A filter's result with a capital first letter, for the start of a sentence."""
        bare = text.strip().lstrip(OPEN).strip()
        start = text.index(bare[0]) if bare else 0
        return Markup(text[:start] + speech.capitalize_first(text[start:]))  # noqa: S704

    @pass_environment
    def show_finding(words: Environment, finding: Any, catalogue: Any) -> Markup:
        held = {**finding["values"], "catalogue": catalogue}
        return Markup(words.get_template(f"findings/{finding['key']}.j2").render(held).strip())  # noqa: S704

    return {
        "figure": of_figure(number_format.format_figure),  # a figure by its unit: 929, 24.6%, unknown
        "measured": of_figure(number_format.format_figure_with_noun),  # a figure with its noun: 929 models
        "number": of_number(number_format.format_count),  # 3,783
        "spelled": of_number(number_format.spell_count),  # two, 18
        "signed": of_number(number_format.format_signed),  # +3,783
        "compact": of_number(number_format.format_compact),  # 8.7 million
        "counted": counted,  # 1 model, 929 models
        "share": of_number(number_format.format_share),  # 24.6%
        "ratio": of_number(number_format.format_ratio),  # +4.1%
        "magnitude": of_number(number_format.format_magnitude),  # 4.1%, after rose or fell
        "points": of_number(number_format.format_points),  # +5.0 points
        "index": of_number(number_format.format_index),  # 0.873
        "day": lambda when: mark(number_format.format_day(_own_date(when), locale)),  # 12 January 2025
        "short_day": lambda when: mark(number_format.format_short_day(_own_date(when), locale)),  # 12 Jan
        "weekday": lambda when: mark(number_format.format_weekday(_own_date(when), locale)),  # Sunday
        "iso": lambda when: mark(_own_date(when).isoformat()),  # 2025-01-12
        "month": lambda when: mark(number_format.format_month(_own_date(when), locale)),  # January 2025
        # 6 to 12 January
        "until": lambda first, last: mark(number_format.format_day_range(_own_date(first), _own_date(last), locale)),
        "name": name,  # a foreign name
        "said": show_text,  # our own text that may hold digits and names: a reason, a gap, a label
        "brief": show_first_sentence,  # the first sentence of our own text
        "word": word,  # our own text without digits: a unit, a title
        "status": lambda status: word(TracedStr(translations.STATUSES[_own_text(status)])),  # of a digest
        "channel": lambda id: mark(f"<#{int(_own_text(id))}>"),  # for Discord: a channel by its name
        "moment": lambda at: mark(
            f"<t:{_own_number(at):d}:f>"
        ),  # for Discord: seconds since 1970, by the reader's clock
        "told": show_finding,  # a finding as text for this outlet
        "capitalized": capitalized,  # Runs, of runs
        # A macro's words, in a template kept as laid out.
        "oneline": lambda text: Markup(text_blocks.tidy_text(text)),  # noqa: S704
        "bold": lambda text: Markup(f"**{text_blocks.tidy_text(text)}**"),  # noqa: S704  # for Discord
        "piece": text_blocks.mark_block,  # a block that may be dropped when not all fits
        "constant": lambda text: mark(str(text)),  # a literal: "7 days"
    }


def _with_lower_bound(number: Any, shown: str, locale: str) -> str:
    return number_format.at_least(shown, locale) if isinstance(number, LeastWhole | LeastPart) else shown


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


def _refuse_making(tree: nodes.Template, template: str) -> None:
    """Raises `LintError` for arithmetic, for text built by methods, and for a constant that is not a literal."""
    modules = {node.target for node in tree.find_all(nodes.Import)}
    for node in tree.find_all((*_ARITHMETIC, nodes.Filter, nodes.Call)):
        where = f"{template}:{node.lineno}"
        if isinstance(node, _ARITHMETIC):
            kind = type(node).__name__.lower()
            raise LintError(f"{where}: found {kind} in a template, wanted a figure: compute it as a metric")
        if isinstance(node, nodes.Filter) and node.name == "constant" and not _is_literal(node.node):
            raise LintError(f"{where}: found a computed constant, wanted a literal string before | constant")
        if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
            inside = node.node.node
            if node.node.attr not in _METHODS and not (isinstance(inside, nodes.Name) and inside.name in modules):
                raise LintError(f"{where}: found a call of .{node.node.attr}(), wanted a filter")


def _is_literal(node: nodes.Node | None) -> bool:
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name == "_":
        return len(node.args) == 1 and _is_literal(node.args[0])
    return isinstance(node, nodes.Const) and isinstance(node.value, str)
