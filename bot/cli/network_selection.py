"""Commands over several networks: networks that fail get one line each on standard error, the others are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

import click

from bot import pipeline
from bot.records import FootfallError

T = TypeVar("T")

FAILED = 1
"""The exit code of an error that is a failure; other codes mean that there is nothing to show."""
PARTLY = 3


@dataclass(frozen=True, slots=True)
class Answers(Generic[T]):
    """The networks' answers, in the order of the configuration."""

    answers: list[T]
    exit_code: int
    """0, or 3 if a network failed. Having nothing for that day is not a failure."""


def answer_each(plans: Iterable[pipeline.NetworkPlan], answer: Callable[[pipeline.NetworkPlan], T]) -> Answers[T]:
    """The answer of each network that can give one. If none can, raises the gravest error."""
    answers: list[T] = []
    errors: list[FootfallError] = []
    for plan in plans:
        try:
            answers.append(answer(plan))
        except FootfallError as error:
            errors.append(error)
    gravest = min(errors, key=lambda error: error.exit_code != FAILED, default=None)
    if gravest and not answers:
        errors = [error for error in errors if str(error) != str(gravest)]
    for line in dict.fromkeys(map(str, errors)):
        click.echo(f"left out: {line}", err=True)
    if gravest and not answers:
        raise gravest
    return Answers(answers, PARTLY if gravest and gravest.exit_code == FAILED else 0)
