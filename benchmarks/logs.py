"""How fast settlements are collected from a local node: against web3.py, and against the node's own time.

    python benchmarks/logs.py [--events 200000] [--memory 1000000] [--rounds 3]

All of one run against one node (anvil): events a second of ours (fetched, checked, hashed, decoded) over those of
web3.py's `contract.events.X.get_logs`; ours over the floor, which fetches the same answers with httpx and looks at
nothing; how fast senders of transactions are found; and the most memory a process takes that collects `--memory`
events. web3.py lives in an environment of its own under `benchmarks/out`, made at the first run. Node and reader want
a core each.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bot.sources import _evm_events as events  # noqa: E402
from bot.sources._evm import Chain, Endpoint, Filter, Pin  # noqa: E402
from tests.peers.anvil import Contract, Node, anvil  # noqa: E402

WEB3 = "web3==8.0.0"
BLOB = b"orGaXuTN-hxHTViVALqcbFN8Cv6fxjaC3OUqg1ZjvZY"
A_BLOCK = 1000
"""Events in one transaction, one transaction in a block."""
PEER_BLOCKS = 20
"""Blocks that web3.py reads: it takes a second for three."""
SETTLEMENTS = 500
"""Transactions of one log, whose senders are asked for."""
OUT = Path(__file__).parent / "out"

PEER = """
import json, sys, time
from web3 import Web3
url, address, abi, first, last = json.loads(sys.stdin.read())
eth = Web3(Web3.HTTPProvider(url, request_kwargs={"timeout": 60})).eth
contract = eth.contract(Web3.to_checksum_address(address), abi=abi)
started, count = time.perf_counter(), 0
for block in range(first, last + 1, 4):
    logs = contract.events.BatchSettlement.get_logs(from_block=block, to_block=min(last, block + 3))
    count += sum(log["args"]["batchSize"] > 0 for log in logs)
print(count / (time.perf_counter() - started))
"""


def wanted(address: str) -> Filter:
    return Filter((address,), ((events.topic_of(events.BatchSettlement),),))


def collected(url: str, address: str, first: int) -> tuple[float, int, list[tuple[int, int]]]:
    """Events a second, how many, and the ranges they came in."""
    started, count, ranges = time.perf_counter(), 0, []
    with Chain(Pin(31337, None), [Endpoint(url, rate=1e6, timeout=60)], finality=0) as chain:
        for chunk in chain.logs(wanted(address), first):
            read = [events.read(log) for log in chunk.logs]
            count += sum(isinstance(one, events.BatchSettlement) and one.size > 0 for one in read)
            ranges.append((chunk.from_block, chunk.to_block))
    return count / (time.perf_counter() - started), count, ranges


def floor(url: str, address: str, ranges: list[tuple[int, int]], count: int) -> float:
    """Events a second when the answers' bytes are fetched and nothing is done with them."""
    started = time.perf_counter()
    with httpx.Client(timeout=60) as client:
        for first, last in ranges:
            asked = {**wanted(address).question, "fromBlock": hex(first), "toBlock": hex(last)}
            question = {"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": [asked]}
            _ = client.post(url, json=question).content
    return count / (time.perf_counter() - started)


def peer_python() -> str:
    """An interpreter that has web3.py, in an environment made for it."""
    folder = OUT / "web3"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", WEB3], check=True)
    return str(python)


def peer(node: Node, relay: Contract, first: int) -> float:
    """Events a second of web3.py, on the first blocks."""
    from tests.peers.solidity import contracts

    question = [node.url, relay.address, contracts()["SettlementRelay"].abi, first, first + PEER_BLOCKS - 1]
    done = subprocess.run(
        [peer_python(), "-c", PEER], input=json.dumps(question), capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def memory(node: Node, relay: Contract, first: int) -> tuple[int, float]:
    """Events collected by a process of its own, and the most MB it took."""
    asked = [sys.executable, __file__, "--collect", node.url, relay.address, str(first)]
    count, kilobytes = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
    return int(count), int(kilobytes) / 1024


def senders(node: Node, relay: Contract) -> float:
    """Transactions a second whose sender is asked for, in batches: the cost of what no log says."""
    with Chain(Pin(31337, None), [Endpoint(node.url, rate=1e6, timeout=60)], finality=0) as chain:
        first = node.height + 1
        for i in range(SETTLEMENTS):
            relay.send("batchSettle", i.to_bytes(32), 1, BLOB)
        txs = [log.tx for chunk in chain.logs(wanted(relay.address), first) for log in chunk.logs]
        started = time.perf_counter()
        found = chain.transactions(txs)
        return len(found) / (time.perf_counter() - started)


def emit(relay: Contract, wanted_events: int, done: int = 0) -> None:
    for first in range(done, wanted_events, A_BLOCK):
        relay.send("many", first, A_BLOCK, BLOB)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--memory", type=int, default=1_000_000, help="events for the measure of memory; 0: none")
    parser.add_argument("--rounds", type=int, default=3, help="the best of so many is taken, for each side")
    parser.add_argument("--collect", nargs=3, metavar=("URL", "ADDRESS", "FIRST"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.collect:
        url, address, first = asked.collect
        _, count, _ = collected(url, address, int(first))
        print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        return
    with anvil() as node:
        relay = node.deploy("SettlementRelay", True)
        first = node.height + 1
        emit(relay, asked.events)
        ours, floors, peers = [], [], []
        for _ in range(asked.rounds):
            speed, count, ranges = collected(node.url, relay.address, first)
            ours.append(speed)
            floors.append(floor(node.url, relay.address, ranges, count))
            peers.append(peer(node, relay, first))
        best, under, theirs = max(ours), max(floors), max(peers)
        print(f"ours   {best:>9,.0f} events/s   {count:,} events in {len(ranges)} ranges, best of {asked.rounds}")
        print(f"floor  {under:>9,.0f} events/s   bytes over httpx alone: ours is {best / under:.0%} of it")
        print(f"web3   {theirs:>9,.0f} events/s   {WEB3} get_logs: ours is {best / theirs:.1f} times that")
        print(f"sender {senders(node, relay):>9,.0f} transactions/s   tx.from by eth_getTransactionByHash, in batches")
        if asked.memory:
            emit(relay, asked.memory, asked.events)
            count, megabytes = memory(node, relay, first)
            print(f"memory {megabytes:>9,.0f} MB         at most, for {count:,} events collected by one process")


if __name__ == "__main__":
    main()
