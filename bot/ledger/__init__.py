"""What networks said: records as they were read, and what can be asked of them.

`add` keeps a snapshot, `add_haul` what an event source told (`keep_haul` and `add_up` are its two halves), `book` and
`panel` answer with everything that figures for one period are computed from, the rest are the questions that faces ask.
"""

from bot.ledger import books, event_books, groups
from bot.ledger.asking import HISTORY
from bot.ledger.event_books import panel
from bot.ledger.event_days import add_up
from bot.ledger.events import Kept, add_haul, keep_haul
from bot.ledger.holds import Decision, Hold, composed_again, decided, held_at, holds, outdated_since
from bot.ledger.memory import Memory
from bot.ledger.questions import (
    Row,
    Span,
    days,
    history_of,
    known_names,
    mark,
    names_by_use,
    ranking,
    read_span,
    span,
)
from bot.ledger.snapshots import CLOSES_WITHIN, Added, add, closed_day
from bot.ledger.standings import Moves, Offer, Offered, Standing, Used, moves, offer, standing
from bot.records import Book, Catalogue, Period
from bot.store import Store

__all__ = [
    "CLOSES_WITHIN",
    "HISTORY",
    "Added",
    "Decision",
    "Hold",
    "Kept",
    "Memory",
    "Moves",
    "Offer",
    "Offered",
    "Row",
    "Span",
    "Standing",
    "Used",
    "add",
    "add_haul",
    "add_up",
    "book",
    "closed_day",
    "composed_again",
    "days",
    "decided",
    "held_at",
    "history_of",
    "holds",
    "keep_haul",
    "known_names",
    "mark",
    "moves",
    "names_by_use",
    "offer",
    "outdated_since",
    "panel",
    "ranking",
    "read_span",
    "span",
    "standing",
]


def book(store: Store, catalogue: Catalogue, period: Period, of_callers: bool = True) -> Book:
    """The book of one catalogue and period. What is not known stands in it as `Unknown`, with the reason. Those who
    called may be left out: over many days they are counted in the lake."""
    if catalogue.evidences:
        return groups.grouped(store, event_books.book(store, catalogue, period, of_callers))
    return groups.grouped(store, books.book(store, catalogue, period))
