"""The Jinja environment of everything we publish: sandboxed, strict, and unable to show a number that no figure backs.

Templates get documents through `trace_values`, which marks every number as the document's own. Filters show only
marked values: the result of arithmetic, a literal or a length is refused, and so is anything shown without a filter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, Undefined, nodes, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from bot import i18n
from bot.records.names import NameMask
from bot.render import escaping, text_blocks
from bot.render.compiled_templates import CompiledTemplates
from bot.render.template_filters import template_filters
from bot.render.text_blocks import LINE, PARAGRAPH, LintError, TextBlock, strip_private_use
from bot.render.traced_values import trace_values

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
"""`templates/` at the repository root."""

# Jinja's own filters that select or order values; none that makes text or numbers of them.
_PICKING = {"attr", "batch", "count", "default", "dictsort", "first", "groupby", "items", "last", "length", "list"}
_PICKING |= {"map", "max", "min", "reject", "rejectattr", "reverse", "select", "selectattr", "slice", "sort", "unique"}
_SUMS = (nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow)
_ARITHMETIC = (*_SUMS, nodes.Neg, nodes.Concat)
_METHODS = frozenset({"items", "keys", "values", "get"})


class _Environment(ImmutableSandboxedEnvironment):
    """Refuses templates with anything that would make a number."""

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        _refuse_making(tree, name or "<template>")
        return tree


_COMPILED = {is_page: CompiledTemplates("page" if is_page else "text") for is_page in (False, True)}
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
    environment.filters = picking | template_filters(outlet, locale, NameMask.from_names(hidden))
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
