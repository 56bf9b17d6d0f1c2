"""The one EVM node that the tests of sources share; each test gets it back as it was at the start."""

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
    """A chain of its own with nothing on it: its first block is another than that of every test before."""
    fresh_node.rpc("anvil_reset")
    return fresh_node
