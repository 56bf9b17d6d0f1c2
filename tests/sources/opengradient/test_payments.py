"""OpenGradient's payments: which transfers count, and which do not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import ledger, number_format, pipeline, store
from bot.archive import Archive
from bot.records import CompleteWindow, EventBatch, Payment, Period, start_of_day
from bot.render import site_files
from bot.sources import opengradient
from tests import databases
from tests.peers.anvil import Contract
from tests.peers.enclave import enclaves
from tests.peers.opengradient import FIRST, NOW, NOWHERE, PAYEE, World, seconds, world
from tests.sources.opengradient.test_opengradient import PLAN, SITE, composed, page_of, part, told

OPG = 10**18


@pytest.fixture(scope="module")
def channel() -> list[Contract]:
    return []


@pytest.fixture(scope="module")
def og(channel: list[Contract]) -> Iterator[World]:
    """One day: a session, an enclave with another payment address, a channel's payout and an unpinned proxy."""
    with world() as sample_world:
        node = sample_world.node
        channel += [node.deploy("Channel"), node.deploy("UptoProxy")]
        sample_world.registry.send("register", 0, node.accounts[8], "https://10.0.0.1", enclaves()[0].der)
        node.at(seconds(FIRST, 9))
        sample_world.proxy.send("settle", sample_world.token.address, node.accounts[3], PAYEE, OPG)
        node.at(seconds(FIRST, 10))
        sample_world.proxy.send(
            "settleWithPermit", sample_world.token.address, node.accounts[4], node.accounts[8], 2 * OPG
        )
        node.at(seconds(FIRST, 11))
        channel[0].send("settle", sample_world.token.address, node.accounts[5], PAYEE, 40 * OPG)
        node.at(seconds(FIRST, 12))
        channel[1].send("settle", sample_world.token.address, node.accounts[6], PAYEE, 500 * OPG)
        node.at(seconds(FIRST, 13))
        sample_world.proxy.send("settle", sample_world.token.address, node.accounts[3], node.accounts[7], 6000 * OPG)
        for minute in range(5):
            node.at(seconds(FIRST, 14, minute))
            sample_world.proxy.send("settle", sample_world.token.address, node.accounts[9], PAYEE, 1)
        node.at(seconds(NOW.date(), 0, 2))
        sample_world.registry.send("heartbeat", enclaves()[0].tee_id)
        node.mine()
        yield sample_world


@pytest.fixture
def db(tmp_path: Path) -> Iterator[store.Store]:
    opened = store.open_store(databases.sqlite(tmp_path / "footfall.db"))
    yield opened
    opened.close()


def collected(db: store.Store, og: World, data: Path, channel: Contract, **changed: Any) -> list[str]:
    lines: list[str] = []
    source = og.source(data, channel=channel.address, **changed)
    pipeline.collect(db, "opengradient", source, Period(FIRST, FIRST), lines.append, reread=True)
    return lines


def test_an_address_that_an_active_enclave_is_paid_at_is_a_payee_and_nobody_elses_is(
    db: store.Store, og: World, tmp_path: Path, channel: list[Contract]
) -> None:
    collected(db, og, tmp_path, channel[0])
    answer = told(composed(db), "payments")
    assert (answer["paid"], answer["sessions"], answer["callers"]) == ("3", 2, 2)


def test_a_payee_that_was_seen_once_is_remembered_when_the_registries_are_silent(
    db: store.Store, og: World, tmp_path: Path, channel: list[Contract]
) -> None:
    dead = og.settings.settlements.model_copy(update={"endpoints": (NOWHERE,)})
    collected(db, og, tmp_path, channel[0], settlements=dead)
    assert told(composed(db), "payments")["paid"] == "1"
    collected(db, og, tmp_path, channel[0])
    collected(db, og, tmp_path, channel[0], settlements=dead)
    assert told(composed(db), "payments")["paid"] == "3"


def test_payments_of_dust_are_no_sessions_and_no_payers(
    db: store.Store, og: World, tmp_path: Path, channel: list[Contract]
) -> None:
    collected(db, og, tmp_path, channel[0])
    found = told(composed(db), "payments")
    assert (found["sessions"], found["callers"], found["paid"]) == (2, 2, "3")
    (gap,) = [gap for gap in part(composed(db), "payments")["gaps"] if gap.startswith("Not counted")]
    assert f"5 from {og.node.accounts[9]}" in gap


def test_a_payout_of_a_channel_bundles_many_payers_and_is_alarmed_and_not_counted(
    db: store.Store, og: World, tmp_path: Path, channel: list[Contract]
) -> None:
    lines = collected(db, og, tmp_path, channel[0])
    (alarm,) = [line for line in lines if "ALARM: 1 payouts of the payment channel" in line]
    assert channel[0].address.lower() in alarm and "too small from here on" in alarm
    (gap,) = [gap for gap in part(composed(db), "payments")["gaps"] if gap.startswith("Not counted")]
    assert gap.startswith("Not counted: 7 transfers to the operator that are dust or lack a proxy's word (")
    assert f"1 from {channel[0].address.lower()}" in gap and f"1 from {og.node.accounts[6]}" in gap


def test_a_proxy_that_is_pinned_makes_its_transfers_sessions(
    db: store.Store, og: World, tmp_path: Path, channel: list[Contract]
) -> None:
    collected(db, og, tmp_path, channel[0], proxies=(og.proxy.address, channel[1].address))
    assert told(composed(db), "payments")["paid"] == "503"


def test_one_word_of_a_proxy_makes_one_session_however_much_its_transaction_moves(tmp_path: Path) -> None:
    with world() as sample_world:
        node, inflator = sample_world.node, sample_world.node.deploy("Inflator")
        sample_world.registry.send("register", 0, PAYEE, "https://10.0.0.1", enclaves()[0].der)
        node.at(seconds(FIRST, 9))
        inflator.send("inflate", sample_world.proxy.address, sample_world.token.address, PAYEE, 2 * OPG)
        node.at(seconds(FIRST, 10))
        inflator.send("inflate", sample_world.proxy.address, sample_world.token.address, PAYEE, 0)
        node.at(seconds(NOW.date(), 0, 2))
        node.mine(2)
        opened = store.open_store(databases.sqlite(tmp_path / "footfall.db"))
        collected(opened, sample_world, tmp_path, node.deploy("Channel"))
        digest = composed(opened)
        opened.close()
    answer = told(digest, "payments")
    assert (answer["sessions"], answer["callers"]) == (1, 1)  # the proxy's own; the one of 1 is dust
    assert any(gap.startswith("Not counted: 25 transfers") for gap in part(digest, "payments")["gaps"])


def test_live_checks_show_new_payees_and_whoever_settles_unpinned(
    og: World, tmp_path: Path, channel: list[Contract]
) -> None:
    chosen = og.settings.model_copy(update={"channel": channel[0].address})
    looked = {live_check.name: live_check for live_check in opengradient.live_checks(chosen, tmp_path, NOW)}
    assert looked["payees"].text == f"2 addresses are paid, 1 of them by the registries: {og.node.accounts[8]}"
    proxy = og.proxy.address.lower()
    assert looked[f"payment proxy {proxy}"].ok
    moved = looked["transfers to the operator in the last 6000 blocks"]
    assert (moved.ok, moved.text) == (False, f"7 through {proxy}, 2 through none that is pinned")
    assert "networks.opengradient.proxies" in moved.fix
    paid_out = looked[f"payment channel {channel[0].address.lower()}"]
    assert not paid_out.ok and paid_out.text.endswith("1 payouts to the operator in the last 6000 blocks")
    for settler in channel:
        assert not looked[f"settler {settler.address.lower()}"].ok
    bare = {live_check.name: live_check for live_check in opengradient.live_checks(og.settings, tmp_path, NOW)}
    assert bare[f"payment channel {og.settings.channel.lower()}"].text == "not deployed"


@pytest.mark.parametrize("amount", [10**24 * OPG, 10**24 * OPG + 1, 2**256 - 1])
def test_an_amount_beyond_every_supply_is_published_like_any_other(db: store.Store, amount: int) -> None:
    begins = start_of_day(FIRST)
    paid = (Payment("0xa:0", 5, begins + timedelta(hours=9), "0x" + "ab" * 20, amount, session=True),)
    window = CompleteWindow(begins, begins + timedelta(days=1))
    ledger.add_event_batch(db, EventBatch("opengradient", "payments", "a day", window=window, payments=paid))
    document = Archive(db).save_digest(pipeline.build_digest(db, PLAN, Period(FIRST, FIRST), NOW))
    assert part(document, "payments")["figures"]["paid"]["value"].replace(".", "").lstrip("0")[:20] == str(amount)[:20]
    words = number_format.format_amount(str(amount // OPG), "OPG")
    for outlet in ("x", "discord", "text"):
        assert pipeline.render_post(document, outlet).parts
    assert words.split()[0][:20] in pipeline.render_post(document, "text").parts[0]
    assert words.split()[0][:20].encode() in site_files.digest_page(SITE, page_of(document))[1]


def test_a_payment_proxy_that_moved_leaves_sessions_unknown_or_a_lower_bound(
    db: store.Store, og: World, tmp_path: Path
) -> None:
    pipeline.collect(db, "opengradient", og.source(tmp_path), None, lambda line: None)
    sessions = part(composed(db), "payments")["figures"]["sessions"]
    unknown = "transfers to the operator were settled by no contract that we know"
    assert (sessions["value"], sessions["at_least"], sessions["reason"]) == (2, True, f"2 of 4 {unknown}")


def test_without_any_known_payment_proxy_nothing_is_zero(db: store.Store, og: World, tmp_path: Path) -> None:
    pipeline.collect(db, "opengradient", og.source(tmp_path, proxies=("0x" + "33" * 20,)), None, lambda line: None)
    figures = part(composed(db), "payments")["figures"]
    for key in ("sessions", "paid", "callers"):
        assert figures[key]["value"] is None and "no contract that we know" in figures[key]["unknown"], key
