"""What networks said: records as they were read, and what can be asked of them.

`add` keeps a snapshot, `book` answers with everything that one catalogue's figures for one period are computed from,
the rest are the questions that faces ask.
"""

from bot.ledger.books import HISTORY, book
from bot.ledger.questions import Row, Span, days, history_of, known_names, mark, names_by_use, ranking, span
from bot.ledger.snapshots import CLOSES_WITHIN, Added, add, closed_day

__all__ = [
    "CLOSES_WITHIN",
    "HISTORY",
    "Added",
    "Row",
    "Span",
    "add",
    "book",
    "closed_day",
    "days",
    "history_of",
    "known_names",
    "mark",
    "names_by_use",
    "ranking",
    "span",
]
