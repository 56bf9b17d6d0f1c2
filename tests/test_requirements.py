"""Tests are marked with what they start, so that `make test-fast` starts none of it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import conftest, requirements
from tests.peers import enclave, opengradient, pgbouncer

TESTS = Path(__file__).parent


def test_every_file_that_is_listed_exists() -> None:
    listed = {*requirements.SLOW, *conftest.LONGEST}
    assert [name for name in sorted(listed) if not (TESTS / name).is_file()] == []


def test_every_marker_is_registered_and_left_out_by_the_fast_tests() -> None:
    project = tomllib.loads((TESTS.parent / "pyproject.toml").read_text(encoding="utf-8"))
    registered = {line.partition(":")[0] for line in project["tool"]["pytest"]["ini_options"]["markers"]}
    registered.remove("databases")  # chooses databases, starts nothing
    assert registered == {*requirements.STARTS.values(), *requirements.TOOLS, "slow"}
    recipe = re.search(r'-m "not \(([a-z ]+)\)"', (TESTS.parent / "Makefile").read_text(encoding="utf-8"))
    assert recipe and set(recipe[1].split(" or ")) == registered


def _nothing() -> int:
    return len("promtool needs this")


def _directly() -> object:
    return pgbouncer.pooled


def _through_another() -> object:
    return [_directly() for _ in range(2)]


def _through_a_module() -> object:
    return opengradient.world()


def _npm() -> object:
    return enclave.openzeppelin


@pytest.mark.parametrize(
    ("function", "needed"),
    [
        (_nothing, set()),
        (_directly, {"postgresql"}),
        (_through_another, {"postgresql"}),
        (_through_a_module, {"anvil"}),
        (_npm, {"npm"}),
    ],
)
def test_what_a_function_starts_is_read_from_its_code(function: Callable[[], object], needed: set[str]) -> None:
    assert requirements.function_requirements(function) == needed


def test_no_client_of_a_test_has_a_limit_that_a_busy_machine_reaches() -> None:
    """httpx and simcord give up after 5 seconds unless told otherwise."""
    client = r"(?<!\")httpx\.(?:Client|AsyncClient|get|post|request|stream)\((?![^\n]*\btimeout=)"
    made = re.compile(rf"{client}|simcord\.run\((?![^\n]*\bsettle_timeout=)")
    files = [path for path in TESTS.rglob("*.py") if "node_modules" not in path.parts]
    assert [str(path) for path in files if made.search(path.read_text(encoding="utf-8"))] == []
