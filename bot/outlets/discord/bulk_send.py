"""Many sendings under way at once: as many as there are connections, drawn one by one as places become free."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait

from bot.outlets.discord.rest_client import CONNECTIONS
from bot.outlets.types import AccountRefused, Job, Outcome, Part

Begin = Callable[[Part, str], Outcome | Future[Outcome]]
"""Begins to send a part to a destination, or says at once why not."""


def send_concurrently(jobs: Iterable[Job], begin: Begin) -> Iterator[tuple[str, Outcome]]:
    """Each part's marker and its outcome as it lands. After a `AccountRefused` the jobs left get that, unsent. However
    it is left, what is under way lands first."""
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
