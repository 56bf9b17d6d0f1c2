"""Reads chains from a real node, through a proxy with the limits and faults of real nodes."""

from __future__ import annotations

import gzip
import json
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from typing import Any

import pytest

from bot.chain import (
    ChainIdentity,
    ChainMismatchError,
    ChainReader,
    Cursor,
    Endpoint,
    EndpointDisagreementError,
    Filter,
    Log,
    LogBatch,
    QuorumUnreachableError,
    ReorgTooDeepError,
    Reverted,
)
from bot.chain.reader import RangeRequest, fetch_range
from bot.records import SourceError
from bot.sources.opengradient import events
from tests.hostile import gzip_bomb
from tests.peers.anvil import Contract, Node, anvil
from tests.peers.rpc_proxy import Answer, Proxy, Question, proxy

CHAIN = 31337
NOWHERE = "http://127.0.0.1:9"
BLOB = b"orGaXuTN-hxHTViVALqcbFN8Cv6fxjaC3OUqg1ZjvZY"
NOON = 1_900_000_000

Open = Callable[..., ChainReader]


@pytest.fixture
def open_chain() -> Iterator[Open]:
    """Opens readers over endpoints and closes them. Failures end after a number of attempts; the time limit is more
    than any machine needs."""
    with ExitStack() as stack:

        def opened(
            *urls: str, pin: ChainIdentity | None = None, rate: float = 1000, timeout: float = 60, **how: Any
        ) -> ChainReader:
            knobs = {key: how.pop(key) for key in ("size", "batch", "concurrency") if key in how}
            endpoints = [Endpoint(url, rate=rate, timeout=timeout, **knobs) for url in urls]
            how = {"finality": 0, "budget": 120.0, "tries": 3, **how}
            return stack.enter_context(ChainReader(pin or ChainIdentity(CHAIN, None), endpoints, **how))

        yield opened


@pytest.fixture
def far(node: Node) -> Iterator[Proxy]:
    """The node behind a proxy without faults at first."""
    with proxy(node.url) as running:
        yield running


@pytest.fixture
def also(node: Node) -> Iterator[Proxy]:
    """A second endpoint of the same chain."""
    with proxy(node.url) as running:
        yield running


@pytest.fixture
def relay(node: Node) -> Contract:
    node.at(NOON)
    return node.deploy("SettlementRelay", True)


def settle(relay: Contract, *roots: int) -> None:
    for root in roots:
        relay.send("batchSettle", root.to_bytes(32), root, BLOB)


def of(relay: Contract) -> Filter:
    return Filter((relay.address,), ((events.topic_of(events.BatchSettlement),),))


def roots(chunks: list[LogBatch]) -> list[int]:
    return [int.from_bytes(log.topics[1]) for chunk in chunks for log in chunk.logs]


def one_line(error: BaseException) -> str:
    text = str(error)
    assert text.isprintable(), text
    return text


# --- normal days ----------------------------------------------------------------------------------------------


def test_logs_come_in_order_with_everything_the_node_says_of_them(relay: Contract, open_chain: Open) -> None:
    settle(relay, 1, 2, 3)
    with_node = relay.node.rpc("eth_getLogs", {"fromBlock": "0x2", "toBlock": "0x4"})
    chunks = list(open_chain(relay.node.url).read_logs(of(relay), 0))
    assert [log for chunk in chunks for log in chunk.logs] == [
        Log(
            int(log["blockNumber"], 16),
            int(log["logIndex"], 16),
            log["transactionHash"],
            relay.address,
            tuple(bytes.fromhex(topic[2:]) for topic in log["topics"]),
            bytes.fromhex(log["data"][2:]),
            log["blockHash"],
            int(log["blockTimestamp"], 16),
        )
        for log in with_node
    ]
    assert chunks[-1].to_block == 4 and chunks[-1].at == int(with_node[-1]["blockTimestamp"], 16)
    assert chunks[-1].cursor.genesis == relay.node.rpc("eth_getBlockByNumber", "0x1", False)["hash"]


def test_a_kept_cursor_goes_on_where_it_stopped_and_reads_nothing_twice(relay: Contract, open_chain: Open) -> None:
    settle(relay, 1, 2)
    before = list(open_chain(relay.node.url).read_logs(of(relay), 0))
    kept = before[-1].cursor.json_text
    settle(relay, 3)
    again = list(open_chain(relay.node.url).read_logs(of(relay), Cursor.from_json(kept)))
    assert (roots(before), roots(again)) == ([1, 2], [3])
    assert list(open_chain(relay.node.url).read_logs(of(relay), again[-1].cursor)) == []


def test_a_cursor_that_does_not_read_says_what_to_do(node: Node) -> None:
    with pytest.raises(SourceError, match="forget it to collect again"):
        Cursor.from_json('{"chain_id": "x"}')


def test_blocks_within_the_margin_are_left_for_later(relay: Contract, open_chain: Open) -> None:
    settle(relay, 1, 2, 3)
    assert roots(list(open_chain(relay.node.url, finality=2).read_logs(of(relay), 0))) == [1]


def test_a_finality_tag_is_asked_of_the_node(relay: Contract, open_chain: Open) -> None:
    settle(relay, 1)
    assert open_chain(relay.node.url, finality="finalized").final_head().number == 0
    relay.node.mine(70)
    finalized = int(relay.node.rpc("eth_getBlockByNumber", "finalized", False)["number"], 16)
    assert open_chain(relay.node.url, finality="finalized").final_head().number == finalized > 0


def test_headers_are_asked_for_once_where_logs_carry_no_time(relay: Contract, far: Proxy, open_chain: Open) -> None:
    settle(relay, *range(1, 9))

    def timeless(question: Question, answer: Answer) -> Answer:
        if question["method"] == "eth_getLogs":
            for log in answer["result"]:
                del log["blockTimestamp"]
        return answer

    direct = list(open_chain(relay.node.url).read_logs(of(relay), 0))
    far.does.rewrite = timeless
    chain = open_chain(far.url)
    assert next(chain.read_logs(of(relay), 0)).logs == direct[0].logs
    numbers = [q["params"][0] for q in far.does.asked if q["method"] == "eth_getBlockByNumber"]
    # The last block is read as the chain's head. Two settlements may have been mined in one block.
    inner = sorted({hex(log.block) for log in direct[0].logs})[:-1]
    assert inner and [numbers.count(number) for number in inner] == [1] * len(inner)
    far.does.asked.clear()
    list(chain.read_logs(Filter((relay.address,)), 0))
    again = [q["params"][0] for q in far.does.asked if q["method"] == "eth_getBlockByNumber"]
    assert not set(again) & set(inner)


def test_times_outside_of_the_range_are_not_taken_from_logs(relay: Contract, far: Proxy, open_chain: Open) -> None:
    settle(relay, 1, 2, 3)

    def dated(question: Question, answer: Answer) -> Answer:
        if question["method"] == "eth_getLogs":
            for log in answer["result"]:
                log["blockTimestamp"] = hex(NOON + 10**7)
        return answer

    far.does.rewrite = dated
    assert list(open_chain(far.url).read_logs(of(relay), 0)) == list(open_chain(relay.node.url).read_logs(of(relay), 0))


def test_the_first_block_of_a_day_is_found(node: Node, open_chain: Open) -> None:
    for day in range(40):
        node.at(NOON + day * 86_400)
        node.mine()
    chain = open_chain(node.url)
    first_blocks = [chain.first_block(NOON + day * 86_400 - 1) for day in (0, 1, 17, 39)]
    assert first_blocks == [1, 2, 18, 40]
    assert chain.first_block(NOON + 40 * 86_400) == 41
    assert chain.first_block(NOON, lowest=30) == 30


def test_senders_code_and_calls_are_read_in_batches(relay: Contract, far: Proxy, open_chain: Open) -> None:
    settle(relay, 1, 2)
    chain = open_chain(far.url)
    txs = [log.tx for chunk in chain.read_logs(of(relay), 0) for log in chunk.logs]
    far.does.requests = 0
    senders = chain.transactions_by_hash(txs)
    assert far.does.requests == 1
    assert {sender.sender for sender in senders.values()} == {relay.node.accounts[0]}
    assert {sender.to for sender in senders.values()} == {relay.address}
    assert chain.contract_code(relay.address).hex() == relay.node.rpc("eth_getCode", relay.address, "latest")[2:]
    assert chain.contract_code("0x" + "ab" * 20) == b""
    assert chain.call_contract(relay.address, relay.data("open")) == (1).to_bytes(32)
    with pytest.raises(QuorumUnreachableError, match="does not know the transaction"):
        chain.transactions_by_hash(["0x" + "ab" * 32])


def test_whether_settling_is_open_shows_in_a_call(node: Node, open_chain: Open) -> None:
    relays = [node.deploy("SettlementRelay", True), node.deploy("SettlementRelay", False)]
    data = relays[0].data("batchSettle", bytes(32), 1, BLOB)
    pairs = [(relay.address, data) for relay in relays]
    answers = open_chain(node.url).call_contracts(pairs)
    assert answers[0] == b"" and isinstance(answers[1], Reverted)
    assert "AccessControlUnauthorizedAccount" in answers[1].reason


def test_role_holders_are_found_in_logs(relay: Contract, open_chain: Open) -> None:
    account = relay.node.accounts[3]
    relay.send("grant", account)
    wanted = Filter((relay.address,), ((events.topic_of(events.RoleGranted),),))
    chunks = list(open_chain(relay.node.url).read_logs(wanted, 0))
    granted = [events.decode_event(log) for chunk in chunks for log in chunk.logs]
    assert [g.account for g in granted if isinstance(g, events.RoleGranted)] == [relay.node.accounts[0], account]


def test_emitters_are_found_by_topic_alone(node: Node, relay: Contract, open_chain: Open) -> None:
    stranger = node.deploy("SettlementRelay", True)
    settle(relay, 1)
    settle(stranger, 2)
    wanted = Filter((), of(relay).topics)
    addresses = {log.address for chunk in open_chain(node.url).read_logs(wanted, 0) for log in chunk.logs}
    assert addresses == {relay.address, stranger.address}


# --- re-organisations -----------------------------------------------------------------------------------------


def test_a_reorganisation_within_the_margin_is_never_noticed(relay: Contract, open_chain: Open) -> None:
    settle(relay, 1, 2, 3, 4)
    first = list(open_chain(relay.node.url, finality=3).read_logs(of(relay), 0))
    relay.node.rpc("anvil_reorg", 2, [])
    settle(relay, 5, 6, 7)
    second = list(open_chain(relay.node.url, finality=3).read_logs(of(relay), first[-1].cursor))
    assert [chunk.forget_from for chunk in second] == [None]
    assert (roots(first), roots(second)) == ([1], [2])


def test_a_reorganisation_past_the_margin_says_from_which_block_to_forget(relay: Contract, open_chain: Open) -> None:
    settle(relay, 1, 2, 3, 4)
    first = list(open_chain(relay.node.url).read_logs(of(relay), 0))
    assert roots(first) == [1, 2, 3, 4]
    relay.node.rpc("anvil_reorg", 2, [])
    settle(relay, 5)
    second = list(open_chain(relay.node.url).read_logs(of(relay), first[-1].cursor))
    assert [(chunk.forget_from, chunk.from_block) for chunk in second] == [(4, 4)]
    assert roots(second) == [5]
    assert roots(list(open_chain(relay.node.url).read_logs(of(relay), 0))) == [1, 2, 5]


def test_a_reorganisation_between_two_ranges_of_one_reading_is_noticed(relay: Contract, open_chain: Open) -> None:
    settle(relay, *range(1, 9))
    reading = open_chain(relay.node.url, window=2).read_logs(of(relay), 0)
    held: dict[int, list[int]] = {}
    for i, chunk in enumerate(reading):
        if chunk.forget_from is not None:
            held = {number: some for number, some in held.items() if number < chunk.forget_from}
        for log in chunk.logs:
            held.setdefault(log.block, []).append(int.from_bytes(log.topics[1]))
        if i == 1:
            relay.node.rpc("anvil_reorg", 7, [])
    assert [root for some in held.values() for root in some] == [1]


def test_a_reorganisation_deeper_than_remembered_halts(relay: Contract, open_chain: Open) -> None:
    settle(relay, 1, 2, 3)
    kept = list(open_chain(relay.node.url).read_logs(of(relay), 3))[-1].cursor
    relay.node.rpc("anvil_reorg", 3, [])
    relay.node.mine(2)
    with pytest.raises(ReorgTooDeepError, match="below block 2, deeper than remembered") as caught:
        list(open_chain(relay.node.url).read_logs(of(relay), kept))
    one_line(caught.value)


def test_a_chain_that_was_reset_halts_the_reading(open_chain: Open, node: Node) -> None:
    node.mine(3)
    kept = list(open_chain(node.url).read_logs(Filter(), 0))[-1].cursor
    node.rpc("anvil_reset")
    node.at(NOON + 5)
    node.mine(9)
    with pytest.raises(ChainMismatchError, match=f"block 1 is 0x.*pinned was {kept.genesis}: the chain was reset"):
        list(open_chain(node.url).read_logs(Filter(), kept))


def test_another_chain_id_halts_the_reading(open_chain: Open) -> None:
    with (
        anvil("--chain-id", "10740") as other,
        pytest.raises(ChainMismatchError, match="serves chain 10740, wanted 31337"),
    ):
        open_chain(other.url).final_head()


def test_a_pruned_node_is_held_to_the_blocks_it_has(relay: Contract, far: Proxy, open_chain: Open) -> None:
    settle(relay, 1, 2)

    def pruned(question: Question, answer: Answer) -> Answer:
        early = question["method"] == "eth_getBlockByNumber" and question["params"][0] in ("0x0", "0x1")
        return {**answer, "result": None} if early else answer

    far.does.rewrite = pruned
    chunks = list(open_chain(far.url).read_logs(of(relay), 2))
    assert roots(chunks) == [1, 2] and chunks[-1].cursor.genesis is None
    with pytest.raises(QuorumUnreachableError, match="does not have blocks 0 to"):
        list(open_chain(far.url).read_logs(of(relay), 0))


# --- limits ---------------------------------------------------------------------------------------------------


def test_ranges_shrink_to_the_cap_and_grow_back(node: Node, far: Proxy, open_chain: Open) -> None:
    node.mine(500)
    far.does.range_cap = 10
    spans = [c.to_block - c.from_block + 1 for c in open_chain(far.url, window=200).read_logs(Filter(), 0)]
    assert sum(spans) == 501 and max(spans) <= 11
    spans = []
    for chunk in open_chain(far.url, window=200).read_logs(Filter(), 0):
        spans.append(chunk.to_block - chunk.from_block + 1)
        far.does.range_cap = 10 if len(spans) < 5 else None
    assert sum(spans) == 501 and max(spans[:5]) <= 11 and max(spans) >= 32


@pytest.mark.parametrize(
    "words",
    [
        "ranges over {cap} blocks are not supported on freetier",
        "limit the query to at most {cap} blocks",
        "eth_getLogs is limited to a {cap} range",
        "You can make eth_getLogs requests with up to a {cap} block range",
        "exceed maximum block range: {cap}",
        "exceeding max block range of the plan",
        "requested range too wide: {cap}",
        "query spans more than {cap} blocks",
        "block distance must be less than {cap} blocks",
        "Max range: {cap}",
        "only {cap} blocks can be queried",
        "please use a smaller block range",
        "query window exceeds {cap} blocks",
        "maximum of {cap} blocks per query",
    ],
)
def test_every_usual_wording_for_a_range_that_is_too_wide_makes_it_ask_for_less(
    node: Node, far: Proxy, open_chain: Open, words: str
) -> None:
    far.does.range_cap, far.does.range_words = 3, words
    head = open_chain(node.url).final_head().number + 40
    node.mine(40)
    chunks = list(open_chain(far.url, window=200).read_logs(Filter(), head - 30, head))
    assert sum(chunk.to_block - chunk.from_block + 1 for chunk in chunks) == 31


def test_ranges_read_in_other_processes_are_the_same(node: Node, relay: Contract, open_chain: Open) -> None:
    settle(relay, *range(1, 13))
    here = list(open_chain(node.url).read_logs(of(relay), 0))
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        chain = open_chain(node.url, executor=executor, ahead=4)
        there = list(chain.read_logs(of(relay), 0))
    assert roots(there) == roots(here) == list(range(1, 13))
    assert [log for chunk in there for log in chunk.logs] == [log for chunk in here for log in chunk.logs]
    assert there[-1].cursor.recent[-1] == here[-1].cursor.recent[-1]


def test_ranges_read_elsewhere_shrink_to_the_cap_too(relay: Contract, far: Proxy, open_chain: Open) -> None:
    for first in range(0, 60, 10):
        relay.send("many", first, 10, BLOB)
    far.does.result_cap = 25
    with ThreadPoolExecutor(2) as executor:
        chunks = list(open_chain(far.url, executor=executor).read_logs(of(relay), 0))
    assert sum(len(chunk.logs) for chunk in chunks) == 60
    assert max(len(chunk.logs) for chunk in chunks) <= 25


def test_what_cannot_be_reached_from_elsewhere_says_so_in_the_same_words(open_chain: Open) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        error = executor.submit(
            fetch_range, RangeRequest(ChainIdentity(CHAIN, None), (Endpoint(NOWHERE),), 1, 0.5, 10), Filter(), 1, 2
        )
        with pytest.raises(QuorumUnreachableError, match=r"127\.0\.0\.1:9"):
            error.result()


def test_result_caps_lose_no_log(relay: Contract, far: Proxy, open_chain: Open) -> None:
    for first in range(0, 60, 10):
        relay.send("many", first, 10, BLOB)
    far.does.result_cap = 25
    chunks = list(open_chain(far.url).read_logs(of(relay), 0))
    assert sum(len(chunk.logs) for chunk in chunks) == 60
    assert max(len(chunk.logs) for chunk in chunks) <= 25


def test_a_block_that_holds_more_than_the_cap_is_read_from_its_receipts(
    relay: Contract, far: Proxy, open_chain: Open
) -> None:
    relay.send("many", 0, 40, BLOB)
    far.does.result_cap = 25
    chunks = list(open_chain(far.url).read_logs(of(relay), 0))
    assert [log.index for chunk in chunks for log in chunk.logs] == list(range(40))
    assert far.does.count("eth_getBlockReceipts") == 1


def test_answers_above_our_own_cap_are_asked_for_in_parts(relay: Contract, far: Proxy, open_chain: Open) -> None:
    for first in range(0, 60, 10):
        relay.send("many", first, 10, BLOB)
    chunks = list(open_chain(far.url, size=20_000).read_logs(of(relay), 0))
    assert sum(len(chunk.logs) for chunk in chunks) == 60 and len(chunks) > 3


def test_batches_are_given_up_where_none_are_taken(relay: Contract, far: Proxy, open_chain: Open) -> None:
    settle(relay, 1, 2)
    far.does.batches = False
    assert roots(list(open_chain(far.url).read_logs(of(relay), 0))) == [1, 2]


def test_requests_keep_their_distance(node: Node, far: Proxy, open_chain: Open) -> None:
    chain = open_chain(far.url, rate=20.0)
    chain.final_head()
    started, before = time.monotonic(), far.does.requests
    for _ in range(4):
        chain.block_headers([0])
    assert far.does.requests - before == 4
    assert time.monotonic() - started >= 3 / 20


# --- several endpoints ----------------------------------------------------------------------------------------


def test_two_that_agree_are_both_asked(relay: Contract, far: Proxy, also: Proxy, open_chain: Open) -> None:
    settle(relay, 1, 2)
    assert roots(list(open_chain(far.url, also.url, agree=2).read_logs(of(relay), 0))) == [1, 2]
    assert far.does.count("eth_getLogs") == also.does.count("eth_getLogs") == 1


def test_two_that_differ_are_both_named_and_neither_is_believed(
    relay: Contract, far: Proxy, also: Proxy, open_chain: Open
) -> None:
    settle(relay, 1, 2)

    def shortened(question: Question, answer: Answer) -> Answer:
        return {**answer, "result": answer["result"][1:]} if question["method"] == "eth_getLogs" else answer

    also.does.rewrite = shortened
    with pytest.raises(EndpointDisagreementError) as caught:
        list(open_chain(far.url, also.url, agree=2).read_logs(of(relay), 0))
    one_line_text = one_line(caught.value)
    assert (
        all(node.url.split("/")[2] in one_line_text for node in (far, also))
        and "2 logs" in one_line_text
        and "1 logs" in one_line_text
    )


def test_endpoints_that_write_the_same_logs_differently_agree(
    relay: Contract, far: Proxy, also: Proxy, open_chain: Open
) -> None:
    settle(relay, 1, 2, 3)

    def otherwise(question: Question, answer: Answer) -> Answer:
        if question["method"] == "eth_getLogs":
            for log in answer["result"]:
                del log["blockTimestamp"], log["removed"]
                for key in ("address", "transactionHash", "blockHash", "data"):
                    log[key] = "0x" + log[key][2:].upper()
            answer["result"] = answer["result"][::-1] + answer["result"][:1]
        return answer

    also.does.rewrite = otherwise
    assert roots(list(open_chain(far.url, also.url, agree=2).read_logs(of(relay), 0))) == [1, 2, 3]


def test_a_lagging_endpoint_does_not_pass_for_the_truth(
    relay: Contract, far: Proxy, also: Proxy, open_chain: Open
) -> None:
    settle(relay, 1, 2, 3, 4)
    far.does.behind = 2
    assert roots(list(open_chain(far.url, also.url).read_logs(of(relay), 0))) == [1, 2, 3, 4]
    assert roots(list(open_chain(far.url, also.url, agree=2).read_logs(of(relay), 0))) == [1, 2]


def test_an_endpoint_that_falls_behind_while_reading_is_not_believed(
    relay: Contract, far: Proxy, open_chain: Open
) -> None:
    settle(relay, 1, 2, 3, 4)
    chain = open_chain(far.url)
    head = chain.final_head
    far_behind = far.does

    def head_then_lag() -> Any:
        head_then_lag = head()
        far_behind.behind = 2
        return head_then_lag

    chain.final_head = head_then_lag  # type: ignore[method-assign]
    with pytest.raises(QuorumUnreachableError, match="does not have blocks 0 to 5: it lags"):
        list(chain.read_logs(of(relay), 0))


def test_a_liar_about_the_newest_block_is_passed_over(
    relay: Contract, far: Proxy, also: Proxy, open_chain: Open
) -> None:
    settle(relay, 1, 2)
    far.does.boast = 1000
    assert open_chain(far.url, also.url).final_head().number == 3
    with pytest.raises(QuorumUnreachableError, match="says its latest block is 1003, but has no such block 1003"):
        open_chain(far.url).final_head()


def test_a_spare_steps_in_for_one_that_fails(relay: Contract, far: Proxy, also: Proxy, open_chain: Open) -> None:
    settle(relay, 1, 2)
    far.does.body = b"<html>maintenance</html>"
    assert roots(list(open_chain(far.url, also.url).read_logs(of(relay), 0))) == [1, 2]


@pytest.mark.parametrize("agree", [0, 3])
def test_more_agreement_than_endpoints_is_refused(agree: int, open_chain: Open) -> None:
    with pytest.raises(SourceError, match=f"{agree} of 2 endpoints must agree"):
        open_chain("http://a.invalid", "http://b.invalid", agree=agree)


# --- out of reach ---------------------------------------------------------------------------------------------


def test_with_no_endpoint_in_reach_it_ends_in_time_with_one_line_each(far: Proxy, open_chain: Open) -> None:
    far.does.hang = True
    urls = ("http://127.0.0.1:9/key-in-path", "http://nowhere.invalid/", far.url)
    chain = open_chain(*urls, timeout=3600, budget=1.0, tries=None)
    with pytest.raises(QuorumUnreachableError) as caught:
        list(chain.read_logs(Filter(), 0))
    *each, last = str(caught.value).splitlines()
    assert sorted(line.split(": ")[1] for line in each) == sorted(
        ["127.0.0.1:9", "nowhere.invalid", far.url.split("/")[2]]
    )
    assert re.search(r"within 1 s \(\d+ tries\); try later", last) and "key-in-path" not in str(caught.value)


def test_an_endpoint_never_shows_its_url() -> None:
    assert (
        "secret" not in repr(Endpoint("https://rpc.example/v2/secret")) + Endpoint("https://u:secret@a.b/secret").name
    )


def test_a_server_that_fails_twice_is_tried_again(relay: Contract, far: Proxy, open_chain: Open) -> None:
    settle(relay, 1)
    far.does.failures = 2
    assert roots(list(open_chain(far.url).read_logs(of(relay), 0))) == [1]


def test_a_connection_that_breaks_off_is_no_answer(relay: Contract, far: Proxy, open_chain: Open) -> None:
    settle(relay, 1)
    far.does.drop_after = 60
    with pytest.raises(QuorumUnreachableError, match="cannot be reached or broke off"):
        list(open_chain(far.url).read_logs(of(relay), 0))


def test_a_slow_range_is_asked_for_in_parts(relay: Contract, far: Proxy, open_chain: Open) -> None:
    settle(relay, *range(1, 20))

    far.does.hangs_on = lambda question, answer: question["method"] == "eth_getLogs" and len(answer["result"]) > 12
    chunks = list(open_chain(far.url, timeout=0.5, tries=None).read_logs(of(relay), 0))
    assert roots(chunks) == list(range(1, 20)) and len(chunks) > 1


# --- hostile answers ------------------------------------------------------------------------------------------


def changed(**fields: Any) -> Callable[[list[Any]], Any]:
    """An answer whose last log differs in these fields."""

    def change(logs: list[Any]) -> Any:
        return [*logs[:-1], {**logs[-1], **fields}]

    return change


HOSTILE: dict[str, tuple[Callable[[list[Any]], Any], str]] = {
    "null": (lambda logs: None, "answered invalid logs"),
    "an object": (lambda logs: {"0": logs}, "answered invalid logs"),
    "a log outside of the range": (changed(blockNumber="0x63"), "logs of block 99, wanted 0 to 3"),
    "another emitter": (changed(address="0x" + "ab" * 20), "not asked for"),
    "another topic": (changed(topics=["0x" + "ab" * 32]), "not asked for"),
    "no topic": (changed(topics=[]), "not asked for"),
    "five topics": (changed(topics=["0x" + "ab" * 32] * 5), "answered invalid"),
    "a log taken back": (changed(removed=True), "re-organisation removed"),
    "another log at the same place": (
        lambda logs: [*logs, {**logs[-1], "data": "0x00"}],
        "two different logs 0 in block 3",
    ),
    "another hash of the block": (changed(blockHash="0x" + "ab" * 32), "logs and a header of two different blocks 3"),
    "a number in decimal": (changed(logIndex=7), "answered invalid logs"),
    "a number that is none": (changed(logIndex="0x1_0"), "wanted a number"),
    "a huge number": (changed(blockNumber="0x" + "f" * 16), "at most 63 bits"),
    "a number of a thousand digits": (changed(blockNumber="0x" + "f" * 1000), "answered invalid logs"),
    "a missing hash": (changed(transactionHash=None), "answered invalid logs"),
    "data that are no digits": (changed(data="0xzz"), "not hexadecimal"),
    "data with blanks": (changed(data="0x00 00"), "not hexadecimal"),
    "half a byte": (changed(data="0x0"), "not hexadecimal"),
    "a hash with blanks": (changed(transactionHash="0x" + "ab " * 21 + "a"), "not hexadecimal"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_logs_are_refused_with_a_reason(name: str, relay: Contract, far: Proxy, open_chain: Open) -> None:
    settle(relay, 1, 2)
    change, reason = HOSTILE[name]

    def hostile(question: Question, answer: Answer) -> Answer:
        return {**answer, "result": change(answer["result"])} if question["method"] == "eth_getLogs" else answer

    far.does.rewrite = hostile
    with pytest.raises(QuorumUnreachableError, match=reason) as caught:
        list(open_chain(far.url, tries=1).read_logs(of(relay), 0))
    assert all(line.isprintable() for line in str(caught.value).splitlines())


BODIES: dict[str, tuple[bytes, dict[str, str], int, str]] = {
    "HTML": (b"<html>\x1b[31mhello</html>", {}, 200, "no JSON-RPC, beginning '<html>"),
    "nothing": (b"", {}, 200, "no JSON-RPC"),
    "NaN": (b'{"id": 0, "result": NaN}', {}, 200, "no JSON-RPC"),
    "deep JSON": (b'{"id": 0, "x": ' + b"[" * 40_000, {}, 200, "no JSON-RPC"),
    "broken UTF-8": (b'{"id": 0, "error": {"message": "\xff"}}', {}, 200, "no JSON-RPC"),
    "another id": (b'[{"id": 7, "result": "0x1"}, {"id": 8, "result": null}]', {}, 200, "wrong ids"),
    "the same id twice": (b'[{"id": 0, "result": "0x1"}, {"id": 0, "result": null}]', {}, 200, "wrong ids"),
    "a redirect": (b"moved", {"Location": "http://127.0.0.1:9/"}, 302, "answered 302"),
    "throttled": (b"slow down", {}, 429, "too many requests"),
    "throttled in words": (b'{"error": {"code": -32005, "message": "rate limited"}}', {}, 200, "lower its rate"),
    "a coding of its own": (b"x", {"Content-Encoding": "br"}, 200, "wanted gzip or plain"),
    "a bomb": (gzip_bomb(100), {"Content-Encoding": "gzip"}, 200, "answered more than 50000 bytes"),
    "half a gzip": (gzip.compress(b"[]")[:-4], {"Content-Encoding": "gzip"}, 200, "middle of an answer"),
    "too long": (b" " * 60_000, {}, 200, "answered more than 50000 bytes"),
}


@pytest.mark.parametrize("name", BODIES)
def test_hostile_bodies_are_refused_with_a_reason(name: str, far: Proxy, open_chain: Open) -> None:
    far.does.body, far.does.headers, far.does.status, reason = BODIES[name]
    with pytest.raises(QuorumUnreachableError, match=reason) as caught:
        open_chain(far.url, tries=1, size=50_000).final_head()
    assert all(line.isprintable() for line in str(caught.value).splitlines())


def test_an_answer_with_neither_result_nor_error_is_none(far: Proxy, open_chain: Open) -> None:
    far.does.rewrite = lambda question, answer: {"jsonrpc": "2.0", "id": question["id"]}
    with pytest.raises(QuorumUnreachableError, match="neither a result nor an error"):
        open_chain(far.url, tries=1).final_head()


def test_a_packed_answer_is_unpacked(far: Proxy, open_chain: Open) -> None:
    error = {"code": -1, "message": "it was unpacked"}
    far.does.body = gzip.compress(json.dumps({"id": None, "error": error}).encode())
    far.does.headers = {"Content-Encoding": "gzip"}
    with pytest.raises(QuorumUnreachableError, match="it was unpacked"):
        open_chain(far.url, tries=1, batch=1).final_head()
