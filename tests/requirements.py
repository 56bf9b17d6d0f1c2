"""What a test needs besides Python, read from the code of it and its fixtures: the markers of `conftest.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

import pytest
from playwright.sync_api import sync_playwright

from tests.peers import cluster, pgbouncer, solidity
from tests.peers.anvil import anvil
from tests.peers.postgres import Postgres

STARTS: dict[object, str] = {
    Postgres: "postgresql",
    pgbouncer.pooled: "postgresql",
    sync_playwright: "chromium",
    anvil: "anvil",
    solidity.node: "npm",
    cluster.Dask: "dask",
    cluster.Hosts: "dask",
    cluster.Loopback: "dask",
}
"""Functions that start or fetch something, with their markers."""
TOOLS = frozenset({"promtool"})
"""Commands that are looked up by name; each is a marker."""
SLOW = (
    "chain/test_reader.py",
    "deliveries/test_state_machine.py",
    "discord_bot/test_connection.py",
    "discord_bot/test_limits.py",
    "discord_bot/test_locales.py",
    "findings/test_findings.py",
    "lake/test_s3.py",
    "ledger/test_lake.py",
    "ledger/test_ledger.py",
    "pipeline/test_polls.py",
    "pipeline/test_x_threads.py",
    "sources/replicate/test_record_files.py",
    "sources/replicate/test_whole_record.py",
    "subscriptions/test_worker.py",
    "test_contributing.py",
    "test_crash_matrix_discord.py",
    "test_crash_matrix_free_outlets.py",
    "test_crash_matrix_x.py",
    "cli/test_health.py",
    "test_deploy.py",
    "test_deploy_shapes.py",
    "test_documented_commands.py",
    "test_half_year.py",
    "test_machines.py",
    "test_mcp_server.py",
    "test_plausibility.py",
    "test_newsroom.py",
    "test_proxies.py",
    "test_secrets.py",
    "web/test_connections.py",
    "worker/test_worker.py",
    "worker/test_worker_with_discord.py",
)
"""Files that start or kill processes again and again, wait for time-outs, publish or write a site again and again, live
through months, read the whole record of a network, or draw many worlds."""
_needs: dict[CodeType, frozenset[str]] = {}


def mark_item(item: pytest.Item) -> None:
    """Set the markers of one test."""
    needed = set(_item_requirements(item))
    if item.path.relative_to(Path(__file__).parent).as_posix() in SLOW:
        needed.add("slow")
    for name in sorted(needed):
        item.add_marker(name)


def _item_requirements(item: pytest.Item) -> Iterator[str]:
    if not isinstance(item, pytest.Function):
        return
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    if "postgresql" in parameters.values():
        yield "postgresql"
    fixtures = [defined[-1].func for defined in item._fixtureinfo.name2fixturedefs.values()]
    for function in (item.function, *fixtures):
        yield from function_requirements(function)


def function_requirements(function: Callable[..., object]) -> frozenset[str]:
    """The requirements of a function in `tests/`, and of those that it names."""
    function = getattr(function, "__wrapped__", function)
    code = getattr(function, "__code__", None)
    if not isinstance(function, FunctionType) or not isinstance(code, CodeType):
        return frozenset()
    if code not in _needs:
        _needs[code] = frozenset()  # functions may name each other
        named = _named_requirements(_named_objects(code, function.__globals__))
        _needs[code] = frozenset(named) | (TOOLS & {text for text in code.co_consts if isinstance(text, str)})
    return _needs[code]


def _named_requirements(named: Iterable[object]) -> Iterator[str]:
    for thing in named:
        if isinstance(thing, type | FunctionType) and thing in STARTS:
            yield STARTS[thing]
        elif str(getattr(thing, "__module__", "")).startswith("tests."):
            yield from function_requirements(thing)  # type: ignore[arg-type]


def _named_objects(code: CodeType, names: dict[str, object]) -> Iterator[object]:
    """Everything that a function's code, or code inside it, names: globals and attributes of modules."""
    modules = [names[name] for name in code.co_names if isinstance(names.get(name), ModuleType)]
    for name in code.co_names:
        for place in (names, *map(vars, modules)):
            if name in place:
                yield place[name]
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _named_objects(constant, names)
