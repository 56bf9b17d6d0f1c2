"""A change of the network is no drop to zero: what Footfall does not recognise makes a figure unknown or "at least"."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import ledger, pipeline, store
from bot.pipeline import publication
from bot.records import CheckResult, Document, Period, start_of_day
from bot.sources import opengradient
from tests import databases
from tests.peers.enclave import Enclave, dump, enclaves
from tests.peers.opengradient import FIRST, World, blob_id, seconds, world
from tests.sources.opengradient.test_opengradient import PLAN, part, told

ONE = timedelta(days=1)
MOVED, UNLISTED, LONGER, SIXTH, ANEW, LOST, SENT, QUIET = (FIRST + n * ONE for n in range(8))
"""Days: the relay moved; the registry moved; keys became RSA-3072; a leaf got a sixth field; the relay got a new event;
one free settlement has no blob; the relay's sender changed; nothing happened."""
ALL = Period(FIRST, QUIET)
LAST = start_of_day(QUIET + ONE) + timedelta(hours=2)
SIX = [*("bytes32", "bytes32", "bytes32", "bytes", "uint256"), "bytes32"]


@pytest.fixture(scope="module")
def og() -> Iterator[World]:
    with world() as made:
        key, moved, owner = enclaves()[0], enclaves()[1], made.node.accounts[0]
        made.registry.send("register", 0, owner, "https://10.0.0.1", key.der)
        made.old_registry.send("register", 0, owner, "https://10.0.0.2", moved.der)
        for n in range(7):
            made.batch(seconds(MOVED, 9, n), [key.value(("moved", n), seconds(MOVED, 9))], relay=made.stranger)
        made.batch(seconds(UNLISTED, 9), [moved.value(("unlisted", n), seconds(UNLISTED, 9)) for n in range(19)])
        longer = Enclave(3072)
        made.node.at(seconds(LONGER, 8))
        made.registry.send("register", 0, owner, "https://10.0.0.3", longer.der)
        made.batch(seconds(LONGER, 9), [longer.value(("longer", n), seconds(LONGER, 9)) for n in range(6)])
        sixth = dump([[*key.value("sixth", seconds(SIXTH, 9)), "0x" + "66" * 32]], leafEncoding=SIX)
        made.aggregator.blobs = {**made.aggregator.blobs, blob_id(sixth): sixth}
        made.root(seconds(SIXTH, 9), b"\x66" * 32, 1, blob_id(sixth))
        made.batch(seconds(ANEW, 9), [key.value(("anew", n), seconds(ANEW, 9)) for n in range(4)])
        for n in range(15):
            made.node.at(seconds(ANEW, 10, n))
            made.relay.send("raw", [b"\x03" * 32, bytes([n + 1]) * 32], b"\x00" * 31 + b"\x01")
        made.batch(seconds(LOST, 9), [key.value(("lost", n), seconds(LOST, 9)) for n in range(19)])
        made.root(seconds(LOST, 23), b"\x22" * 32, 20, "N" * 43, sender=made.node.accounts[7])
        made.batch(seconds(SENT, 9), [key.value(("sent", 1), seconds(SENT, 9))], sender=made.node.accounts[6])
        made.node.at(seconds(LAST.date(), 0, 2))
        made.node.mine()
        yield made


@pytest.fixture
def db(tmp_path: Path) -> Iterator[store.Store]:
    opened = store.open_store(databases.sqlite(tmp_path / "footfall.db"))
    for listing in opengradient.static_listings(opengradient.Settings(), QUIET, 10):
        ledger.add_snapshot(opened, listing)
    yield opened
    opened.close()


def collected(db: store.Store, og: World, data: Path, now: Any = LAST, **changed: Any) -> str:
    """All days read; the alarms."""
    lines: list[str] = []
    changed = {"registries": {og.registry.address: "new"}, **changed}
    source = og.source(data, now, **changed)
    pipeline.collect(db, "opengradient", source, Period(FIRST, now.date() - ONE), lines.append)
    return "\n".join(line for line in lines if "ALARM" in line)


def composed(db: store.Store, period: Period) -> Document:
    document: Document = json.loads(json.dumps(pipeline.build_digest(db, PLAN, period, LAST)))
    return document


def proven(db: store.Store, day: Any, key: str = "uses_verified") -> dict[str, Any]:
    figure: dict[str, Any] = part(composed(db, Period(day, day)), "llm")["figures"][key]
    return figure


def test_a_relay_that_moved_leaves_its_day_unknown(db: store.Store, og: World, tmp_path: Path) -> None:
    alarms = collected(db, og, tmp_path, signers=(og.node.accounts[0], og.node.accounts[6]))
    assert "7 settlement events of unrecognised emitters on 2026-10-05" in alarms
    document = composed(db, Period(MOVED, MOVED))
    for key in ("uses", "uses_claimed", "uses_backed", "uses_verified"):
        figure = part(document, "llm")["figures"][key]
        assert figure["value"] is None, key
        assert figure["unknown"] == "7 of 7 settlements came from contracts that we do not know"
    assert (
        "How many answers were proven on OpenGradient on 5 October 2026 is unknown"
        in pipeline.render_post(document, "x").parts[0]
    )
    assert proven(db, QUIET)["value"] == 0, "a day without any is zero: it was searched"


def test_a_registry_that_moved_leaves_the_proven_answers_unknown(db: store.Store, og: World, tmp_path: Path) -> None:
    alarms = collected(db, og, tmp_path)
    assert "19 of 19 leaves came from enclaves that no registry lists: check networks.opengradient.registries" in alarms
    assert proven(db, UNLISTED, "uses_backed")["value"] == 19
    assert proven(db, UNLISTED)["value"] is None
    assert proven(db, UNLISTED)["unknown"] == "19 of 19 leaves came from enclaves that no registry lists"
    both = {og.registry.address: "new", og.old_registry.address: "old"}
    collected(db, og, tmp_path, LAST, registries=both)
    later = start_of_day(UNLISTED + 3 * ONE) + timedelta(hours=2)
    collected(db, og, tmp_path, later, registries=both)
    assert proven(db, UNLISTED)["value"] == 19, "the registry was pinned, so its settlements are judged again"


def test_signatures_of_another_length_leave_the_proven_answers_unknown(
    db: store.Store, og: World, tmp_path: Path
) -> None:
    alarms = collected(db, og, tmp_path)
    assert "6 of 6 leaves did not pass the signature check" in alarms
    assert proven(db, LONGER)["value"] is None
    assert proven(db, LONGER)["unknown"] == "6 of 6 leaves did not pass the signature check"


def test_a_leaf_with_a_sixth_field_is_no_zero_after_a_day_either(db: store.Store, og: World, tmp_path: Path) -> None:
    collected(db, og, tmp_path, start_of_day(SIXTH + ONE) + timedelta(hours=2))
    early = proven(db, SIXTH)
    assert early["value"] is None and early["unknown"].startswith("1 of 1 settlement has no verdict yet")
    alarms = collected(db, og, tmp_path)
    assert "1 of 1 batches are in no form that is known: check a newer version of Footfall" in alarms
    for key in ("uses_backed", "uses_verified"):
        figure = proven(db, SIXTH, key)
        assert figure["value"] is None and figure["unknown"] == "1 of 1 settlement could not be read"


def test_a_new_event_of_the_relay_makes_the_figure_a_lower_bound(db: store.Store, og: World, tmp_path: Path) -> None:
    alarms = collected(db, og, tmp_path)
    assert f"logs of {og.relay.address.lower()} in blocks" in alarms and "check networks.opengradient.relays" in alarms
    figure = proven(db, ANEW)
    assert (figure["value"], figure.get("at_least"), figure["reason"]) == (
        4,
        True,
        "15 of 16 settlements were of a kind that we do not know",
    )
    gaps = part(composed(db, Period(ANEW, ANEW)), "llm")["gaps"]
    assert "15 logs of pinned contracts could not be read and may be settlements." in gaps
    history = part(composed(db, Period(ANEW, ANEW)), "llm")["history"]
    assert history[-1]["at_least"] and history[-1]["uses"] == 4


def test_unknown_events_of_the_precompile_are_no_day_without_use(db: store.Store, og: World, tmp_path: Path) -> None:
    """The relay's address stands for a precompile whose event has changed."""
    alarms = collected(db, og, tmp_path, precompile=og.relay.address)
    assert (
        f"logs of {og.relay.address.lower()}" in alarms
        and "check networks.opengradient.relays and precompile" in alarms
    )
    hub = part(composed(db, Period(ANEW, ANEW)), "hub")["figures"]
    assert hub["uses"]["unknown"] == "16 of 16 events were of a kind that we do not know"
    assert told(composed(db, Period(QUIET, QUIET)), "hub")["uses"] == 0


def test_one_settlement_without_a_blob_does_not_veto_the_proven_answers(
    db: store.Store, og: World, tmp_path: Path
) -> None:
    collected(db, og, tmp_path, start_of_day(LOST + ONE) + timedelta(hours=2))
    figure = proven(db, LOST)
    assert (figure["value"], figure.get("at_least")) == (19, True)
    assert figure["reason"].startswith("1 of 2 settlements has no verdict yet")
    post = pipeline.render_post(composed(db, Period(LOST, LOST)), "x").parts[0]
    assert post.startswith("At least 19 answers proven")
    gate = publication.deliveries.publish_gate(
        composed(db, Period(LOST, LOST)), start_of_day(LOST + ONE) + timedelta(hours=3), timedelta(hours=6)
    )
    assert gate.publish, "one stranger does not decide what is posted"


def test_a_week_is_at_least_its_known_days(db: store.Store, og: World, tmp_path: Path) -> None:
    collected(db, og, tmp_path)
    figure = part(composed(db, Period(QUIET, QUIET)), "llm")["figures"]["uses_7d"]
    assert (figure["value"], figure.get("at_least")) == (4 + 19 + 1, True)
    assert figure["reason"] == "6 Oct 2026: 19 of 19 leaves came from enclaves that no registry lists"


def test_senders_that_changed_leave_their_day_unknown(db: store.Store, og: World, tmp_path: Path) -> None:
    alarms = collected(db, og, tmp_path, signers=(og.node.accounts[0],))
    assert "1 of 1 settlements came from senders that are not pinned: check networks.opengradient.signers" in alarms
    for key in ("uses_claimed", "uses_verified"):
        assert proven(db, SENT, key)["unknown"] == "1 of 1 settlement came from senders that we do not know"


def test_an_empty_registry_address_leaves_enclaves_known_and_none_active_is_no_zero(
    db: store.Store, og: World, tmp_path: Path
) -> None:
    alarms = collected(db, og, tmp_path, registries={og.registry.address: "new", "0x" + "11" * 20: "old"})
    assert "no registry lists an active enclave: check networks.opengradient.registries" in alarms
    tee = told(composed(db, Period(QUIET, QUIET)), "tee")
    assert tee["enclaves_registered"] == 2
    assert tee["enclaves_active"] == f"not shown on {QUIET.day} Oct 2026"


def checks(og: World, tmp_path: Path, **changed: Any) -> dict[str, CheckResult]:
    settings = og.settings.model_copy(update=changed)
    return {one.name: one for one in opengradient.live_checks(settings, tmp_path, LAST)}


def test_doctor_names_the_value_to_look_at(og: World, tmp_path: Path) -> None:
    looked = checks(og, tmp_path)
    unread = looked["logs of pinned relays"]
    assert not unread.ok and "15 logs are of no event that is known" in unread.text
    assert "networks.opengradient.relays" in unread.fix
    stranger = looked[f"signer {og.node.accounts[6]}"]
    assert stranger.ok is False and "it may be anyone" in stranger.text and "only if you know whose" in stranger.fix
    assert looked["newest batch"].ok and looked["newest batch"].text == "1 of 1 leaves verified"
    assert "networks.opengradient.registries" in checks(og, tmp_path / "new", registries={})["newest batch"].fix
