"""OpenGradient, asked: every way of reading it in turn, each of which may fail for itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from bot.records import Haul, Period, Snapshot, instant
from bot.sources import Memory, SourceError, _og_beside, _og_emitters, _og_logs, _og_payments, _og_records, _raw
from bot.sources._evm import Chain, Cursor, Filter, Unreachable
from bot.sources._evm_events import topic_of
from bot.sources._evm_inference import ModelInference
from bot.sources._hub import Inventory, inventory
from bot.sources._hub_files import Files
from bot.sources._og_choices import (
    INFERRED_SINCE,
    PAID_SINCE,
    SETTLED_SINCE,
    ChainChoice,
    Settings,
    addresses,
    chains,
    enough,
    lowered,
)
from bot.sources._og_judge import Court
from bot.sources._tee import Registries
from bot.sources._walrus import Walrus


@dataclass(frozen=True, slots=True)
class OpenGradient:
    """The network, asked."""

    chosen: Settings
    data: Path
    clock: Callable[[], datetime]
    executor: Executor | None = None

    @property
    def settles_for(self) -> timedelta:
        """Batches, blobs and keys come late: the last three days are read again."""
        return timedelta(days=_og_logs.LATE)

    def hauls(self, wanted: Period | None, memory: Memory) -> Iterator[Snapshot | Haul]:
        """Every way of reading it in turn; what fails is said at the end. Raises `SourceError`."""
        out = _og_beside.silent(addresses(self.chosen), self.chosen.look, chains(self.chosen))
        errors = list(out.values())
        dead: set[str] = set()
        with ExitStack() as stack:
            for place, part in self._parts(wanted, memory, out, stack):
                if place in dead:
                    continue
                try:
                    yield from part()
                except SourceError as error:
                    errors += str(error).splitlines()
                    # What was tried for long enough once is not tried again for every figure.
                    dead |= {place} if isinstance(error, Unreachable) else set()
        if errors:
            raise SourceError("\n".join(dict.fromkeys(errors)))

    def _parts(
        self, wanted: Period | None, memory: Memory, out: Mapping[str, str], stack: ExitStack
    ) -> Iterator[tuple[str, Callable[[], Iterator[Snapshot | Haul]]]]:
        """What can be read now and where, in the order in which one part needs another."""
        chosen, now = self.chosen, self.clock()
        client = stack.enter_context(httpx.Client(headers={"User-Agent": "footfall"}, follow_redirects=False))
        found: list[Inventory] = []
        payees: set[str] = {*lowered(chosen.payees), *_og_beside.paid_at(memory)}
        if enough(chosen.settlements, out):
            chain = stack.enter_context(self._opened(chosen.settlements, memory, "settlements", out))
            relays = lowered(chosen.relays)
            wants = Filter(relays, _og_records.SETTLES)
            reading = _og_logs.Reading(
                "settlements", "llm", chain, wants, _og_records.settled, self.lake, SETTLED_SINCE
            )
            yield "settlements", lambda: reading.hauls(wanted, memory, now.date())
            if any(url not in out for url in chosen.aggregators):
                yield "settlements", lambda: self._judged(chain, client, memory, now)
            yield "settlements", lambda: self._enclaves(chain, now, payees)
            yield "settlements", lambda: _og_emitters.hauls(chain, relays, memory, now, wanted)
        if chosen.hub not in out and _og_beside.worth_listing(memory, now):
            yield "hub", lambda: self._inventory(client, memory, now, found)
        if enough(chosen.hub_chain, out):
            old = stack.enter_context(self._opened(chosen.hub_chain, memory, "hub", out))
            wants_hub = Filter(lowered((chosen.precompile,)), ((topic_of(ModelInference),),))
            of_hub = _og_logs.Reading(
                "hub", "hub", old, wants_hub, _og_records.inferred(old), self.lake, INFERRED_SINCE
            )
            yield "hub chain", lambda: of_hub.hauls(wanted, memory, now.date())
        if found:
            yield "hub", lambda: self._mapped(client, memory, found[0], now)
        if enough(chosen.base, out):
            base = stack.enter_context(self._opened(chosen.base, memory, "payments", out))
            yield "base", lambda: self._paid(base, payees).hauls(wanted, memory, now.date())
        if chosen.facilitator not in out:
            yield "facilitator", lambda: _og_beside.reported(client, chosen.facilitator, now, _since(wanted, now))

    @property
    def lake(self) -> Path:
        return lake(self.data)

    def _opened(self, choice: ChainChoice, memory: Memory, name: str, out: Mapping[str, str]) -> Chain:
        kept = memory.cursor(name)
        genesis = Cursor.read(kept).genesis if kept else None
        return choice.opened(genesis, self.chosen.budget, out, self.executor, self.chosen.tries)

    def _judged(self, chain: Chain, client: httpx.Client, memory: Memory, now: datetime) -> Iterator[Haul]:
        since = now.date() - timedelta(days=_og_logs.LATE)
        yield from court(self.chosen, self.data, chain, client, self.executor).hauls(memory, now, since)

    def _enclaves(self, chain: Chain, now: datetime, payees: set[str]) -> Iterator[Haul]:
        haul, paid_at = _og_beside.enclaves(chain, self.chosen.registries, now)
        payees |= paid_at
        yield replace(haul, cursors=_og_beside.remembered(payees))

    def _inventory(
        self, client: httpx.Client, memory: Memory, now: datetime, found: list[Inventory]
    ) -> Iterator[Snapshot | Haul]:
        known = [tuple(str(name).split("/", 1)) for name in memory.names("hub")]
        before = {(author, name) for author, name in known} if known else None
        with _raw.keeping(self.lake) as raw:
            made = inventory(client, self.chosen.hub, now, before, raw.add)
        found.append(made)
        read = made.snapshot
        early = now - instant(now.date()) <= _og_beside.CLOSES_WITHIN
        closes = now.date() - timedelta(days=1) if early else None
        note = "\n".join(filter(None, [read.note, f"The Hub's list was read at {now:%H:%M} UTC of {now:%-d %b %Y}."]))
        yield Snapshot(
            *(read.network, read.catalogue, read.at, read.ref, read.listings, read.readings),
            unplaced=read.unplaced,
            note=note,
            closes=closes,
        )
        yield Haul("opengradient", "hub", f"{len(made.entries)} models of the Hub", cursors=_og_beside.listed(now))

    def _mapped(self, client: httpx.Client, memory: Memory, found: Inventory, now: datetime) -> Iterator[Haul]:
        """Uses whose content id some model turns out to hold; of days read again, also those kept as another's."""
        lost = memory.unattributed("hub", now.date() - timedelta(days=30))
        wanted = {use.content for use in lost} - found.content.keys() - found.disputed
        owners = dict(found.content)
        if wanted:
            files = Files(client, self.chosen.hub, self.data / "opengradient" / "hub_files.json")
            owners |= files.owners(wanted, found.entries, now.date())
        learns = [use for use in lost if use.content in owners and owners[use.content] != use.model]
        named, renames = {use.content: owners[use.content] for use in learns}, any(use.model for use in learns)
        if named:
            days = tuple(now.date() - timedelta(days=n) for n in range(30, -1, -1))
            yield Haul(
                "opengradient", "hub", f"whose {len(named)} content ids are", days=days, owners=named, renames=renames
            )

    def _paid(self, chain: Chain, payees: set[str]) -> _og_logs.Reading:
        token, channel = self.chosen.token.lower(), self.chosen.channel.lower()
        wants = _og_payments.transfers(token, sorted(payees))
        made = _og_payments.paid(chain, lowered(self.chosen.proxies), channel)
        return _og_logs.Reading("payments", "payments", chain, wants, made, self.lake, PAID_SINCE)


def lake(data: Path) -> Path:
    """Where raw bytes are kept."""
    return data / "lake" / "raw" / "opengradient"


def court(chosen: Settings, data: Path, chain: Chain, client: httpx.Client, executor: Executor | None = None) -> Court:
    """What judges settlements."""
    addresses = {address.lower(): layout for address, layout in chosen.registries.items()}
    registries = Registries(addresses, _og_beside.caller(chain), data / "opengradient" / "keys")
    walrus = Walrus(chosen.aggregators, lake(data) / "blobs", client)
    return Court(chain, walrus, registries, lowered(chosen.relays), lowered(chosen.signers), executor)


def _since(wanted: Period | None, now: datetime) -> int:
    """Days back that the facilitator's count is wanted for."""
    return max(_og_logs.LATE, (now.date() - wanted.first).days) if wanted else _og_logs.LATE
