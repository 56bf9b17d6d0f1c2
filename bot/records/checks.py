"""What `doctor` reports of one thing, and how a check that fails becomes such a report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from bot.records.errors import FootfallError


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of `doctor`."""

    name: str
    ok: bool | None
    """`None`: it could not be found out."""
    text: str
    fix: str = ""
    """What to do; to be shown unless `ok` is true."""
    place: str = ""
    """The destination that it is of; empty: it is of an account or of Footfall itself."""


def try_check(name: str, fix: str, look: Callable[[], str | Iterable[CheckResult]]) -> Iterator[CheckResult]:
    """What a look finds: results of its own, or the words of one; where it fails, the error with what to do."""
    try:
        outcome = look()
        yield from [CheckResult(name, True, outcome)] if isinstance(outcome, str) else outcome
    except FootfallError as error:
        yield CheckResult(name, False, str(error), fix)
