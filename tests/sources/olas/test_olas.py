"""Olas from the logs of a real EVM node to the digest, and with every fault that nodes and the contract can have."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bot import ledger, pipeline, store
from bot.pipeline.network_plan import NetworkPlan
from bot.records import Period, SourceError, Unknown
from bot.sources import ALWAYS, olas
from bot.sources.olas import counters, events
from tests import databases
from tests.peers.olas import ANN, BOB, FIRST, IDLE, NEW, NOW, OLD, ONE, SECOND, THIRD, ZOE, World, seconds, world
from tests.peers.rpc_proxy import Answer, Proxy, Question, proxy

(MECHS,), (DEMAND,) = olas.CATALOGUES, olas.PANELS
PLAN = NetworkPlan("olas", "Olas", (MECHS,), {"catalogue": "mechs", "figure": "models_used"}, (), (DEMAND,))
DAYS = (FIRST, SECOND, THIRD)
GOLDEN = Path(__file__).parents[2] / "golden" / "olas"


@pytest.fixture(scope="module")
def market() -> Iterator[World]:
    with world() as made:
        yield made


@pytest.fixture
def own() -> Iterator[World]:
    """A marketplace that one test changes."""
    with world() as made:
        yield made


@dataclass
class Reader:
    """A ledger that reads a marketplace."""

    db: store.Store
    folder: Path
    market: World

    def collect(
        self, wanted: Period | None = None, now: datetime = NOW, reread: bool = False, **changed: Any
    ) -> tuple[str, list[str]]:
        """The errors, and the lines of progress."""
        lines: list[str] = []
        source = self.market.source(self.folder, now, **changed)
        return pipeline.collect(self.db, "olas", source, wanted, lines.append, reread=reread).error, lines

    def book(self, day: date) -> Any:
        return ledger.load_period_data(self.db, MECHS, Period(day, day))

    def uses(self, day: date) -> dict[str, int] | str:
        """Deliveries by mech, or why they are unknown."""
        book = self.book(day)
        if isinstance(book.flow, Unknown):
            return str(book.flow.reason)
        named = {str(book.names.get(key) or _listed_name(book, key)): n for key, n in book.flow.by_model.items()}
        return named | ({"": book.flow.unattributed} if book.flow.unattributed else {})

    def digest(self, day: date) -> Any:
        return json.loads(json.dumps(pipeline.build_digest(self.db, PLAN, Period(day, day), NOW)))


def _listed_name(book: Any, key: int) -> str:
    return str(next(model.name for model in book.listed if model.id == key))


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[World], Reader]]:
    db = store.open_store(databases.sqlite(tmp_path / "footfall.db"))
    yield lambda made: Reader(db, tmp_path, made)
    db.close()


@pytest.fixture
def reader(market: World, opened: Callable[[World], Reader]) -> Reader:
    return opened(market)


@pytest.fixture(scope="module")
def reading(market: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a ledger that has read everything. Read-only: copy it."""
    folder = tmp_path_factory.mktemp("reading")
    with closing(store.open_store(databases.sqlite(folder / "footfall.db"))) as db:
        assert Reader(db, folder, market).collect()[0] == ""
    return folder


@pytest.fixture
def known(reading: Path, market: World, tmp_path: Path) -> Iterator[Reader]:
    """A ledger that has read everything."""
    shutil.copytree(reading, tmp_path, dirs_exist_ok=True)
    with closing(store.open_store(f"sqlite:///{tmp_path / 'footfall.db'}")) as db:
        yield Reader(db, tmp_path, market)


@pytest.fixture
def far(market: World) -> Iterator[Proxy]:
    with proxy(market.node.url) as running:
        yield running


# --- what is counted -------------------------------------------------------------------------------------------------


def test_use_is_the_number_of_deliveries_by_mech_and_day(reader: Reader, market: World) -> None:
    assert reader.collect()[0] == ""
    assert [reader.uses(day) for day in DAYS] == [{m: n for m, n in market.uses[day].items() if n} for day in DAYS]
    # Ids that another mech delivered before, and the events `Deliver`, would have made more of them.
    assert reader.book(SECOND).flow.uses == 6


def test_requests_stand_beside_and_are_never_added(known: Reader) -> None:
    asked = [ledger.load_panel_data(known.db, DEMAND, Period(day, day)).gauges["requests_made"] for day in DAYS]
    assert asked == [3, 2, 1]
    week = ledger.load_panel_data(known.db, DEMAND, Period(FIRST, THIRD, "week")).gauges["requests_made"]
    assert week == 6


def test_a_mech_never_leaves_the_list(known: Reader) -> None:
    assert [[str(model.name) for model in known.book(day).listed] for day in DAYS] == [
        [OLD, IDLE],
        [OLD, IDLE, NEW],
        [OLD, IDLE, NEW],
    ]
    assert [str(model.category) for model in known.book(THIRD).listed] == [
        *("fixed price in xDAI", "another way of payment", "fixed price in xDAI")
    ]
    assert [str(model.author) for model in known.book(THIRD).listed] == ["service 1", "service 2", "service 3"]
    figures = known.digest(SECOND)["catalogues"][0]["figures"]
    assert (figures["models_listed"]["value"], figures["models_used"]["value"]) == (3, 2)
    assert figures["models_added"]["value"] == 1


def test_the_largest_requesters_are_named_with_their_share(known: Reader) -> None:
    assert known.book(FIRST).callers.count == 3 and known.book(FIRST).callers.top == 3
    (gap,) = [gap for gap in known.book(FIRST).gaps if "largest" in gap]
    assert gap == f"The largest requesters have 6 of 6 paid deliveries: {ZOE} 50.0%, {ANN} 33.3%, {BOB} 16.7%."


def test_the_topics_are_those_of_the_recorded_interface() -> None:
    recorded = json.loads((Path(__file__).parents[2] / "data" / "networks" / "olas-topics.json").read_text())
    topics = {
        entry["event"].partition("(")[0]: entry["topic0"]
        for entry in recorded
        if "contract" not in entry and "event" in entry
    }
    names = ("CreateMech", "MarketplaceDelivery", "MarketplaceDeliveryWithSignatures", "MarketplaceRequest")
    assert ["0x" + topic.hex() for topic in events.TOPICS] == [topics[n] for n in (*names, "ImplementationUpdated")]
    selectors = {entry["view"].partition("(")[0]: entry["selector"] for entry in recorded if "view" in entry}
    found = [counters.REQUESTS, counters.UNDELIVERED, counters.DELIVERIES]
    assert ["0x" + selector.hex() for selector in found] == [
        selectors[name] for name in ("numTotalRequests", "numUndeliveredRequests", "mapMechDeliveryCounts")
    ]


@pytest.mark.parametrize("day", DAYS)
def test_from_logs_to_digest_to_posts(known: Reader, day: date) -> None:
    """`tests/golden/olas`; written anew with GOLDEN=1."""
    document = known.digest(day)
    lines: list[str] = []
    for block in (*document["catalogues"], *document["panels"]):
        figures = block["figures"].items()
        lines += [f"{block['catalogue']}.{key}: {f.get('unknown', f['value'])}" for key, f in figures]
        lines += [f"{block['catalogue']} gap: {gap}" for gap in block["gaps"]]
    lines += [pipeline.render_post(document, outlet).parts[0] for outlet in ("x", "text")]
    text, golden = "\n".join(lines) + "\n", GOLDEN / f"{day}.txt"
    if os.environ.get("GOLDEN"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


# --- the contract's counters as a second opinion ---------------------------------------------------------------------


def _without_logs_of(*days: date, mech: str) -> Callable[[Question, Answer], Answer]:
    """A node that has lost the logs of deliveries of one mech on some days."""
    topic = "0x" + "0" * 24 + mech[2:]

    def lose_logs(question: Question, answer: Answer) -> Answer:
        if question["method"] == "eth_getLogs":
            kept = [log for log in answer["result"] if not (topic in log["topics"][1:2] and _is_on(log, days))]
            return {**answer, "result": kept}
        return answer

    def _is_on(log: Any, some: tuple[date, ...]) -> bool:
        return any(seconds(day, 0) <= int(log["blockTimestamp"], 16) < seconds(day + ONE, 0) for day in some)

    return lose_logs


def _without_old_states(older_than: int, then: Callable[[Question, Answer], Answer]) -> Callable[..., Answer]:
    """A node without an archive."""

    def refuse_old(question: Question, answer: Answer) -> Answer:
        if question["method"] == "eth_call" and int(question["params"][1], 16) < older_than:
            error = {"code": -32000, "message": "missing trie node 00ff (path ) state is not available"}
            return {"jsonrpc": "2.0", "id": question["id"], "error": error}
        return then(question, answer)

    return refuse_old


def test_missing_logs_make_the_days_unknown_until_they_are_read(reader: Reader, market: World, far: Proxy) -> None:
    far.does.rewrite = _without_logs_of(SECOND, mech=OLD)
    error, lines = reader.collect(api=(far.url,))
    assert "ALARM" in "".join(lines) and "logs are missing" in error
    reason = "the logs show 13 paid deliveries where the contract's own counter gained 15, so logs are missing"
    assert [reader.uses(day) for day in DAYS] == [reason] * 3
    document = reader.digest(SECOND)
    assert document["catalogues"][0]["figures"]["uses"]["unknown"] == reason
    error, _ = reader.collect()
    assert error == "" and [reader.book(day).flow.uses for day in DAYS] == [6, 6, 8]


def test_without_an_archive_new_mechs_are_checked_from_their_beginning(reader: Reader, far: Proxy) -> None:
    far.does.rewrite = _without_old_states(20, _without_logs_of(THIRD, mech=NEW))
    error, _ = reader.collect(api=(far.url,))
    assert "the logs show 4 paid deliveries where the contract's own counter gained 5" in error
    assert "logs are missing" in str(reader.uses(FIRST))


def test_without_an_archive_the_first_reading_is_taken_and_the_next_is_checked(
    own: World, opened: Callable[[World], Reader]
) -> None:
    reader = opened(own)
    with proxy(own.node.url) as far:
        far.does.rewrite = _without_old_states(20, lambda question, answer: answer)
        assert reader.collect(api=(far.url,))[0] == ""
        assert [reader.book(day).flow.uses for day in DAYS] == [6, 6, 8]
        fourth, later = THIRD + ONE, NOW + ONE
        own.settle(fourth, 9, OLD, ANN, 5)
        own.finish(fourth + ONE)
        far.does.rewrite = _without_logs_of(fourth, mech=OLD)
        error, _ = reader.collect(now=later, api=(far.url,))
        assert "the logs show 0 paid deliveries where the contract's own counter gained 5" in error
        assert "logs are missing" in str(reader.uses(fourth)) and reader.book(THIRD).flow.uses == 8
        assert reader.collect(now=later)[0] == "" and reader.uses(fourth) == {OLD: 5}
        week = ledger.load_period_data(reader.db, MECHS, Period(FIRST, fourth, "week"))
        assert week.flow.uses == 25


def test_a_lost_log_of_a_mech_that_was_never_seen_is_noticed(own: World, opened: Callable[[World], Reader]) -> None:
    reader, fourth = opened(own), THIRD + ONE
    reader.collect()
    own.settle(fourth, 9, IDLE, ANN, 2)
    own.finish(fourth + ONE)
    with proxy(own.node.url) as far:
        far.does.rewrite = _without_logs_of(fourth, mech=IDLE)
        error, _ = reader.collect(now=NOW + ONE, api=(far.url,))
    assert "the logs show 0 paid deliveries where the contract's own counter gained 2" in error


def test_an_upgrade_of_the_contract_is_an_alarm_and_a_gap(own: World, opened: Callable[[World], Reader]) -> None:
    reader, fourth = opened(own), THIRD + ONE
    own.send(fourth, 3, "changeImplementation", "0x" + "99" * 20)
    own.finish(fourth + ONE)
    error, lines = reader.collect(now=NOW + ONE)
    (alarm,) = [line for line in lines if "ALARM" in line]
    assert error == "" and "0x" + "99" * 20 in alarm and "2026-10-07 03:00 UTC" in alarm
    gaps = reader.book(fourth).gaps
    assert "the Mech Marketplace on Gnosis got other code on 7 Oct 2026: what its events mean may have changed." in gaps


# --- nodes with limits and faults ------------------------------------------------------------------------------------


def test_a_node_that_caps_its_ranges_is_read_whole(reader: Reader, far: Proxy) -> None:
    far.does.range_cap, far.does.range_words = 2, "query exceeds max block range {cap}"
    assert reader.collect(api=(far.url,), window=500, list_window=500)[0] == ""
    assert [reader.book(day).flow.uses for day in DAYS] == [6, 6, 8]
    asked = [question["params"][0] for question in far.does.asked if question["method"] == "eth_getLogs"]
    assert {len(params["topics"][0]) for params in asked} == {1, 5}, "all topics at once, and the list alone"


def test_no_more_blocks_are_requested_at_once_than_configured(reader: Reader, far: Proxy) -> None:
    reader.collect(api=(far.url,), window=3, list_window=2)
    asked = [question["params"][0] for question in far.does.asked if question["method"] == "eth_getLogs"]
    assert max(int(params["toBlock"], 16) - int(params["fromBlock"], 16) for params in asked) == 2


def test_a_day_that_is_not_final_is_unknown(reader: Reader, market: World, far: Proxy) -> None:
    third_begins = next(n for n in range(1, market.node.height) if _block_time(market, n) >= seconds(THIRD, 0))
    far.does.behind = market.node.height - third_begins
    assert reader.collect(api=(far.url,))[0] == ""
    assert reader.book(FIRST).flow.uses == 6
    assert "was not read to the end of 6 Oct 2026" in str(reader.uses(THIRD))
    assert reader.collect()[0] == "" and reader.book(THIRD).flow.uses == 8


def _block_time(market: World, number: int) -> int:
    return int(market.node.rpc("eth_getBlockByNumber", hex(number), False)["timestamp"], 16)


def test_two_nodes_that_differ_are_not_believed(reader: Reader, market: World, far: Proxy) -> None:
    far.does.rewrite = _without_logs_of(SECOND, mech=OLD)
    error, _ = reader.collect(api=(market.node.url, far.url), agree=2)
    assert "endpoints differ" in error and isinstance(reader.book(SECOND).flow, Unknown)


def test_dropped_blocks_begin_the_record_where_they_are(reader: Reader, market: World, far: Proxy) -> None:
    first_kept = next(n for n in range(1, market.node.height) if _block_time(market, n) >= seconds(FIRST, 9))

    def drop_old(question: Question, answer: Answer) -> Answer:
        number = str(question["params"][0]) if question["method"] == "eth_getBlockByNumber" else "latest"
        dropped = number.startswith("0x") and 1 < int(number, 16) < first_kept
        return {**answer, "result": None} if dropped else answer

    far.does.rewrite = drop_old
    error, _ = reader.collect(api=(far.url,), first_block=first_kept)
    assert "not read to the end of 4 Oct" in str(reader.uses(FIRST))
    assert error == "" and reader.book(SECOND).flow.uses == 6


def test_a_silent_network_costs_one_line(reader: Reader) -> None:
    began = time.monotonic()
    error, lines = reader.collect(api=("http://127.0.0.1:9",), silence=0.5)
    assert time.monotonic() - began < 5 and len(error.splitlines()) == 1 and not lines
    assert "127.0.0.1:9" in error and "networks.olas.api" in error


def test_another_chain_is_refused(reader: Reader) -> None:
    error, _ = reader.collect(chain_id=8453)
    assert "serves chain 100, wanted 8453" in error


def test_a_wrong_contract_is_never_a_day_without_use(reader: Reader) -> None:
    error, _ = reader.collect(marketplace="0x" + "77" * 20)
    assert "has no such counter" in error and isinstance(reader.book(SECOND).flow, Unknown)
    with pytest.raises(SourceError, match="no contract there"):
        olas.check_reachable(reader.market.settings(marketplace="0x" + "77" * 20), reader.folder, {})


def test_doctor_reads_the_counters(reader: Reader) -> None:
    assert olas.check_reachable(reader.market.settings(), reader.folder, {}).endswith(
        "the contract counts 70 requests, 70 delivered"
    )


# --- re-organisations, interruptions, second readings ----------------------------------------------------------------


def _reorganise(market: World, depth: int) -> None:
    market.node.rpc("anvil_reorg", depth, [])


def test_a_reorganisation_of_what_was_settled_is_read_again(own: World, opened: Callable[[World], Reader]) -> None:
    reader = opened(own)
    reader.collect()
    heights = [n for n in range(1, own.node.height) if _block_time(own, n) >= seconds(THIRD, 10)]
    _reorganise(own, own.node.height - heights[0] + 1)
    own.node.at(seconds(THIRD, 11))
    own.settle(THIRD, 12, OLD, BOB, 1)
    own.finish(THIRD + ONE)
    error, _ = reader.collect()
    assert error == "" and reader.uses(THIRD) == {NEW: 1, OLD: 1}
    assert reader.book(SECOND).flow.uses == 6


def test_a_reading_that_ended_goes_on_and_counts_nothing_twice(reader: Reader) -> None:
    source = reader.market.source(reader.folder)
    batches = source.event_batches(None, ledger.SourceState(reader.db, "olas"))
    for number, batch in enumerate(batches):
        if number == 5:
            break
        if hasattr(batch, "uses"):
            ledger.keep_event_batch(reader.db, batch)
        else:
            ledger.add_snapshot(reader.db, batch)
    assert isinstance(reader.book(FIRST).flow, Unknown), "not settled yet"
    error, lines = reader.collect()
    assert error == "" and "blocks 5 to 9 of" not in "".join(line for line in lines if "logs" in line)
    assert [reader.book(day).flow.uses for day in DAYS] == [6, 6, 8]


def test_a_reorganisation_between_two_readings_of_a_stretch(own: World, opened: Callable[[World], Reader]) -> None:
    reader, fourth = opened(own), THIRD + ONE
    reader.collect()
    own.settle(fourth, 9, OLD, ANN, 5)
    own.finish(fourth + ONE)
    with proxy(own.node.url) as far:
        far.does.rewrite = lambda question, answer: (
            {"jsonrpc": "2.0", "id": question["id"], "error": {"code": -32000, "message": "no state"}}
            if question["method"] == "eth_call"
            else answer
        )
        error, _ = reader.collect(now=NOW + ONE, api=(far.url,), budget=1)
        assert "no state" in error and isinstance(reader.book(fourth).flow, Unknown), "read, and not settled"
    blocks = [n for n in range(1, own.node.height) if _block_time(own, n) >= seconds(fourth, 9)]
    _reorganise(own, own.node.height - blocks[0] + 1)
    own.node.at(seconds(fourth, 10))
    own.settle(fourth, 11, OLD, BOB, 2)
    own.finish(fourth + ONE)
    assert reader.collect(now=NOW + ONE)[0] == "" and reader.uses(fourth) == {OLD: 2}


def test_reading_twice_changes_nothing(known: Reader) -> None:
    before = [_values(known, day) for day in DAYS]
    assert known.collect()[0] == "" and known.collect(Period(FIRST, THIRD), reread=True)[0] == ""
    assert [_values(known, day) for day in DAYS] == before


def _values(reader: Reader, day: date) -> Any:
    blocks = [*reader.digest(day)["catalogues"], *reader.digest(day)["panels"]]
    return [({key: figure["value"] for key, figure in block["figures"].items()}, block["gaps"]) for block in blocks]


# --- the list in parts, and older days -------------------------------------------------------------------------------


def test_until_the_list_is_complete_there_is_none(reader: Reader) -> None:
    assert reader.collect(list_requests=1, list_window=1)[0] == ""
    book = reader.book(SECOND)
    assert isinstance(book.listed, Unknown) and reader.uses(SECOND) != {OLD: 2, NEW: 4}
    assert book.flow.uses == 6, "what was delivered is known all the same"
    assert reader.collect(list_requests=9, list_window=1)[0] == ""
    assert [reader.uses(day) for day in DAYS] == [{OLD: 6}, {OLD: 2, NEW: 4}, {OLD: 7, NEW: 1}]
    assert [len(reader.book(day).listed) for day in DAYS] == [2, 3, 3]


def test_older_days_are_read_when_asked_for_and_checked(own: World, opened: Callable[[World], Reader]) -> None:
    reader, before = opened(own), FIRST - 2 * ONE
    reader.collect(backfill=2)
    assert "was not read" in str(reader.uses(FIRST))
    assert reader.collect(Period(before, FIRST), backfill=2)[0] == ""
    assert [reader.uses(day) for day in (before, before + ONE, FIRST)] == [{OLD: 50}, {}, {OLD: 6}]
    assert [len(reader.book(day).listed) for day in (before, FIRST)] == [2, 2]
    panel = ledger.load_panel_data(reader.db, DEMAND, Period(FIRST, FIRST))
    assert panel.gauges["requests_made"] == 3


def test_without_a_first_day_the_record_goes_on_where_it_ended(reader: Reader) -> None:
    assert reader.collect(Period(ALWAYS, THIRD), backfill=1)[0] == ""
    assert reader.uses(THIRD) == {OLD: 7, NEW: 1} and "was not read" in str(reader.uses(SECOND))


def test_an_older_day_with_missing_logs_stays_unknown(reader: Reader, far: Proxy) -> None:
    reader.collect(backfill=2)
    far.does.rewrite = _without_logs_of(FIRST, mech=OLD)
    error, _ = reader.collect(Period(FIRST, FIRST), backfill=2, api=(far.url,))
    assert "4 Oct 2026: the logs show 0 paid deliveries" in error and "logs are missing" in str(reader.uses(FIRST))
    assert reader.collect(Period(FIRST, FIRST), backfill=2)[0] == "" and reader.uses(FIRST) == {OLD: 6}


@contextmanager
def refused(words: str) -> Iterator[None]:
    with pytest.raises(ValidationError, match=words):
        yield


def test_settings_are_bounded() -> None:
    for address in ("http://rpc.example.org", "ftp://127.0.0.1"):
        with refused("https"):
            olas.Settings(api=(address,))
    with refused("less than or equal to 90"):
        olas.Settings(backfill=91)
    assert olas.Settings().backfill == 30 and len(olas.Settings().api) == 2
