"""Commands over several networks: those that can answer do, the others are named on standard error in one line each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

import click

from bot import pipeline
from bot.records import FootfallError

T = TypeVar("T")

FAILED = 1
"""The exit code of an error that is a failure; others say that there is nothing to answer with."""
PARTLY = 3


@dataclass(frozen=True, slots=True)
class Answers(Generic[T]):
    """What the networks answered, in the order of the configuration."""

    answers: list[T]
    exit_code: int
    """0, or 3 where a network failed; one that has nothing for that day has not failed."""


def answer_each(plans: Iterable[pipeline.NetworkPlan], answer: Callable[[pipeline.NetworkPlan], T]) -> Answers[T]:
    """The answer of each network that can give one. Raises the gravest error where none can."""
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
