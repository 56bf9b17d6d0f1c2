"""A network of sixty models that are each used every day; the list of a night may differ."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from bot import ledger, store
from tests.worlds import ONE, START, snapshot

MODELS = 60


def counts(number: int) -> dict[str, int]:
    """Sixty models, each used every day."""
    return {f"o{n % 7}/m{n}": 1000 + number * (n + 1) for n in range(MODELS)}


def half(number: int) -> dict[str, int]:
    return {name: count for name, count in counts(number).items() if int(name.partition("/m")[2]) % 2}


def day(number: int) -> date:
    return START + number * ONE


def told(db: store.Store, days: int, **other: Mapping[str, int]) -> store.Store:
    """Store the days of the network; those given as `d8={...}` differ."""
    for number in range(days):
        ledger.add_snapshot(db, snapshot(day(number), other.get(f"d{number}", counts(number))))
    return db


USE = sum(range(1, MODELS + 1))
"""Runs of all models on a day."""
