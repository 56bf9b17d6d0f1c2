"""Slow and dead Walrus aggregators: they hold up neither a day's blobs nor anything else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot import ledger, store
from bot.clients.http import HttpBody, HttpFailure
from bot.records import EventBatch, SourceError
from bot.sources.opengradient import log_collection
from bot.sources.opengradient.aggregator_health import DEAD_AFTER, FIRST_REST, LONGEST_REST, AggregatorHealth
from bot.sources.opengradient.blob_archive import BlobArchive
from bot.sources.opengradient.settlement_verification import SIDE_BY_SIDE
from bot.sources.opengradient.source import make_verifier
from tests import databases
from tests.patience import make_client
from tests.peers.aggregator import Aggregator
from tests.peers.enclave import enclaves
from tests.peers.opengradient import FIRST, NOW, NOWHERE, SECOND, World, seconds, world
from tests.peers.served import serving
from tests.sources.opengradient.test_walrus import ID, SETTLED, Fleet, got

BATCHES = 40


@pytest.fixture(scope="module")
def og() -> Iterator[World]:
    """A day of many small batches."""
    with world() as made:
        key = enclaves()[0]
        made.registry.send("register", 0, made.node.accounts[0], "https://10.0.0.1", key.der)
        for n in range(BATCHES):
            made.batch(seconds(SECOND, 9, n), [key.value(n, seconds(SECOND, 9))])
        made.node.at(seconds(NOW.date(), 0, 2))
        made.node.mine()
        yield made


@pytest.fixture
def db(tmp_path: Path) -> Iterator[store.Store]:
    opened = store.open_store(databases.sqlite(tmp_path / "footfall.db"))
    yield opened
    opened.close()


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with ExitStack() as stack:
        yield Fleet(stack, tmp_path / "walrus")


def judged(db: store.Store) -> int:
    with db.read_transaction() as connection:
        counted = sa.select(sa.func.count()).where(store.settlements.c.state == "verdict")
        return int(connection.scalar(counted) or 0)


def collect(db: store.Store, og: World, folder: Path, **changed: object) -> list[str]:
    """What was read, in order; addresses that do not answer are no error here."""
    read = []
    with suppress(SourceError):
        for one in og.source(folder, **changed).event_batches(None, ledger.SourceState(db, "opengradient")):
            if isinstance(one, EventBatch):
                ledger.keep_event_batch(db, one)
                read.append(one.read)
            else:
                ledger.add_snapshot(db, one)
    return read


def test_a_dead_aggregator_is_asked_a_few_times_and_not_for_every_blob(fleet: Fleet) -> None:
    dead, sound = fleet.add("hangs"), fleet.add()
    walrus = fleet.walrus()
    for n in range(10):
        BlobArchive(fleet.folder).prune(date.max)
        assert got(walrus.fetch_blob(ID, SETTLED, SETTLED + timedelta(minutes=n))).aggregator == sound.url
    assert len(dead.asked) == 1, "the other one is faster from then on"
    assert len(sound.asked) == 10


def test_one_that_fails_rests_ever_longer_and_is_probed_by_one_request() -> None:
    now = [0.0]
    health = AggregatorHealth(monotonic=lambda: now[0])
    bad, good = "http://bad", "http://good"
    assert health.usable([bad, good]) == [bad, good]
    for _ in range(DEAD_AFTER):
        health.record_answer(bad, 0.1, HttpFailure("no answer"))
        health.record_answer(good, 2.0, HttpBody(b""))
    assert health.usable([bad, good]) == [good]
    now[0] += FIRST_REST + 1
    assert health.usable([bad, good]) == [good, bad]
    assert health.usable([bad, good]) == [good], "one request is enough to see whether it is back"
    health.record_answer(bad, 0.1, HttpFailure("no answer"))
    now[0] += FIRST_REST + 1
    assert health.usable([bad, good]) == [good]
    now[0] += LONGEST_REST
    assert health.usable([bad, good]) == [good, bad]
    health.record_answer(bad, 0.1, HttpFailure("HTTP 404", 404))
    assert health.usable([bad, good]) == [bad, good], "it is back, and the faster one"


def test_one_that_is_out_of_reach_is_not_asked_at_all() -> None:
    health = AggregatorHealth(unreachable=("http://away",))
    assert health.usable(["http://away", "http://here"]) == ["http://here"]


def test_a_denial_is_final_though_another_aggregator_is_gone_for_good(fleet: Fleet) -> None:
    fleet.add("absent")
    walrus = replace(fleet.walrus(), aggregators=[NOWHERE, fleet.servers[0].url])
    for hours, final in ((1, False), (25, False), (49, True)):
        found = walrus.fetch_blob(ID, SETTLED, SETTLED + timedelta(hours=hours))
        assert getattr(found, "final", None) is final and getattr(found, "retry", None) is not final, hours


def test_no_denial_is_final_while_nobody_answers(fleet: Fleet) -> None:
    walrus = replace(fleet.walrus(), aggregators=[NOWHERE])
    found = walrus.fetch_blob(ID, SETTLED, SETTLED + timedelta(days=30))
    assert getattr(found, "retry", None) is True


def test_blobs_are_read_side_by_side_and_after_everything_else(db: store.Store, og: World, tmp_path: Path) -> None:
    slow = Aggregator(og.aggregator.blobs, None)
    slow.together = SIDE_BY_SIDE
    with serving(slow) as server:
        read = collect(db, og, tmp_path, aggregators=(server.url,))
    assert judged(db) == BATCHES
    verdicts = [n for n, line in enumerate(read) if "judged" in line]
    assert verdicts and min(verdicts) > max(n for n, line in enumerate(read) if "judged" not in line)


def test_a_broken_aggregator_costs_a_day_no_more_than_a_few_requests(
    db: store.Store, og: World, tmp_path: Path
) -> None:
    with serving(Aggregator(og.aggregator.blobs, "page")) as odd:
        collect(db, og, tmp_path, aggregators=(odd.url, *og.settings.aggregators))
        assert judged(db) == BATCHES
        assert len(odd.asked) <= 1 + DEAD_AFTER + SIDE_BY_SIDE, "one look beforehand, then those under way"


def test_a_round_ends_in_time_and_the_next_goes_on_with_the_oldest(db: store.Store, og: World, tmp_path: Path) -> None:
    collect(db, og, tmp_path, aggregators=(NOWHERE,))
    memory = ledger.SourceState(db, "opengradient")
    with ExitStack() as stack:
        chain = stack.enter_context(og.settings.settlements.open_chain(None, 30.0))
        client = stack.enter_context(make_client())
        verifier = replace(make_verifier(og.settings, tmp_path, chain, client), round_seconds=0.0)
        counts = []
        for _ in range(3):
            for one in verifier.verdict_batches(memory, NOW, FIRST - timedelta(days=log_collection.LATE)):
                ledger.keep_event_batch(db, one)
            counts.append(judged(db))
    assert counts[0] == 4 * SIDE_BY_SIDE and counts[-1] == BATCHES
    with db.read_transaction() as connection:
        rows = connection.execute(sa.select(store.settlements.c.block, store.settlements.c.state)).all()
    assert {row.state for row in rows} == {"verdict"}
