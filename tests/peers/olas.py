"""A small Mech Marketplace on a real EVM node, with three days on which most of the possible things happen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.records import start_of_day
from bot.sources.olas.settings import OlasSettings
from bot.sources.olas.source import Olas
from tests.peers.anvil import Contract, Node, anvil

ONE = timedelta(days=1)
FIRST = date(2026, 10, 4)
SECOND, THIRD = FIRST + ONE, FIRST + 2 * ONE
NOW = datetime(2026, 10, 7, 2, 0, tzinfo=UTC)
"""After the third day."""
OLD, IDLE, NEW = (f"0x{n:02x}" + "ab" * 19 for n in (1, 2, 3))
"""Mechs: created before the first day, as well and never used, on the second day."""
ANN, BOB, ZOE = (f"0x{n:02x}" + "cd" * 19 for n in (1, 2, 3))
"""Requesters."""
NOBODY = "0x" + "00" * 20
FACTORY, UNKNOWN_FACTORY = "0x8b299c20F87e3fcBfF0e1B86dC0acC06AB6993EF", "0x" + "fa" * 20
CHAIN = 100
FINAL = 70
"""More blocks than the node needs before it calls one final."""


def seconds(day: date, hour: int, minute: int = 0) -> int:
    return int((start_of_day(day) + timedelta(hours=hour, minutes=minute)).timestamp())


@dataclass
class World:
    """The node and its marketplace."""

    node: Node
    marketplace: Contract
    uses: dict[date, dict[str, int]] = field(default_factory=dict)
    """What was delivered, by day and mech."""

    def settings(self, **changed: Any) -> OlasSettings:
        """Settings that read this node."""
        chosen = {"api": (self.node.url,), "chain_id": CHAIN, "marketplace": self.marketplace.address, "first_block": 1}
        chosen |= {"backfill": 3, "rate": 100.0, "budget": 60.0, "silence": 30.0, "window": 5, "list_window": 4}
        return OlasSettings(**{**chosen, **changed})

    def source(self, data: Path, now: datetime = NOW, **changed: Any) -> Olas:
        return Olas(self.settings(**changed), data, lambda: now)

    def send(self, day: date, hour: int, function: str, *args: Any) -> dict[str, Any]:
        """Call a function of the marketplace in a block of that hour."""
        self.node.at(seconds(day, hour))
        return self.marketplace.send(function, *args)

    def deliver(self, day: date, hour: int, mech: str, *requesters: str) -> dict[str, Any]:
        """Requests on chain and, in the next block, their delivery; the zero address: delivered before by another."""
        asked = [requester for requester in requesters if requester != NOBODY]
        for requester in asked:
            self.marketplace.send("request", mech, requester, 1)
        self._count(day, mech, len(asked))
        return self.send(day, hour, "deliver", mech, list(requesters))

    def settle(self, day: date, hour: int, mech: str, requester: str, number: int) -> dict[str, Any]:
        """A settlement of requests made off chain."""
        self._count(day, mech, number)
        return self.send(day, hour, "settle", mech, requester, number)

    def finish(self, day: date, hour: int = 1) -> None:
        """Make everything up to an hour final."""
        self.node.at(seconds(day, hour))
        self.node.mine()
        self.node.mine(FINAL)

    def _count(self, day: date, mech: str, number: int) -> None:
        of_day = self.uses.setdefault(day, {})
        of_day[mech] = of_day.get(mech, 0) + number


@contextmanager
def world() -> Iterator[World]:
    """Two mechs from before the first day; each day has 6 deliveries or more of both kinds."""
    with anvil("--timestamp", str(seconds(FIRST - 3 * ONE, 20)), "--chain-id", str(CHAIN)) as node:
        made = World(node, node.deploy("MechMarketplace"))
        made.send(FIRST - 2 * ONE, 9, "create", OLD, 1, FACTORY)
        made.send(FIRST - 2 * ONE, 10, "create", IDLE, 2, UNKNOWN_FACTORY)
        made.settle(FIRST - 2 * ONE, 11, OLD, ANN, 50)
        made.node.at(seconds(FIRST, 8))
        made.deliver(FIRST, 9, OLD, ANN, ANN, BOB)
        made.settle(FIRST, 10, OLD, ZOE, 3)
        made.node.at(seconds(SECOND, 8))
        made.send(SECOND, 8, "create", NEW, 3, FACTORY)
        made.deliver(SECOND, 9, OLD, ANN, NOBODY, ANN)
        made.deliver(SECOND, 10, NEW, NOBODY)
        made.settle(SECOND, 12, NEW, ANN, 4)
        made.node.at(seconds(THIRD, 8))
        made.deliver(THIRD, 9, NEW, BOB)
        made.settle(THIRD, 10, OLD, ANN, 7)
        made.finish(THIRD + ONE)
        yield made
