"""Shared fixtures: a database of each kind, Replicate's record in the ledger, and the judge of every request."""

from __future__ import annotations

import gc
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from hypothesis import settings
from simcord.http import router

from bot import pipeline, store
from bot.archive import Archive
from bot.cli.app_context import AppContext
from bot.discord_bot import connection as discord_connection
from bot.lake import LakeSettings
from tests import databases, record_slices, requirements, statement_cache
from tests.built_once import build_once
from tests.evm_node import fresh_node as fresh_node  # noqa: PLC0414  the fixture
from tests.evm_node import node as node  # noqa: PLC0414  the fixture
from tests.peers.judge import JUDGE, hear_simcord, summary_lines
from tests.peers.postgres import Postgres

settings.register_profile("any speed", settings.default, deadline=None)
settings.load_profile("any speed")
statement_cache.share_compiled_statements()
# structlog's own default draws each traceback with the values of all variables, which takes seconds.
PLAIN_LINES = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[*structlog.get_config()["processors"][:-1], PLAIN_LINES])
# Without compiled files, each of the many processes that tests start compiles Footfall and the tests anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
TALLY: Counter[str] = Counter()
"""Counts of the judges in xdist's workers."""
LONGEST = (
    "test_newsroom.py",
    "test_browser.py",
    "test_crash_matrix_discord.py",
    "test_dask_executor.py",
    "test_crash_matrix_x.py",
    "worker/test_worker_with_discord.py",
    "worker/test_worker.py",
    "test_half_year.py",
    "sources/opengradient/test_days.py",
    "test_crash_matrix_free_outlets.py",
    "ledger/test_lake.py",
    "test_documented_commands.py",
    "test_secrets.py",
    "web/test_connections.py",
    "test_contributing.py",
)
"""Files that start first, so that no other process waits for one of them at the end."""


@pytest.fixture(scope="session", autouse=True)
def _judge() -> Iterator[None]:
    """The judge hears every request to X and Discord until the last peer has stopped."""
    JUDGE.sitting = True
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(router, "dispatch", hear_simcord(router.dispatch))
        yield
    assert not (faults := JUDGE.verdict()), faults


@pytest.fixture(scope="session", autouse=True)
def _loaded_stays() -> Iterator[None]:
    """The bot does not search for garbage at its start, which takes half a second. Its own search has a test in
    `tests/discord_bot/test_connection.py`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(discord_connection, "gc_frozen", nullcontext)
        yield


@pytest.fixture(autouse=True)
def _verdict() -> Iterator[None]:
    """Every request of a test must agree with the platform's description."""
    yield
    assert not (faults := JUDGE.verdict()), faults


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of an empty database on each kind, or on the kinds of the marker `databases`."""
    marks = list(metafunc.definition.iter_markers("parametrize"))
    given = [mark.args[0] if mark.args else mark.kwargs["argnames"] for mark in marks]
    named = {name.strip() for names in given for name in (names.split(",") if isinstance(names, str) else names)}
    if "url" in metafunc.fixturenames and "url" not in named:
        marker = metafunc.definition.get_closest_marker("databases")
        metafunc.parametrize("url", marker.args if marker else ("sqlite", "postgresql"), indirect=True)


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Set the markers of each test; the longest files first."""
    for item in items:
        requirements.mark_item(item)
    place = {Path(__file__).parent / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


def pytest_collection_finish() -> None:
    """Modules and collected tests stay: no search for garbage needs to look at them."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


def pytest_unconfigure() -> None:
    """Libraries report what is left at the end of a process."""
    gc.unfreeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`: one more than there are processors, since tests wait for servers, processes and time-outs as well."""
    return (os.cpu_count() or 1) + 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send the judge's counts to the main process, if there is one."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["judged"] = dict(JUDGE.tally)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Collect the counts of an xdist worker that has ended."""
    TALLY.update(getattr(node, "workeroutput", {}).get("judged", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The last lines say how many requests were compared with the platforms' descriptions, or that none were."""
    for line in summary_lines(TALLY + JUDGE.tally):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    cluster = Postgres()
    yield cluster
    cluster.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'bare.db'}"
    address: str = request.getfixturevalue("postgres").bare()
    return address


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database with this version's tables, of each kind in turn."""
    if request.param == "sqlite":
        return databases.sqlite(tmp_path / "footfall.db")
    address: str = request.getfixturevalue("postgres").database()
    return address


@pytest.fixture
def db(url: str, tmp_path: Path) -> Iterator[store.Store]:
    """An empty, migrated database, of each kind in turn, with a lake in a folder."""
    opened = store.open_store(url, LakeSettings(str(tmp_path / "lake")))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that all processes of this run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def record(shared: Path) -> Path:
    """The nights of Replicate's record that the README shows, as a record of their own. Read-only."""
    nights = record_slices.README_NIGHTS
    return build_once(shared / "record", lambda folder: record_slices.write_slice(folder, *nights, hours="0"))


@pytest.fixture(scope="session")
def watched(record: Path, shared: Path) -> Path:
    """An operator's folder after some time: `config.yaml`, and in `data` a database with 29 nights of Replicate's
    record and a digest of each of their days. Read-only: copy it."""
    return build_once(shared / "watched", lambda folder: _watch(folder, record))


def _watch(folder: Path, record: Path) -> None:
    folder.mkdir()
    config = f"data: {folder / 'data'}\nout: {folder / 'out'}\nnetworks:\n  replicate:\n    record: {record}\n"
    (folder / "config.yaml").write_text(config)
    parts = AppContext(folder / "config.yaml")
    plan, at = parts.network_plan("replicate"), datetime(2025, 2, 1, tzinfo=UTC)
    came = pipeline.collect(parts.store, plan.network, parts.make_source(plan.network), None, lambda _line: None)
    assert (came.new, came.error) == (29, "")
    for period in pipeline.covered_periods(parts.store, plan, "day"):
        pipeline.compose_digest(parts.store, Archive(parts.store), plan, period, at)
    parts.close()
