"""A real EVM node in a process of its own, with the contracts of `tests/contracts`.

Blocks are mined on request: `send` mines its transaction before it returns, so no test waits.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import sha3
from eth_abi import decode, encode

from tests.patience import make_client
from tests.peers.solidity import MODULES, contracts

_OFTEN = {"x86_64": "amd64", "aarch64": "arm64"}


def program() -> str:
    """The node's own binary, not its Node.js wrapper, so that ending the process ends the node."""
    machine = platform.machine().lower()
    folder = MODULES / "@foundry-rs" / f"anvil-{sys.platform}-{_OFTEN.get(machine, machine)}"
    path = folder / "bin" / ("anvil.exe" if os.name == "nt" else "anvil")
    if not path.is_file():
        raise RuntimeError(f"{path}: no such file; run: make tests/node_modules/.ready")
    return str(path)


def selector(signature: str) -> bytes:
    """The first four bytes of a function's hash."""
    return bytes(sha3.keccak_256(signature.encode()).digest()[:4])


class RpcFault(Exception):
    """The node returned an error."""


@dataclass(frozen=True, slots=True)
class Node:
    """A running anvil."""

    url: str
    client: httpx.Client

    def rpc(self, method: str, *params: Any) -> Any:
        """One JSON-RPC call. Raises `RpcFault`."""
        question = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answer = self.client.post(self.url, json=question).json()
        if "error" in answer:
            raise RpcFault(str(answer["error"]))
        return answer["result"]

    @property
    def height(self) -> int:
        return int(self.rpc("eth_blockNumber"), 16)

    @property
    def accounts(self) -> list[str]:
        return list(self.rpc("eth_accounts"))

    def mine(self, blocks: int = 1, apart: int = 1) -> None:
        """Mine empty blocks, so many seconds apart."""
        self.rpc("anvil_mine", hex(blocks), hex(apart))

    def at(self, timestamp: int) -> None:
        """Set the next block's time."""
        self.rpc("evm_setNextBlockTimestamp", hex(timestamp))

    def transact(self, sender: str, to: str | None, data: bytes, gas: int = 30_000_000) -> dict[str, Any]:
        """Send a transaction in a block of its own; returns its receipt."""
        entries: dict[str, str] = {"from": sender, "data": "0x" + data.hex(), "gas": hex(gas)}
        if to:
            entries["to"] = to
        tx = self.rpc("eth_sendTransaction", entries)
        # The node returns before its block is mined: ask for the receipt until there is one.
        for _ in range(10_000):
            receipt: dict[str, Any] | None = self.rpc("eth_getTransactionReceipt", tx)
            if receipt:
                if receipt["status"] != "0x1":
                    raise RpcFault(f"{tx}: reverted")
                return receipt
        raise RpcFault(f"{tx}: never mined")

    def deploy(self, name: str, *args: Any, sender: str | None = None) -> Contract:
        """Deploy one of our contracts by name."""
        contract = contracts()[name]
        inputs = next((e["inputs"] for e in contract.abi if e["type"] == "constructor"), [])
        data = contract.creation + encode(_types(inputs), args)
        receipt = self.transact(sender or self.accounts[0], None, data)
        return Contract(self, name, str(receipt["contractAddress"]))

    def place(self, name: str, address: str) -> Contract:
        """Put one of our contracts at a given address, such as a precompile's."""
        real = self.deploy(name)
        self.rpc("anvil_setCode", address, self.rpc("eth_getCode", real.address, "latest"))
        return Contract(self, name, address)


@dataclass(frozen=True, slots=True)
class Contract:
    """A deployed contract; `send` mines, `call` only reads."""

    node: Node
    name: str
    address: str

    def _function(self, name: str) -> dict[str, Any]:
        return next(e for e in contracts()[self.name].abi if e.get("name") == name and e["type"] == "function")

    def data(self, name: str, *args: Any) -> bytes:
        """The call data of a function."""
        types = _types(self._function(name)["inputs"])
        return selector(f"{name}({','.join(types)})") + encode(types, args)

    def send(self, name: str, *args: Any, sender: str | None = None) -> dict[str, Any]:
        """Send a transaction in a block of its own; returns its receipt."""
        return self.node.transact(sender or self.node.accounts[0], self.address, self.data(name, *args))

    def call(self, name: str, *args: Any) -> tuple[Any, ...]:
        """The return values of a function."""
        entries = {"to": self.address, "data": "0x" + self.data(name, *args).hex()}
        answer = self.node.rpc("eth_call", entries, "latest")
        return tuple(decode(_types(self._function(name)["outputs"]), bytes.fromhex(answer[2:])))


def _types(inputs: Any) -> list[str]:
    return [_type(i) for i in inputs]


def _type(parameter: Any) -> str:
    kind = str(parameter["type"])
    if not kind.startswith("tuple"):
        return kind
    return "(" + ",".join(_types(parameter["components"])) + ")" + kind.removeprefix("tuple")


@contextmanager
def anvil(*options: str) -> Iterator[Node]:
    """A node on a free port, stopped at the end of the block. `options` are the program's."""
    command: Sequence[str] = [program(), "--port", "0", "--gas-limit", "1000000000", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if match := re.match(r"Listening on (\S+)", line):
                break
        else:
            raise RuntimeError(f"anvil ended at once with code {process.wait()}")
        # A node writes a line a request: nobody reads them, so they must not fill the pipe.
        with make_client() as client, _drained(process.stdout):
            yield Node(f"http://{match[1]}", client)
    finally:
        process.terminate()
        process.wait(120)
        assert process.stdout is not None
        process.stdout.close()


@contextmanager
def _drained(pipe: Any) -> Iterator[None]:
    import threading

    thread = threading.Thread(target=lambda: [None for _ in pipe], daemon=True)
    thread.start()
    yield
