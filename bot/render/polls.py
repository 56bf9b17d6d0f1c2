"""A poll of readers: question and answers from the operator's templates, with the figures of its digest. Linted like a
post; a poll that would show an unknown figure is not posted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import TemplateError, UndefinedError, nodes

from bot import config, i18n, outlets
from bot.records import Poll
from bot.render import environment
from bot.render.text_blocks import LintError, lint_text, tidy_text
from bot.render.traced_values import trace_values


class PollSkippedError(Exception):
    """A poll that is not posted. One line: which, and why."""


def render_poll(wording: config.PollConfig, facts: Mapping[str, Any], outlet: str, locale: str = "en") -> Poll:
    """The poll for an outlet. `facts` is the context of a digest's templates. Raises `PollSkippedError`."""
    declared = outlets.post_format(outlet)
    if (limits := declared.poll) is None:
        raise PollSkippedError(f"poll {wording.name}: {outlet} has no polls")
    answers = tuple(_render_text(wording, text, facts, outlet, locale) for text in wording.answers)
    question = _render_text(wording, wording.question, facts, outlet, locale)
    _check_length(wording, question, limits.question, declared.size)
    for answer in answers:
        _check_length(wording, answer, limits.answer, len)
    if len(set(answers)) < len(answers):
        raise PollSkippedError(f"poll {wording.name}: two answers are the same: {', '.join(answers)}")
    if links := [part for text in (question, *answers) for part in declared.linked(text)]:
        raise PollSkippedError(
            f"poll {wording.name}: found {links[0]!r}, which {outlets.load_module(outlet).TITLE} would link"
        )
    english: tuple[str, ...] = ()
    if i18n.nearest_language(locale) != "en":
        texts = (wording.question, *wording.answers)
        english = tuple(_render_text(wording, text, facts, outlet, "en") for text in texts)
    return Poll(question, answers, wording.lasts, wording.name, english)


def template_mistakes(wording: config.PollConfig) -> list[tuple[str, str]]:
    """The errors of a poll's templates: key, what was found and wanted."""
    plain = environment.get_environment("text")
    mistakes = []
    for key, text in (("question", wording.question), *((f"answers.{n}", t) for n, t in enumerate(wording.answers))):
        try:
            for literal in plain.parse(text).find_all(nodes.TemplateData):
                lint_text(literal.data, "template")
        except (TemplateError, LintError) as error:
            mistakes.append((key, f"found {text!r:.60}: {str(error).splitlines()[0]}"))
    return mistakes


def _render_text(wording: config.PollConfig, text: str, facts: Mapping[str, Any], outlet: str, locale: str) -> str:
    # An embed is formatted; beside it, the texts of a poll are shown without formatting.
    plain = outlets.post_format(outlet).form == "embed"
    environ = environment.get_environment("text" if plain else outlet, locale)
    try:
        raw = environ.from_string(text).render(trace_values(_known_figures(facts)))
        return tidy_text(lint_text(raw, f"poll {wording.name}"))
    except UndefinedError as error:
        raise PollSkippedError(
            f"poll {wording.name}: a figure that it shows is unknown or not there: {error}"
        ) from error
    except (TemplateError, LintError) as error:
        raise PollSkippedError(f"poll {wording.name}: {error}") from error


def _known_figures(facts: Mapping[str, Any]) -> dict[str, Any]:
    """`d`, `c` and `f` (the figures of `c`), without unknown figures."""
    figures = {key: figure for key, figure in facts["c"]["figures"].items() if figure["value"] is not None}
    return {"d": facts["d"], "c": {**facts["c"], "figures": figures}, "f": figures}


def _check_length(wording: config.PollConfig, text: str, limit: int, size: Callable[[str], int]) -> None:
    if not 0 < size(text) <= limit:
        raise PollSkippedError(
            f"poll {wording.name}: found {text!r:.80} of {size(text)} characters, wanted 1 to {limit}"
        )
