"""Speed of collecting settlements from a local node, compared with web3.py and with the node itself.

    python benchmarks/logs.py [--events 200000] [--memory 1000000] [--rounds 3]

All in one run against one node (anvil): our events per second (fetched, checked, hashed, decoded) divided by those of
web3.py's `contract.events.X.get_logs`; ours divided by the floor, which fetches the same responses with httpx and does
not parse them; both again for settlements whose sender must be requested, since no log has it; and the peak memory of a
process that collects `--memory` events like `collect`, including their archive. web3.py has its own environment in
`benchmarks/out`, made at the first run. Node and reader need one core each.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import Row  # noqa: E402
from bot.chain import ChainIdentity, ChainReader, Endpoint, Filter  # noqa: E402
from bot.records import CompleteWindow, Period  # noqa: E402
from bot.sources.opengradient import (  # noqa: E402
    events,
    log_collection,
    log_decoding,
)
from tests.peers.anvil import Contract, Node, anvil  # noqa: E402

WEB3 = "web3==8.0.0"
BLOB = b"orGaXuTN-hxHTViVALqcbFN8Cv6fxjaC3OUqg1ZjvZY"
A_BLOCK = 1000
"""Events per transaction, with one transaction per block."""
PEER_BLOCKS = 20
"""Blocks that web3.py reads; it takes a second for three."""
SETTLEMENTS = 500
"""Transactions of one log, whose senders are requested."""
PEER_SENDERS = 100
"""How many of these web3.py requests."""
OUT = Path(__file__).parent / "out"

PEER = """
import json, sys, time
from web3 import Web3
url, address, abi, first, last, step, senders = json.loads(sys.stdin.read())
eth = Web3(Web3.HTTPProvider(url, request_kwargs={"timeout": 60})).eth
contract = eth.contract(Web3.to_checksum_address(address), abi=abi)
started, count = time.perf_counter(), 0
for block in range(first, last + 1, step):
    logs = contract.events.BatchSettlement.get_logs(from_block=block, to_block=min(last, block + step - 1))
    count += sum(log["args"]["batchSize"] > 0 for log in logs)
    if senders:
        count -= sum(len(eth.get_transaction(log["transactionHash"])["from"]) != 42 for log in logs)
print(count / (time.perf_counter() - started))
"""


def wanted(address: str) -> Filter:
    return Filter((address,), ((events.topic_of(events.BatchSettlement),),))


def collected(url: str, address: str, first: int) -> tuple[float, int, list[tuple[int, int]]]:
    """Events per second, their number, and their ranges."""
    started, count, ranges = time.perf_counter(), 0, []
    with ChainReader(ChainIdentity(31337, None), [Endpoint(url, rate=1e6, timeout=60)], finality=0) as chain:
        for chunk in chain.read_logs(wanted(address), first):
            read = [events.decode_event(log) for log in chunk.logs]
            count += sum(isinstance(entry, events.BatchSettlement) and entry.size > 0 for entry in read)
            ranges.append((chunk.from_block, chunk.to_block))
    return count / (time.perf_counter() - started), count, ranges


def posted(client: httpx.Client, url: str, question: object) -> bytes:
    return client.post(url, json=question).content


def floor(url: str, address: str, ranges: list[tuple[int, int]], count: int) -> float:
    """Events per second if the responses are only fetched."""
    started = time.perf_counter()
    with httpx.Client(timeout=60) as client:
        for first, last in ranges:
            params = {**wanted(address).rpc_params, "fromBlock": hex(first), "toBlock": hex(last)}
            posted(client, url, {"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": [params]})
    return count / (time.perf_counter() - started)


def peer_python() -> str:
    """An interpreter with web3.py, in its own environment."""
    folder = OUT / "web3"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", WEB3], check=True)
    return str(python)


def peer(node: Node, relay: Contract, first: int, blocks: int, step: int, senders: bool = False) -> float:
    """Events per second of web3.py, for so many blocks."""
    from tests.peers.solidity import contracts

    abi = contracts()["SettlementRelay"].abi
    question = [node.url, relay.address, abi, first, first + blocks - 1, step, senders]
    done = subprocess.run(
        [peer_python(), "-c", PEER], input=json.dumps(question), capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def memory(node: Node, relay: Contract, first: int) -> tuple[int, float]:
    """Number of events collected by a separate process, and its peak MB."""
    command = [sys.executable, __file__, "--collect", node.url, relay.address, str(first)]
    count, kilobytes = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return int(count), int(kilobytes) / 1024


class Nothing:
    """The state of an empty ledger."""

    def cursor(self, name: str) -> str | None:
        return None

    def covered_windows(self, catalogue: str) -> tuple[CompleteWindow, ...]:
        return ()


def hauled(url: str, address: str, first: int) -> int:
    """Number of settlements that the source reads, each range archived and released."""
    today = datetime.now(UTC).date() + timedelta(days=1)
    with (
        tempfile.TemporaryDirectory() as folder,
        ChainReader(ChainIdentity(31337, None), [Endpoint(url, rate=1e6, timeout=60)], finality=0) as chain,
    ):
        lake, since = Path(folder), date(2020, 1, 1)
        reading = log_collection.LogCollector(
            "bench", "llm", chain, wanted(address), log_decoding.decode_settlements, lake, since
        )
        # From before the chain began, whatever time its node has.
        everything = Period(date(2015, 1, 1), today)
        return sum(len(haul.settlements) for haul in reading.event_batches(everything, Nothing(), today))  # type: ignore[arg-type]


def apart(node: Node, relay: Contract) -> int:
    """The first of `SETTLEMENTS` blocks with a transaction of one log each."""
    first = node.height + 1
    for i in range(SETTLEMENTS):
        relay.send("batchSettle", i.to_bytes(32), 1, BLOB)
    return first


def with_senders(node: Node, relay: Contract, first: int) -> float:
    """Settlements per second with their senders, requested in batches, since no log has them."""
    started = time.perf_counter()
    with ChainReader(ChainIdentity(31337, None), [Endpoint(node.url, rate=1e6, timeout=60)], finality=0) as chain:
        last = first + SETTLEMENTS - 1
        logs = [log for chunk in chain.read_logs(wanted(relay.address), first, last) for log in chunk.logs]
        read = [events.decode_event(log) for log in logs]
        assert all(isinstance(entry, events.BatchSettlement) for entry in read)
        transactions = chain.transactions_by_hash([log.tx for log in logs])
    return len(transactions) / (time.perf_counter() - started)


def floor_with_senders(node: Node, relay: Contract, first: int) -> float:
    """The same requests over httpx, without parsing."""
    params = {**wanted(relay.address).rpc_params, "fromBlock": hex(first), "toBlock": hex(first + SETTLEMENTS - 1)}
    logs = node.rpc("eth_getLogs", params)
    batch, started = Endpoint(node.url).batch, time.perf_counter()
    with httpx.Client(timeout=60) as client:
        posted(client, node.url, {"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": [params]})
        for at in range(0, len(logs), batch):
            some = [log["transactionHash"] for log in logs[at : at + batch]]
            method = "eth_getTransactionByHash"
            calls = [{"jsonrpc": "2.0", "id": i, "method": method, "params": [tx]} for i, tx in enumerate(some)]
            posted(client, node.url, calls)
    return len(logs) / (time.perf_counter() - started)


def emit(relay: Contract, wanted_events: int, done: int = 0) -> None:
    for first in range(done, wanted_events, A_BLOCK):
        relay.send("many", first, A_BLOCK, BLOB)


def rows(wanted_events: int, held: int, rounds: int) -> list[Row]:
    """The best of so many rounds for each side, in turns."""
    with anvil() as node:
        relay = node.deploy("SettlementRelay", True)
        lone = apart(node, relay)
        first = node.height + 1
        emit(relay, wanted_events)
        ours, floors, peers, sent, sent_floor, sent_peer = ([0.0] for _ in range(6))
        count = 0
        for _ in range(rounds):
            speed, count, ranges = collected(node.url, relay.address, first)
            ours.append(speed)
            floors.append(floor(node.url, relay.address, ranges, count))
            peers.append(peer(node, relay, first, PEER_BLOCKS, 4))
            sent_floor.append(floor_with_senders(node, relay, lone))
            sent.append(with_senders(node, relay, lone))
            sent_peer.append(peer(node, relay, lone, PEER_SENDERS, PEER_SENDERS, senders=True))
        best, under, theirs = max(ours), max(floors), max(peers)
        number, one_under, one_theirs = max(sent), max(sent_floor), max(sent_peer)
        name, text = f"logs, {count:,} events", f"{best:,.0f} events/s"
        lone_name, lone_told = f"logs and tx.from, {SETTLEMENTS:,} apart", f"{number:,.0f} events/s"
        rows = [
            Row(name, text, f"bytes over httpx: {under:,.0f}", best / under, ">= 0.5", best >= 0.5 * under),
            Row(name, text, f"{WEB3}: {theirs:,.0f}", best / theirs, ">= 15", best >= 15 * theirs),
            Row(
                lone_name,
                lone_told,
                f"bytes over httpx: {one_under:,.0f}",
                number / one_under,
                ">= 0.5",
                number >= 0.5 * one_under,
            ),
            Row(lone_name, lone_told, f"{WEB3}: {one_theirs:,.0f}", number / one_theirs, "> 1", number > one_theirs),
        ]
        if held:
            emit(relay, held, wanted_events)
            count, megabytes = memory(node, relay, first)
            shown = f"{megabytes:,.0f} MB"
            rows.append(Row(f"memory for {count:,} events", shown, "-", None, "< 400 MB", megabytes < 400))
        return rows


def run() -> list[Row]:
    return rows(200_000, 1_000_000, 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--memory", type=int, default=1_000_000, help="events for the measure of memory; 0: none")
    parser.add_argument("--rounds", type=int, default=3, help="the best of so many is taken, for each side")
    parser.add_argument("--collect", nargs=3, metavar=("URL", "ADDRESS", "FIRST"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.collect:
        url, address, first = args.collect
        print(hauled(url, address, int(first)), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        return
    for row in rows(args.events, args.memory, args.rounds):
        ratio = "" if row.ratio is None else f", {row.ratio:.2f} of it"
        print(f"{row.name}: {row.measured}; {row.against}{ratio} (goal {row.goal}: {'met' if row.met else 'MISSED'})")


if __name__ == "__main__":
    main()
