"""Sends many parts concurrently, one per connection; each job is drawn when a connection is free."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait

from bot.outlets.discord.rest_client import CONNECTIONS
from bot.outlets.types import AccountRefused, Job, Outcome, Part

Begin = Callable[[Part, str], Outcome | Future[Outcome]]
"""Starts to send a part to a destination, or returns at once why not."""


def send_concurrently(jobs: Iterable[Job], begin: Begin) -> Iterator[tuple[str, Outcome]]:
    """Each part's marker and outcome when it is done. After an `AccountRefused`, the remaining jobs get it unsent.
    A send that has started is always completed."""
    flying: dict[Future[Outcome], str] = {}
    halt: AccountRefused | None = None
    try:
        for part, destination in jobs:
            while not halt and len(flying) >= CONNECTIONS:
                for landed, outcome in _completed_sends(flying):
                    halt = outcome if isinstance(outcome, AccountRefused) else halt
                    yield landed, outcome
            begun = halt or begin(part, destination)
            if isinstance(begun, Future):
                flying[begun] = part.marker
            else:
                yield part.marker, begun
        while flying:
            yield from _completed_sends(flying)
    finally:
        wait(flying)


def _completed_sends(flying: dict[Future[Outcome], str]) -> Iterator[tuple[str, Outcome]]:
    for future in wait(flying, return_when=FIRST_COMPLETED).done:
        yield flying.pop(future), future.result()
