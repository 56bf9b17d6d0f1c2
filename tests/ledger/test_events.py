"""Event batches in the ledger, on both databases: stored once, rolled up by day, unknown if anything is missing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot import ledger, store
from bot.records import (
    AtLeast,
    CallerStats,
    Catalogue,
    CompleteWindow,
    EventBatch,
    Gauge,
    Listing,
    Payment,
    Period,
    SafeName,
    Settlement,
    SettlementVerdict,
    Snapshot,
    SourceRef,
    Unknown,
    Use,
    start_of_day,
)
from bot.sources.opengradient.model_hub import HubInventory, HubModel
from bot.sources.opengradient.settings import OpenGradientSettings
from bot.sources.opengradient.source import OpenGradient
from tests.patience import make_client

DAY = date(2026, 10, 5)
ONE = timedelta(days=1)
LLM = Catalogue(
    *("og", "llm", "LLMs", "inferences", "verified"),
    evidences=("claimed", "backed", "verified", "reported"),
    place="the chain",
    token=("OPG", 18),
)
HUB = Catalogue("og", "hub", "models", "inferences", "claimed", evidences=("claimed",), place="the old chain")
PAYMENTS = Catalogue("og", "payments", "payments", "payments", "claimed", place="Base", panel=True, token=("OPG", 18))
HUGE = 2**256 - 1


def at(hour: int, day: date = DAY) -> datetime:
    return start_of_day(day) + timedelta(hours=hour)


def settlement(n: int, hour: int = 9, day: date = DAY, **changed: Any) -> Settlement:
    return replace(
        Settlement(f"0x{n:064x}:{n}", 100 + n, at(hour, day), "0x" + "f1" * 20, 5, "B" * 43, "22" * 32), **changed
    )


def verdict(settlement: Settlement, leaves: int, **changed: Any) -> SettlementVerdict:
    keys = tuple(bytes([leaves]) * 31 + bytes([n]) for n in range(leaves))
    return replace(
        SettlementVerdict(settlement.place, "verdict", leaves, leaves, leaves, backs=keys, verifies=keys, rules="r"),
        **changed,
    )


def haul(catalogue: str = "llm", days: int = 1, **changed: Any) -> EventBatch:
    return EventBatch(
        "og", catalogue, "blocks", window=CompleteWindow(start_of_day(DAY), start_of_day(DAY + days * ONE)), **changed
    )


def book(db: store.Store, catalogue: Catalogue = LLM, day: date = DAY, name: Any = "day") -> Any:
    return ledger.load_period_data(db, catalogue, Period.for_day(day, name))


def test_a_haul_offered_twice_is_kept_once(db: store.Store) -> None:
    first_settlement = settlement(1)
    event_batch = haul(settlements=(first_settlement,), cursors={"settlements": "here"})
    assert [ledger.add_event_batch(db, event_batch).new for _ in range(2)] == [1, 0]
    ledger.add_event_batch(db, haul(judgements=(verdict(first_settlement, 5),)))
    ledger.add_event_batch(db, event_batch)
    assert book(db).evidence["verified"] == 5
    assert ledger.SourceState(db, "og").cursor("settlements") == "here"


def test_a_day_is_exact_only_where_every_settlement_has_its_verdict(db: store.Store) -> None:
    first_settlement, two = settlement(1), settlement(2)
    ledger.add_event_batch(db, haul(settlements=(first_settlement, two), judgements=(verdict(first_settlement, 5),)))
    period_data = book(db)
    verified = period_data.evidence["verified"]
    assert period_data.flow.total == verified and verified.value == 5
    assert period_data.flow.incomplete.startswith("1 of 2 settlements has no verdict yet")
    gone = SettlementVerdict(two.place, "expired", 3, 0, 0, reason="", rules="r")
    ledger.add_event_batch(db, haul(judgements=(gone,)))
    bound = AtLeast(5, "1 of 2 settlements could not be read")
    assert book(db).evidence == {
        "claimed": 8,
        "backed": bound,
        "verified": bound,
        "reported": book(db).evidence["reported"],
    }
    assert "1 settlement without a blob that can be read: claimed, and backed by nothing." in book(db).gaps


def test_a_window_with_a_hole_is_unknown_and_a_whole_one_without_records_is_no_use(db: store.Store) -> None:
    ledger.add_event_batch(db, replace(haul(), window=CompleteWindow(start_of_day(DAY), at(23))))
    assert book(db).flow == Unknown("the chain was not read to the end of 5 Oct 2026")
    ledger.add_event_batch(db, replace(haul(), window=CompleteWindow(at(23), at(2, DAY + ONE))))
    unscanned = Unknown("no settlement was read, and nobody looked for those of other contracts")
    assert book(db).flow == book(db).evidence["claimed"] == unscanned
    ledger.add_event_batch(
        db, replace(haul(), days=(DAY,), strangers={}, gauges=(Gauge("strangers_seen", DAY, at(25), 0),))
    )
    assert book(db).flow.uses == 0 and book(db).evidence["claimed"] == 0
    assert book(db, day=DAY, name="week").flow == Unknown("the chain was read for 1 of 7 days")


def test_sizes_and_amounts_of_256_bits_are_kept_exactly(db: store.Store) -> None:
    unknown = Unknown("not plausible")
    first_settlement = settlement(1, size=HUGE)
    bad = SettlementVerdict(first_settlement.place, "verdict", unknown, 0, 0, rules="r")
    ledger.add_event_batch(db, haul(settlements=(first_settlement,), judgements=(bad,)))
    assert book(db).evidence["claimed"] == unknown and book(db).evidence["verified"] == 0
    assert ledger.SourceState(db, "og").find_settlements("llm", first_settlement.place)[0].size == HUGE
    paid = tuple(Payment(f"0xp:{n}", 5, at(3), f"0x{n % 2}", HUGE, n != 2) for n in range(3))
    ledger.add_event_batch(db, haul("payments", payments=paid))
    panel = ledger.load_panel_data(db, PAYMENTS, Period(DAY, DAY))
    assert panel.paid == Decimal(f"{2 * HUGE}e-18") and panel.gauges["sessions"] == 2
    assert panel.callers == CallerStats(2, 2 * HUGE, HUGE)


def test_what_is_new_is_counted_without_counting_what_was_there(db: store.Store) -> None:
    statements: list[str] = []
    sa.event.listen(db.engine, "before_cursor_execute", lambda *event_args: statements.append(event_args[2]))
    assert ledger.add_event_batch(db, haul(settlements=(settlement(1), settlement(2)))).new == 2
    assert ledger.add_event_batch(db, haul(settlements=tuple(settlement(n) for n in (1, 2, 3, 4, 5)))).new == 3
    assert not [line for line in statements if line.startswith("SELECT count(*)") and "day" not in line]


def test_a_settlement_of_nobody_we_know_counts_nowhere_and_holds_no_leaf(db: store.Store) -> None:
    first_settlement, two = settlement(1), settlement(2)
    ledger.add_event_batch(
        db, haul(settlements=(first_settlement, two), judgements=(verdict(first_settlement, 5), verdict(two, 0)))
    )
    memory, keys = ledger.SourceState(db, "og"), verdict(first_settlement, 5).backs
    assert memory.counted_leaves("llm", keys) == (
        dict.fromkeys(keys, first_settlement.place),
        dict.fromkeys(keys, first_settlement.place),
    )
    none = Unknown("unrecognised signer")
    ledger.add_event_batch(
        db, haul(judgements=(SettlementVerdict(first_settlement.place, "stranger", none, none, none, rules="q"),))
    )
    assert book(db).evidence["verified"] == Unknown("1 of 2 settlements came from senders that we do not know")
    assert memory.counted_leaves("llm", keys) == ({}, {})


def test_a_reorganised_chain_is_forgotten_from_a_block_on(db: store.Store) -> None:
    first_settlement, two = settlement(1), settlement(2)
    ledger.add_event_batch(
        db, haul(settlements=(first_settlement, two), judgements=(verdict(first_settlement, 5), verdict(two, 3)))
    )
    ledger.add_event_batch(db, haul(forget_from=102))
    assert book(db).evidence["verified"] == 5
    assert ledger.SourceState(db, "og").counted_leaves("llm", verdict(two, 3).backs) == ({}, {})


def test_what_is_due_comes_back_when_its_time_or_new_rules_come(db: store.Store) -> None:
    first_settlement, two, memory = settlement(1), settlement(2), ledger.SourceState(db, "og")
    ledger.add_event_batch(db, haul(settlements=(first_settlement, two)))
    assert [s.place for s, _ in memory.due_settlements("llm", at(10), DAY, "r", 9)] == [
        first_settlement.place,
        two.place,
    ]
    none = Unknown("missing")
    later = SettlementVerdict(two.place, "pending", 5, none, none, next_try=at(12), rules="r")
    ledger.add_event_batch(db, haul(judgements=(verdict(first_settlement, 5), later)))
    assert memory.due_settlements("llm", at(11), DAY, "r", 9) == ()
    assert [(s.place, tries) for s, tries in memory.due_settlements("llm", at(12), DAY, "r", 9)] == [(two.place, 1)]
    assert [s.place for s, _ in memory.due_settlements("llm", at(11), DAY, "other", 9)] == [
        first_settlement.place,
        two.place,
    ]
    assert memory.due_settlements("llm", at(11), DAY + ONE, "other", 9) == ()
    assert memory.due_settlements("llm", at(12) - 4 * 365 * ONE, DAY, "r", 9), (
        "a try that a clock in the future planned is due"
    )


def listed(day: date, *names: str) -> Snapshot:
    listings = tuple(
        Listing(SafeName(name), SafeName(name.partition("/")[0]), category=SafeName("risk")) for name in names
    )
    return Snapshot("og", "hub", at(2, day + ONE), SourceRef("hub", at(2, day + ONE)), listings, closes=day)


def test_uses_of_hub_models_are_ranked_and_an_unmapped_one_is_named_later(db: store.Store) -> None:
    ledger.add_snapshot(db, listed(DAY - ONE, "a/one", "b/two"))
    ledger.add_snapshot(db, listed(DAY, "a/one", "b/two", "b/three"))
    uses = [Use(f"0x:{n}", 7, at(4), 1, SafeName("a/one") if n < 3 else None, f"0x{n % 2}", "cid") for n in range(4)]
    ledger.add_event_batch(db, haul("hub", uses=tuple(uses)))
    period_data = book(db, HUB)
    assert (
        period_data.flow.uses == 4
        and period_data.flow.unattributed == 1
        and list(period_data.flow.by_model.values()) == [3]
    )
    assert period_data.callers == CallerStats(2, 4, 2) and len(period_data.listed) == 3
    rows = ledger.model_rankings(db, HUB, Period(DAY, DAY))
    assert [(row.model, row.uses) for row in rows] == [("a/one", 3), ("b/three", None), ("b/two", None)]
    assert ledger.model_standing(db, HUB, SafeName("b/two"), DAY).uses == Unknown("1 of 4 uses name no model")
    (lost,) = ledger.SourceState(db, "og").unattributed_uses("hub", DAY)
    ledger.add_event_batch(db, haul("hub", uses=(replace(lost, model=SafeName("b/two")),)))
    assert book(db, HUB).flow.unattributed == 0
    ledger.add_snapshot(db, listed(DAY + ONE, "a/one"))
    rows = ledger.model_rankings(db, HUB, Period(DAY, DAY))
    assert [(row.model, row.uses) for row in rows] == [("a/one", 3), ("b/two", 1), ("b/three", 0)]
    assert [(p.day, p.uses, p.models_used, p.models_added) for p in period_data.history] == [(DAY, 4, 1, 1)]


@pytest.mark.parametrize("again", [False, True])
def test_uses_kept_as_a_wrong_models_are_named_anew_where_days_are_read_again(
    db: store.Store, tmp_path: Path, again: bool
) -> None:
    ledger.add_snapshot(db, listed(DAY - ONE, "a/one", "b/two"))
    ledger.add_snapshot(db, listed(DAY, "a/one", "b/two"))
    whose = {n: SafeName("a/one") for n in range(3)}
    uses = [Use(f"0x:{n}", 7, at(4), 1, whose.get(n), "0x1", "C" * 43 if n else "other") for n in range(4)]
    ledger.add_event_batch(db, haul("hub", uses=tuple(uses)))
    source = OpenGradient(OpenGradientSettings(), tmp_path, lambda: at(9))
    content = "C" * 43
    hub_inventory = HubInventory(listed(DAY, "a/one", "b/two"), {("b", "two"): HubModel(("b", "two"), "", content)})
    asked = [{"author": "b", "name": "two", "asked": DAY.isoformat(), "content": []}]
    (tmp_path / "opengradient").mkdir()
    (tmp_path / "opengradient" / "hub_files.json").write_text(json.dumps(asked))
    with make_client() as client:
        for event_batch in source._map_content_ids(client, ledger.SourceState(db, "og", again), hub_inventory, at(9)):
            ledger.add_event_batch(db, replace(event_batch, network="og", window=haul("hub").window))
    rows = {row.model: row.uses for row in ledger.model_rankings(db, HUB, Period(DAY, DAY))}
    assert rows == ({"a/one": 1, "b/two": 3} if again else {"a/one": 3, "b/two": 1})


@pytest.mark.parametrize(("named", "known"), [(2, True), (1, False)])
def test_models_of_verified_use_are_counted_where_at_least_half_of_it_names_one(
    db: store.Store, named: int, known: bool
) -> None:
    for day in (DAY - ONE, DAY):
        ledger.add_snapshot(db, replace(listed(day, "a/m"), catalogue="llm"))
    first_settlement = settlement(1)
    judged = replace(verdict(first_settlement, 4), models={SafeName("a/m"): named})
    month = CompleteWindow(start_of_day(DAY - 29 * ONE), start_of_day(DAY + ONE))
    ledger.add_event_batch(db, replace(haul(settlements=(first_settlement,), judgements=(judged,)), window=month))
    period_data, rows = book(db), ledger.model_rankings(db, LLM, Period(DAY, DAY))
    few = Unknown(f"{4 - named} of 4 uses name no model")
    assert period_data.flow.by_model and (period_data.unnamed_7d, period_data.unnamed_30d) == (4 - named, 4 - named)
    assert [(p.uses, p.models_used) for p in period_data.history] == [(4, 1 if known else None)]
    assert (rows == few) is not known
    assert known or ledger.model_standing(db, LLM, SafeName("a/m"), DAY).uses == few


def test_the_newest_report_and_the_highest_sample_of_a_day_count(db: store.Store) -> None:
    pairs = [
        ("requests_reported", 12, 9),
        ("requests_reported", 15, 7),
        ("enclaves_active", 12, 3),
        ("enclaves_active", 15, 2),
    ]
    shown = tuple(Gauge(key, DAY, at(hour), value) for key, hour, value in pairs)
    ledger.add_event_batch(db, haul("payments", gauges=shown))
    panel = ledger.load_panel_data(db, PAYMENTS, Period(DAY, DAY))
    assert panel.gauges["requests_reported"] == 7 and panel.gauges["enclaves_active"] == 3


def test_nothing_collected_is_unknown_with_a_reason(db: store.Store) -> None:
    period_data = book(db, HUB)
    assert period_data.listed == Unknown("nothing was collected yet")
    assert (
        period_data.flow
        == period_data.evidence["claimed"]
        == Unknown("the old chain was not read to the end of 5 Oct 2026")
    )
