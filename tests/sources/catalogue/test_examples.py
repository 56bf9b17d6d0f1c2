"""Each block of docs/catalogue.md, loaded as `config.yaml` and run against a real server and real databases."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from bot import config, ledger, pipeline, sources, store
from bot.pipeline import NetworkPlan, build_digest
from bot.records import Period, Unknown
from tests import databases
from tests.peers.catalogue_api import KEYS, CatalogueApi
from tests.peers.postgres import Postgres
from tests.peers.served import Server, serving

PAGE = Path(__file__).parents[3] / "docs" / "catalogue.md"
EXAMPLES = dict(re.findall(r"```yaml\n(networks:\n  (\w+):\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL))
EXAMPLES = {name: text for text, name in EXAMPLES.items()}
ONE = timedelta(days=1)
NOW = datetime(2026, 11, 20, 0, 20, tzinfo=UTC)
YESTERDAY = date(2026, 11, 19)

SPEND_LOGS = """
CREATE TABLE "LiteLLM_SpendLogs" (request_id text PRIMARY KEY, model text NOT NULL DEFAULT '', model_group text,
  "startTime" timestamp(3) NOT NULL, "endTime" timestamp(3) NOT NULL, status text);
CREATE TABLE "LiteLLM_DailyUserSpend" (id text PRIMARY KEY, user_id text, date text NOT NULL, model_group text,
  successful_requests bigint NOT NULL DEFAULT 0);
"""
"""The columns that the examples read, as the proxy's own schema has them (schema.prisma of BerriAI/litellm)."""
REGISTRY = """
CREATE TABLE registered_models (name VARCHAR(256) PRIMARY KEY, creation_time BIGINT, description VARCHAR(5000));
CREATE TABLE registered_model_tags (key VARCHAR(250), value VARCHAR(5000), name VARCHAR(256), PRIMARY KEY (key, name));
"""
"""As the registry's own tables (mlflow/store/model_registry/dbmodels/models.py)."""


class World:
    """A ledger, and the company's services."""

    def __init__(self, api: CatalogueApi, server: Server, folder: Path, postgres: Postgres) -> None:
        self.api, self.server, self.folder = api, server, folder
        self.gateway = postgres.bare()
        with psycopg.connect(self.gateway) as connection:
            connection.execute(SPEND_LOGS)
        self.registry = folder / "mlflow.db"
        with sqlite3.connect(self.registry) as tables:
            tables.executescript(REGISTRY)
        self.store, self.now = databases.memory(), NOW

    def load(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """The example as a configuration, with the addresses of this machine."""
        text = re.sub(r"https://[a-z.]+example", self.server.url, EXAMPLES[name])
        path = self.folder / "config.yaml"
        path.write_text(text.replace("pulls.csv", str(self.folder / "pulls.csv")))
        monkeypatch.setenv("GATEWAY_DATABASE", self.gateway)
        monkeypatch.setenv("REGISTRY_DATABASE", f"sqlite:///{self.registry}")
        monkeypatch.setenv("MLFLOW_BASIC", KEYS["Authorization"].removeprefix("Basic "))
        monkeypatch.setenv("IMAGES_KEY", KEYS["X-Api-Key"])
        loaded = config.load(path, sources.settings_types(), {})
        self.name, self.settings = name, loaded.config.networks[name]
        self.secrets = {key: str(loaded.secret_value(key)) for key in self.settings.secret_names}
        declared = sources.load_network(name, self.settings)
        self.plan = NetworkPlan(
            name, declared.TITLE, declared.CATALOGUES, {"catalogue": "models", "figure": "models_used"}
        )

    def collect(self) -> str:
        source = sources.make_source(self.name, self.settings, self.folder, self.secrets, lambda: self.now)
        return pipeline.collect(self.store, self.name, source, None, lambda line: None).error

    def figures(self, day: date = YESTERDAY) -> dict[str, object]:
        document = build_digest(self.store, self.plan, Period(day, day), self.now)
        return {key: figure["value"] for key, figure in document["catalogues"][0]["figures"].items()}

    def log_request(self, number: int, model: str | None, at: str, status: str | None = "success") -> None:
        with psycopg.connect(self.gateway) as connection:
            connection.execute(
                'INSERT INTO "LiteLLM_SpendLogs" VALUES (%s, %s, %s, %s, %s, %s)',
                (str(number), model or "", model, at, at, status),
            )


@pytest.fixture
def world(tmp_path: Path, postgres: Postgres) -> Iterator[World]:
    api = CatalogueApi()
    with serving(api) as server:
        world = World(api, server, tmp_path, postgres)
        yield world
        world.store.close()


def test_every_example_has_a_test() -> None:
    assert set(EXAMPLES) == {"acme", "acme_tables", "acme_images", "acme_file"}


def test_a_registry_against_a_request_log(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp() * 1000)
    world.api.models = [
        {"name": name, "user_id": "ann", "creation_timestamp": made} for name in ("chat", "embed", "rank", "idle", "x")
    ]
    world.log_request(1, "chat", "2026-11-19 00:00:00")
    world.log_request(2, "chat", "2026-11-19 23:59:59.999", None)
    world.log_request(3, "embed", "2026-11-19 12:00:00")
    world.log_request(4, "embed", "2026-11-19 12:00:00", "failure")
    world.log_request(5, None, "2026-11-19 12:00:00")
    world.log_request(6, "rank", "2026-11-18 23:59:59.999")
    world.log_request(7, "retired", "2026-11-03 08:00:00")
    world.log_request(8, "chat", "2026-11-20 00:00:00")
    world.load("acme", monkeypatch)
    assert world.collect() == ""
    figures = world.figures()
    assert (figures["models_listed"], figures["models_used"], figures["uses"]) == (5, 2, 4)
    assert world.figures(YESTERDAY - ONE)["uses"] == 1 and world.figures(date(2026, 11, 3))["uses"] == 1
    assert figures["uses_7d"] is None, "five of the seven days have no row"
    assert len([path for path in world.server.asked if "registered-models" in path]) == 3, "three pages"
    listed = ledger.load_period_data(world.store, world.plan.catalogues[0], Period(YESTERDAY, YESTERDAY)).listed
    assert not isinstance(listed, Unknown) and {model.author for model in listed} == {"ann"}


def test_the_same_from_tables(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with sqlite3.connect(world.registry) as tables:
        tables.executemany("INSERT INTO registered_models VALUES (?, 1767571200000, '')", [("chat",), ("embed",)])
        tables.execute("INSERT INTO registered_model_tags VALUES ('task', 'text', 'chat'), ('x', 'y', 'embed')")
    with psycopg.connect(world.gateway) as connection:
        rows = [("1", "a", "2026-11-17", "chat", 5), ("2", "b", "2026-11-17", "chat", 7)]
        connection.cursor().executemany('INSERT INTO "LiteLLM_DailyUserSpend" VALUES (%s, %s, %s, %s, %s)', rows)
    world.load("acme_tables", monkeypatch)
    assert world.collect() == ""
    assert world.figures(date(2026, 11, 17))["uses"] == 12
    assert world.figures()["uses"] == 0, "a day without rows, after one that is known"
    listed = ledger.load_period_data(world.store, world.plan.catalogues[0], Period(YESTERDAY, YESTERDAY)).listed
    assert not isinstance(listed, Unknown) and {model.category for model in listed} == {"text", None}


def write_pulls(world: World, counts: dict[str, int]) -> None:
    """The same list for the registry of images and for the file."""
    world.api.images = [
        {"name": name, "owner": {"name": "team"}, "registered": "2026-01-05T10:00:00Z", "pull_count": count}
        for name, count in counts.items()
    ]
    lines = ["image,owner,made,pulls", *(f"{name},team,2026-01-05,{count}" for name, count in counts.items())]
    (world.folder / "pulls.csv").write_text("\r\n".join(lines) + "\r\n", encoding="utf-8-sig")


@pytest.mark.parametrize("name", ["acme_images", "acme_file"])
def test_a_list_of_pulls(world: World, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    world.load(name, monkeypatch)
    write_pulls(world, {"one": 10, "two": 0, "three": 7})
    world.now -= ONE
    assert world.collect() == ""
    assert world.figures(YESTERDAY - ONE)["uses"] is None, "one night has no difference"
    asked = len(world.server.asked)
    assert world.collect() == "" and len(world.server.asked) == asked, "the list is read once a day"
    world.now += ONE
    write_pulls(world, {"one": 14, "two": 0, "three": 7})
    assert world.collect() == ""
    figures = world.figures()
    assert (figures["uses"], figures["models_used"], figures["models_listed"]) == (4, 1, 3)


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_no_secret_is_stored_or_shown(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    world.load(name, monkeypatch)
    write_pulls(world, {"one": 1})
    world.api.models = [{"name": "chat", "user_id": "ann", "creation_timestamp": 1_767_571_200_000}]
    world.collect()
    stored = b"".join(path.read_bytes() for path in (world.folder / "lake").rglob("*") if path.is_file())
    shown = repr(sources.make_source(name, world.settings, world.folder, world.secrets, lambda: NOW)).encode()
    for secret in world.secrets.values():
        assert secret.encode() not in stored + shown
    refs = ledger.load_period_data(world.store, world.plan.catalogues[0], Period(YESTERDAY, YESTERDAY)).refs
    assert not any("?" in ref.url or "@" in ref.url for ref in refs)


def test_doctor_reads_the_first_rows(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    check: Callable[[str], str] = lambda name: sources.load_network(name, world.settings).check_reachable(  # noqa: E731
        world.settings, world.folder, world.secrets
    )
    world.api.models = [{"name": f"m{n}", "user_id": "ann", "creation_timestamp": 1} for n in range(5)]
    write_pulls(world, {"one": 1})
    world.load("acme", monkeypatch)
    assert check("acme").startswith(world.server.url) and "2 models on its first page" in check("acme")
    assert "database GATEWAY_DATABASE answers, 0 rows of use" in check("acme")
    world.load("acme_file", monkeypatch)
    assert check("acme_file") == "file pulls.csv answers, 1 model on its first page"


def test_a_ref_is_checked_against_what_was_stored(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.load("acme_images", monkeypatch)
    write_pulls(world, {"one": 1, "two": 2, "three": 3})
    world.collect()
    (ref,) = ledger.load_period_data(world.store, world.plan.catalogues[0], Period(YESTERDAY, YESTERDAY)).refs
    document = {"url": ref.url, "sha256": ref.sha256, "at": ref.at.isoformat()}
    assert sources.verify_ref("acme_images", world.settings, world.folder, document)["state"] == "intact"
    assert isinstance(world.store, store.Store)
