"""Nobody can inflate OpenGradient's figures: every attack on a real node with an open relay, and the published result.
The rules alone are tested in `test_acceptance_rules`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from bot import ledger, pipeline, store
from bot.records import CompleteWindow, EventBatch, Period
from tests import databases, opengradient_days
from tests.peers.enclave import Enclave, dump, enclaves, hashed
from tests.peers.opengradient import FIRST, NOW, PAYEE, SECOND, World, blob_id, seconds, world
from tests.sources.opengradient.test_opengradient import composed, part, told

ALL = Period(FIRST, SECOND)
HONEST = 3


@pytest.fixture(scope="module")
def og() -> Iterator[World]:
    """A day with three honest answers, one of them single, and every possible attack."""
    with world() as sample_world:
        keys, owner = enclaves(), sample_world.node.accounts[0]
        sample_world.registry.send("register", 0, owner, "https://10.0.0.1", keys[0].der)
        at, stranger = seconds(FIRST, 9), sample_world.node.accounts[7]
        single = [keys[0].tee_id, hashed("in", "one"), hashed("out", "one")]
        signature = keys[0].signature(single[1], single[2], at)
        honest = [keys[0].value(n, at) for n in range(HONEST - 1)]
        sample_world.batch(at + 60, honest)
        for after in (120, 180):  # The second one is a replay.
            sample_world.node.at(at + after)
            sample_world.relay.send("settleIndividual", *single, at, PAYEE, b"", signature, sender=stranger)
        attacks(sample_world, at, honest, single, signature, stranger)
        sample_world.node.at(seconds(SECOND, 0, 1))
        sample_world.registry.send("heartbeat", keys[0].tee_id)
        sample_world.node.at(seconds(NOW.date(), 0, 1))
        sample_world.node.mine()
        yield sample_world


def attacks(w: World, at: int, honest: list[list[str]], single: list[bytes], signature: bytes, stranger: str) -> None:
    key = enclaves()[0]
    w.root(at + 240, b"\x22" * 32, 2**255, "N" * 43, sender=stranger)  # an open batchSettle
    w.batch(at + 300, honest, 2**255, sender=stranger)  # a real root with a lying size
    w.batch(at + 360, [*reversed(honest), key.value("late", seconds(FIRST - timedelta(days=300), 9))], sender=stranger)
    w.batch(at + 420, [key.value("ahead", at + 86_400), Enclave().value("no registry lists it", at)], sender=stranger)
    other = key.value("other hashes", at)
    other[3] = key.value("these hashes", at)[3]
    borrowed = [*key.value("borrowed", at)[:3], Enclave().value("borrowed", at)[3], str(at)]
    w.batch(at + 480, [other, borrowed], sender=stranger)
    w.node.at(at + 540)
    changed = [single[0], hashed("in", "another"), single[2]]
    w.relay.send("settleIndividual", *changed, at, PAYEE, b"", signature, sender=stranger)
    w.node.at(at + 600)
    w.relay.send("settleIndividual", *single, 2**255, PAYEE, b"", signature, sender=stranger)
    for n, raw in enumerate(BLOBS.values()):
        name = blob_id(raw)
        w.aggregator.blobs = {**w.aggregator.blobs, name: raw}
        w.root(at + 660 + n, bytes([n + 1]) * 32, 20, name, sender=stranger)
    for n, name in enumerate(("../../../../etc/passwd", "@169.254.169.254/latest/meta-data/iam-role", "x" * 42 + "/")):
        w.root(at + 720 + n, bytes([n + 50]) * 32, 20, name, sender=stranger)


ROW = ["0x" + "11" * 32] * 3 + ["0x" + "22" * 256, "1"]
BLOBS = {
    "garbage": b"\x00\xff" * 500,
    "deep JSON": b"[" * 200_000,
    "duplicate keys": dump([ROW]).replace(b'"format": "standard-v1"', b'"format": "x", "format": "standard-v1"'),
    "17 MB": b'{"format":"' + b"x" * 17 * 2**20 + b'"}',
}


@pytest.fixture
def db(tmp_path: Path) -> Iterator[store.Store]:
    opened = store.open_store(databases.sqlite(tmp_path / "footfall.db", opengradient_days.list_llms, SECOND))
    yield opened
    opened.close()


def collected(db: store.Store, og: World, data: Path, **changed: Any) -> pipeline.CollectResult:
    return pipeline.collect(db, "opengradient", og.source(data, **changed), ALL, lambda line: None)


def test_of_all_that_strangers_settle_only_what_an_enclave_signed_is_verified(
    db: store.Store, og: World, tmp_path: Path
) -> None:
    assert collected(db, og, tmp_path).error == ""
    document = composed(db)
    answer = told(document, "llm")
    assert answer["uses"] == answer["uses_verified"] == HONEST
    assert answer["uses_claimed"].startswith("no signers are pinned")
    assert answer["uses_backed"] == HONEST + 4, "readable and distinct: unlisted, two bad signatures, a changed single"
    text = "\n".join(part(document, "llm")["gaps"])
    for words in (
        "3 leaves with a signature that does not check out",
        "1 leaf of an enclave that no registry lists",
        "3 leaves signed too far from their block",
        "leaves counted before, in another batch or this one",
        "claims more than 10,000 inferences where its blob holds 2",
        "blob refused: not a standard-v1 tree",
    ):
        assert words in text, (words, text)
    assert json.dumps(document).count("169.254") == 0 and "passwd" not in json.dumps(document)


def test_with_the_relays_sender_pinned_strangers_stand_in_no_figure(db: store.Store, og: World, tmp_path: Path) -> None:
    assert collected(db, og, tmp_path, signers=(og.node.accounts[0],)).error == ""
    answer = told(composed(db), "llm")
    assert (answer["uses_claimed"], answer["uses_backed"], answer["uses_verified"]) == (2, 2, 2)
    (gap,) = [gap for gap in part(composed(db), "llm")["gaps"] if "by a sender that is not pinned" in gap]
    assert gap.startswith("16 settlements")


def test_nothing_but_blob_ids_was_ever_asked_of_an_aggregator(og: World, db: store.Store, tmp_path: Path) -> None:
    collected(db, og, tmp_path)
    blobs = tmp_path / "lake" / "raw" / "opengradient" / "blobs"
    with closing(sqlite3.connect(blobs / f"{FIRST}.sqlite")) as pack:
        kept = [name for (name,) in pack.execute("SELECT id FROM blobs")]
    assert kept and all(len(name) == 43 and "/" not in name for name in kept)
    assert [path.name for path in blobs.iterdir()] == [f"{FIRST}.sqlite"]
    sizes = [path.stat().st_size for path in (tmp_path / "lake").rglob("*") if path.is_file()]
    assert max(sizes) < 16 * 2**20, "what is too large is not kept"


def test_a_reorganisation_takes_its_records_with_it(tmp_path: Path) -> None:
    with world() as sample_world:
        keys = enclaves()
        sample_world.registry.send("register", 0, sample_world.node.accounts[0], "https://10.0.0.1", keys[0].der)
        for n in range(3):
            sample_world.batch(seconds(FIRST, 9 + n, 10), [keys[0].value(n, seconds(FIRST, 9 + n))])
        sample_world.node.at(seconds(NOW.date(), 0, 1))
        sample_world.node.mine()
        db = store.open_store(databases.sqlite(tmp_path / "footfall.db"))
        assert collected(db, sample_world, tmp_path).error == ""
        assert told(composed(db), "llm")["uses_verified"] == 3
        sample_world.node.rpc("anvil_reorg", 3, [])  # the last settlement, the heartbeat's block and one more are gone
        sample_world.node.at(seconds(NOW.date(), 0, 1))
        for _ in range(2):
            sample_world.node.mine()
        source = sample_world.source(tmp_path)
        done = pipeline.collect(db, "opengradient", source, None, lambda line: None)
        assert done.error == ""
        assert told(composed(db), "llm")["uses_verified"] == 1
        db.close()


def test_a_reading_anew_that_is_cut_off_leaves_the_rest_unread(tmp_path: Path) -> None:
    with world() as sample_world:
        keys = enclaves()
        sample_world.registry.send("register", 0, sample_world.node.accounts[0], "https://10.0.0.1", keys[0].der)
        for n in range(3):
            sample_world.batch(seconds(FIRST, 9 + n, 10), [keys[0].value(n, seconds(FIRST, 9 + n))])
        sample_world.node.at(seconds(NOW.date(), 0, 1))
        sample_world.node.mine()
        with closing(store.open_store(databases.sqlite(tmp_path / "footfall.db"))) as db:
            assert collected(db, sample_world, tmp_path).error == ""
            sample_world.node.rpc("anvil_reorg", 3, [])
            for _ in range(2):
                sample_world.node.mine()
            memory = ledger.SourceState(db, "opengradient")
            read = sample_world.source(tmp_path).event_batches(None, memory)
            (first,) = islice(
                (snapshot for snapshot in read if isinstance(snapshot, EventBatch) and snapshot.forget_from), 1
            )
            assert first.window and first.window.begins < memory.covered_windows("llm")[-1].ends
            ledger.add_event_batch(
                db, replace(first, settlements=(), window=CompleteWindow(first.window.begins, first.window.begins))
            )
            assert memory.covered_windows("llm")[-1].ends == first.window.begins


def test_a_chain_that_was_reset_halts_the_collection_and_keeps_what_was_read(tmp_path: Path) -> None:
    with world() as sample_world:
        keys = enclaves()
        sample_world.registry.send("register", 0, sample_world.node.accounts[0], "https://10.0.0.1", keys[0].der)
        sample_world.batch(seconds(FIRST, 9, 10), [keys[0].value("x", seconds(FIRST, 9))])
        sample_world.node.at(seconds(NOW.date(), 0, 1))
        sample_world.node.mine()
        db = store.open_store(databases.sqlite(tmp_path / "footfall.db"))
        assert collected(db, sample_world, tmp_path).error == ""
        sample_world.node.rpc("anvil_reset")
        sample_world.node.mine(40)
        error = pipeline.collect(db, "opengradient", sample_world.source(tmp_path), None, lambda line: None).error
        assert "the chain was reset, or this is another; nothing was collected" in error
        assert told(composed(db), "llm")["uses_verified"] == 1
        db.close()
