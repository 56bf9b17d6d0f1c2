"""A poll of readers: its question and answers from the operator's templates, over the figures of the digest that it
goes with. Linted like any post; one that would show a figure which is unknown is not asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import TemplateError, UndefinedError, nodes

from bot import config, i18n, platform_limits
from bot.records import Poll
from bot.render import environment
from bot.render.text_blocks import LintError, lint_text, tidy_text
from bot.x_text import possible_entities, weighted_length


class PollSkippedError(Exception):
    """A poll cannot be asked. One line: which, and why."""


_LIMITS = {
    "x": (100, platform_limits.X_POLL_ANSWER),
    "discord": (platform_limits.DISCORD_POLL_QUESTION, platform_limits.DISCORD_POLL_ANSWER),
}
"""Of a question and of an answer. A question on X stands in the post, which has 280 in all."""
OUTLETS = tuple(_LIMITS)
"""Where polls can be asked."""


def render_poll(wording: config.PollConfig, facts: Mapping[str, Any], outlet: str, locale: str = "en") -> Poll:
    """The poll as an outlet asks it. `facts` are what templates of digests are given. Raises `PollSkippedError`."""
    (longest, longest_answer), size = _LIMITS[outlet], weighted_length if outlet == "x" else len
    answers = tuple(_render_text(wording, text, facts, outlet, locale) for text in wording.answers)
    question = _render_text(wording, wording.question, facts, outlet, locale)
    _check_length(wording, question, longest, size)
    for answer in answers:
        _check_length(wording, answer, longest_answer, len)
    if len(set(answers)) < len(answers):
        raise PollSkippedError(f"poll {wording.name}: two answers are the same: {', '.join(answers)}")
    if outlet == "x" and (found := [e.text for text in (question, *answers) for e in possible_entities(text)]):
        raise PollSkippedError(f"poll {wording.name}: found {found[0]!r}, which X would link")
    english: tuple[str, ...] = ()
    if i18n.nearest_language(locale) != "en":
        texts = (wording.question, *wording.answers)
        english = tuple(_render_text(wording, text, facts, outlet, "en") for text in texts)
    return Poll(question, answers, wording.lasts, wording.name, english)


def template_mistakes(wording: config.PollConfig) -> list[tuple[str, str]]:
    """What is wrong with a poll's templates themselves: key, what was found and wanted."""
    plain = environment.get_environment("text")
    found = []
    for key, text in (("question", wording.question), *((f"answers.{n}", t) for n, t in enumerate(wording.answers))):
        try:
            for literal in plain.parse(text).find_all(nodes.TemplateData):
                lint_text(literal.data, "template")
        except (TemplateError, LintError) as error:
            found.append((key, f"found {text!r:.60}: {str(error).splitlines()[0]}"))
    return found


def _render_text(wording: config.PollConfig, text: str, facts: Mapping[str, Any], outlet: str, locale: str) -> str:
    # Discord shows the texts of a poll as they are, without formatting.
    made = environment.get_environment("x" if outlet == "x" else "text", locale)
    try:
        raw = made.from_string(text).render(environment.trace_values(_known_figures(facts)))
        return tidy_text(lint_text(raw, f"poll {wording.name}"))
    except UndefinedError as error:
        raise PollSkippedError(
            f"poll {wording.name}: a figure that it shows is unknown or not there: {error}"
        ) from error
    except (TemplateError, LintError) as error:
        raise PollSkippedError(f"poll {wording.name}: {error}") from error


def _known_figures(facts: Mapping[str, Any]) -> dict[str, Any]:
    """`d`, `c` and `f` (the figures of `c`), without the figures that are unknown."""
    figures = {key: figure for key, figure in facts["c"]["figures"].items() if figure["value"] is not None}
    return {"d": facts["d"], "c": {**facts["c"], "figures": figures}, "f": figures}


def _check_length(wording: config.PollConfig, text: str, limit: int, size: Callable[[str], int]) -> None:
    if not 0 < size(text) <= limit:
        raise PollSkippedError(
            f"poll {wording.name}: found {text!r:.80} of {size(text)} characters, wanted 1 to {limit}"
        )
