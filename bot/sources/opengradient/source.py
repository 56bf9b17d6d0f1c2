"""OpenGradient as a source: reads each part of the network in turn; each may fail on its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import httpx

from bot.chain import ChainReader, Cursor, Filter, QuorumUnreachableError
from bot.clients import raw_archive
from bot.clients.recording import open_client
from bot.records import EventBatch, Period, Snapshot, SourceError, join_messages, message, start_of_day
from bot.sources import SourceStateReader
from bot.sources.opengradient import log_collection, log_decoding, panels, payments
from bot.sources.opengradient import settings as facts
from bot.sources.opengradient.aggregator_health import AggregatorHealth
from bot.sources.opengradient.blob_archive import blob_archive, raw_folder
from bot.sources.opengradient.content_claims import ContentClaims
from bot.sources.opengradient.model_hub import HubInventory, fetch_inventory
from bot.sources.opengradient.model_hub_files import HubFileIndex
from bot.sources.opengradient.settings import ChainConfig, OpenGradientSettings, lowercase_addresses
from bot.sources.opengradient.settlement_verification import SettlementVerifier
from bot.sources.opengradient.tee_registry import TeeRegistries
from bot.sources.opengradient.walrus import Walrus


@dataclass(frozen=True, slots=True)
class OpenGradient:
    """The network's source."""

    settings: OpenGradientSettings
    data: Path
    clock: Callable[[], datetime]
    executor: Executor | None = None

    @property
    def settles_for(self) -> timedelta:
        """Batches, blobs and keys come late, so the last three days are read again."""
        return timedelta(days=log_collection.LATE)

    def event_batches(self, wanted: Period | None, memory: SourceStateReader) -> Iterator[Snapshot | EventBatch]:
        """Read every part in turn; failures are raised together at the end. Raises `SourceError`."""
        out = panels.unreachable_of(self.settings)
        errors = list(out.values())
        dead: set[str] = set()
        with ExitStack() as stack:
            for place, part in self._collection_steps(wanted, memory, out, stack):
                if place in dead:
                    continue
                try:
                    yield from part()
                except SourceError as error:
                    errors += str(error).splitlines()
                    # Addresses that did not answer are not tried again for every figure.
                    dead |= {place} if isinstance(error, QuorumUnreachableError) else set()
        if errors:
            raise SourceError("\n".join(dict.fromkeys(errors)))

    def _collection_steps(
        self, wanted: Period | None, memory: SourceStateReader, unreachable: Mapping[str, str], stack: ExitStack
    ) -> Iterator[tuple[str, Callable[[], Iterator[Snapshot | EventBatch]]]]:
        """The parts that can be read now, each with its address, in the order of their dependencies."""
        chosen, now = self.settings, self.clock()
        client = stack.enter_context(open_client(headers={"User-Agent": "footfall"}, follow_redirects=False))
        hub_inventories: list[HubInventory] = []
        payees: set[str] = {*lowercase_addresses(chosen.payees), *panels.stored_payees(memory)}
        if chosen.settlements.has_quorum(unreachable):
            chain = stack.enter_context(self._open_chain(chosen.settlements, memory, "settlements", unreachable))
            relays = lowercase_addresses(chosen.relays)
            # Without topics: an event that is not known yet may be a settlement.
            wants, decode = Filter(relays), log_decoding.decode_settlements
            raw, since = self.raw_folder, facts.SETTLED_SINCE
            reading = log_collection.LogCollector("settlements", "llm", chain, wants, decode, raw, since)
            yield "settlements", lambda: reading.event_batches(wanted, memory, now.date())
            yield "settlements", lambda: self._sample_enclaves(chain, now, payees)
            yield "settlements", lambda: log_collection.emitter_batches(chain, relays, memory, now, wanted)
        if chosen.hub not in unreachable and panels.should_list_hub(memory, now):
            yield "hub", lambda: self._collect_inventory(client, memory, now, hub_inventories)
        if chosen.hub_chain.has_quorum(unreachable):
            old = stack.enter_context(self._open_chain(chosen.hub_chain, memory, "hub", unreachable))
            # Without topics here too.
            wants_hub = Filter(lowercase_addresses((chosen.precompile,)))
            of_hub = log_collection.LogCollector(
                "hub", "hub", old, wants_hub, log_decoding.inference_decoder(old), self.raw_folder, facts.INFERRED_SINCE
            )
            yield "hub chain", lambda: of_hub.event_batches(wanted, memory, now.date())
        if hub_inventories:
            yield "hub", lambda: self._map_content_ids(client, memory, hub_inventories[0], now)
        if chosen.base.has_quorum(unreachable):
            base = stack.enter_context(self._open_chain(chosen.base, memory, "payments", unreachable))
            yield "base", lambda: self._payment_collector(base, payees).event_batches(wanted, memory, now.date())
        if chosen.facilitator not in unreachable:
            days = max(log_collection.LATE, (now.date() - wanted.first).days) if wanted else log_collection.LATE
            yield (
                "facilitator",
                lambda: panels.reported_requests(client, chosen.facilitator, now, days, self.raw_folder),
            )
        # Last: thousands of blobs may have to be read, and nothing else waits for them.
        if chosen.settlements.has_quorum(unreachable) and any(url not in unreachable for url in chosen.aggregators):
            yield "blobs", lambda: self._verify_settlements(chain, client, memory, now, unreachable)

    @property
    def raw_folder(self) -> Path:
        return raw_folder(self.data)

    def _open_chain(
        self, choice: ChainConfig, memory: SourceStateReader, name: str, unreachable: Mapping[str, str]
    ) -> ChainReader:
        kept = memory.cursor(name)
        genesis = Cursor.from_json(kept).genesis if kept else None
        return choice.open_chain(genesis, self.settings.budget, unreachable, self.executor, self.settings.tries)

    def _verify_settlements(
        self,
        chain: ChainReader,
        client: httpx.Client,
        memory: SourceStateReader,
        now: datetime,
        unreachable: Collection[str],
    ) -> Iterator[EventBatch]:
        since = now.date() - timedelta(days=log_collection.LATE)
        verifier = make_verifier(self.settings, self.data, chain, client, self.executor, unreachable)
        yield from verifier.verdict_batches(memory, now, since)

    def _sample_enclaves(self, chain: ChainReader, now: datetime, payees: set[str]) -> Iterator[EventBatch]:
        haul, paid_at = panels.sample_enclaves(chain, self.settings.registries, now)
        payees |= paid_at
        yield replace(haul, cursors=panels.payees_cursor(payees))

    def _collect_inventory(
        self, client: httpx.Client, memory: SourceStateReader, now: datetime, inventories: list[HubInventory]
    ) -> Iterator[Snapshot | EventBatch]:
        known = [tuple(str(name).split("/", 1)) for name in memory.model_names("hub")]
        before = {(author, name) for author, name in known} if known else None
        with raw_archive.open_raw_archive(self.raw_folder) as raw:
            inventory = fetch_inventory(client, self.settings.hub, now, before, raw.add)
        inventories.append(inventory)
        read = inventory.snapshot
        early = now - start_of_day(now.date()) <= panels.CLOSES_WITHIN
        closes = now.date() - timedelta(days=1) if early else None
        read_at = message("hub_read_at", time=f"{now:%H:%M}", day=now.date())
        yield replace(read, note=join_messages([read.note, read_at], "\n"), closes=closes)
        listed = f"{len(inventory.entries)} models of the Hub"
        yield EventBatch("opengradient", "hub", listed, cursors=panels.listing_cursor(now))

    def _map_content_ids(
        self, client: httpx.Client, memory: SourceStateReader, inventory: HubInventory, now: datetime
    ) -> Iterator[EventBatch]:
        """Name the uses whose content id is mapped now; on days that are read again, also rename wrong ones."""
        lost = memory.unattributed_uses("hub", now.date() - timedelta(days=30))
        folder, claims = self.data / "opengradient", inventory.content_claims
        owners = ContentClaims(folder / "hub_claims.json").owners(claims, inventory.entries)
        wanted = {use.content for use in lost} - claims.keys()
        if wanted:
            files = HubFileIndex(client, self.settings.hub, folder / "hub_files.json")
            owners |= files.content_owners(wanted, inventory.entries, now.date())
        learns = [use for use in lost if use.content in owners and owners[use.content] != use.model]
        named, renames = {use.content: owners[use.content] for use in learns}, any(use.model for use in learns)
        if named:
            days = tuple(now.date() - timedelta(days=n) for n in range(30, -1, -1))
            reason = f"whose {len(named)} content ids are"
            yield EventBatch("opengradient", "hub", reason, days=days, owners=named, renames=renames)

    def _payment_collector(self, chain: ChainReader, payees: set[str]) -> log_collection.LogCollector:
        token, channel = self.settings.token.lower(), self.settings.channel.lower()
        wants = payments.transfer_filter(token, sorted(payees))
        decode = payments.payment_decoder(chain, lowercase_addresses(self.settings.proxies), channel)
        raw, since = self.raw_folder, facts.PAID_SINCE
        return log_collection.LogCollector("payments", "payments", chain, wants, decode, raw, since)


def make_source(
    settings: OpenGradientSettings,
    data: Path,
    secrets: Mapping[str, str],
    clock: Callable[[], datetime],
    executor: Executor | None = None,
) -> OpenGradient:
    """Make the network's source."""
    return OpenGradient(settings, data, clock, executor)


def ref_checksum(
    settings: OpenGradientSettings, data: Path, url: str, sha256: str, day: date | None = None
) -> str | None:
    """The SHA-256 of this machine's copy of a ref's bytes. `day`: that of the ref, if known."""
    if url.startswith("walrus:"):
        return blob_archive(data).checksum(url.removeprefix("walrus:"), sha256, day)
    return raw_archive.archived_checksum(raw_folder(data), sha256, day)


def make_verifier(
    settings: OpenGradientSettings,
    data: Path,
    chain: ChainReader,
    client: httpx.Client,
    executor: Executor | None = None,
    unreachable: Collection[str] = (),
) -> SettlementVerifier:
    """Make the verifier of settlements. `unreachable`: addresses that did not respond just now."""
    addresses = {address.lower(): layout for address, layout in settings.registries.items()}
    registries = TeeRegistries(addresses, panels.contract_caller(chain), data / "opengradient" / "keys")
    health = AggregatorHealth(unreachable)
    walrus = Walrus(settings.aggregators, blob_archive(data), client, health=health)
    relays, signers = lowercase_addresses(settings.relays), lowercase_addresses(settings.signers)
    return SettlementVerifier(chain, walrus, registries, relays, signers, executor)
