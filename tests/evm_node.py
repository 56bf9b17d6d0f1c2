"""The EVM node that the tests of sources share; each test gets it in its initial state."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.peers.anvil import Node, anvil


@pytest.fixture(scope="session")
def fresh_node() -> Iterator[Node]:
    with anvil() as running:
        yield running


@pytest.fixture
def node(fresh_node: Node) -> Node:
    """A new, empty chain: its first block differs from that of all tests before."""
    fresh_node.rpc("anvil_reset")
    return fresh_node
