"""A list of your own: what its rows may hold, where it may lead, and what a mistake says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bot import config, ledger, pipeline, sources
from bot.pipeline import NetworkPlan, build_digest
from bot.records import MAX_COUNT, Period, Unknown
from bot.render import build_post
from bot.render.embeds import embed_texts
from bot.sources.catalogue import Settings
from bot.sources.catalogue.rows import count_of, encode_rows, instant_of
from tests import databases
from tests.hostile import NAMES
from tests.peers.catalogue_api import KEYS, CatalogueApi, Fault
from tests.peers.served import Server, serving

NOW = datetime(2026, 11, 20, 0, 20, tzinfo=UTC)
DAY = date(2026, 11, 19)
ONE = timedelta(days=1)
SECRETS = {"IMAGES_KEY": KEYS["X-Api-Key"]}


def settings(models: dict[str, Any], **more: Any) -> Any:
    keys = {"counter": "pulls"} if "uses" not in more else {}
    return Settings.model_validate(
        {"title": "Acme", "unit": "pulls", "silence": 1, "models": {"keys": keys, **models}, **more}
    )


class World:
    """A ledger and a list."""

    def __init__(self, api: CatalogueApi, server: Server, folder: Path) -> None:
        self.api, self.server, self.folder = api, server, folder
        self.store, self.now = databases.memory(), NOW

    def collect(self, chosen: Any, wanted: Period | None = None) -> str:
        source = sources.make_source("acme", chosen, self.folder, SECRETS, lambda: self.now)
        return pipeline.collect(self.store, "acme", source, wanted, lambda line: None).error

    def web(self, path: str, next_rule: dict[str, Any] | None = None, **more: Any) -> str:
        rows = {} if path == "linked" else {"rows": "results"}
        models = {"address": f"{self.server.url}/{path}", "headers": {"X-Api-Key": "${IMAGES_KEY}"}, **rows}
        return self.collect(settings({**models, **({"next": next_rule} if next_rule else {})}, **more))

    def file(self, content: bytes | str | list[Any], **more: Any) -> str:
        path = self.folder / "list"
        text = json.dumps(content) if isinstance(content, list) else content
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
        models = {"file": str(path), **{key: more.pop(key) for key in ("format", "rows", "keys") if key in more}}
        return self.collect(settings(models, **more))

    def names(self) -> set[str]:
        plan = sources.load_network("acme", settings({"file": "list"}))
        listed = ledger.load_period_data(self.store, plan.CATALOGUES[0], Period(DAY, DAY)).listed
        return set() if isinstance(listed, Unknown) else {str(model.name) for model in listed}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    api = CatalogueApi()
    api.models = api.images = [{"name": f"m{n}", "pulls": n} for n in range(5)]
    with serving(api) as server:
        world = World(api, server, tmp_path)
        yield world
        world.store.close()


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("linked", {"rule": "link"}),
        ("repositories", {"rule": "address", "path": "next"}),
        ("paged", {"rule": "page", "parameter": "page"}),
    ],
)
def test_every_page_is_read(world: World, path: str, rule: dict[str, Any]) -> None:
    assert world.web(path, rule) == ""
    assert world.names() == {"m0", "m1", "m2", "m3", "m4"}
    assert len(world.server.asked) == (4 if rule["rule"] == "page" else 3)


def test_a_next_page_elsewhere_is_refused_and_not_asked(world: World) -> None:
    with serving(CatalogueApi()) as other:
        for there in (f"{other.url}/repositories", "//evil.example/x", "/admin", "https://user@evil.example/"):
            world.api.next_address = there
            assert "its next page is" in world.web("repositories", {"rule": "address", "path": "next"})
        assert not other.asked and world.names() == set()


def test_pages_that_form_a_loop_end(world: World) -> None:
    world.api.next_address = "/repositories?page=2"
    assert "form a loop" in world.web("repositories", {"rule": "address", "path": "next"})


def test_pages_without_end_end_at_the_budget(world: World) -> None:
    world.api.page = 1
    error = world.web("repositories", {"rule": "address", "path": "next"}, page_budget=3)
    assert "goes on after 3 pages" in error and len(world.server.asked) == 3


def test_the_pages_of_a_list_are_capped_together(world: World) -> None:
    world.api.images = [{"name": f"m{n}", "pulls": n, "text": "x" * 1500} for n in range(6)]
    error = world.web("repositories", {"rule": "address", "path": "next"}, max_bytes=4096)
    assert "has more than 4,096 bytes; raise max_bytes" in error and len(world.server.asked) == 2


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        (Fault(302, b"", {"Location": "https://evil.example/"}), "answered 302, wanted 200"),
        (Fault(401), "answered 401"),
        (Fault(503), "answered 503"),
        (Fault(body=b"<html>"), "web page"),
        (Fault(body=b"{"), "is not JSON that can be read"),
        (Fault(body=b"[" * 4000), "is not JSON that can be read"),
        (Fault(body=b'{"items": []}'), "has no list of rows under 'results'; it has items; correct `rows`"),
        (Fault(body=b'{"results": [3]}'), "row 1: found 3, wanted an object"),
        (Fault(body=b'{"results": []}'), "lists no model"),
        (Fault(body=b'{"results": "' + b"x" * 5000 + b'"}'), "more than 4096 bytes; refused"),
        (Fault(hangs=True), "no answer within 1 s"),
    ],
)
def test_a_wrong_answer_is_one_line_and_keeps_nothing(world: World, fault: Fault, wanted: str) -> None:
    world.api.fault = fault
    error = world.web("repositories", max_bytes=4096)
    assert wanted in error and len(error.splitlines()) == 1 and KEYS["X-Api-Key"] not in error
    assert world.names() == set()
    world.api.fault = None
    assert world.web("repositories") == "", "it is read again"


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ([{"name": "a", "pulls": -1}], "row 1: counter: found -1, wanted a whole number from 0 on"),
        ([{"name": "a", "pulls": 1.5}], "wanted a whole number"),
        ([{"name": "a", "pulls": True}], "wanted a whole number"),
        ([{"name": "a", "pulls": "1e3"}], "wanted a whole number"),
        ([{"name": "a", "pulls": MAX_COUNT + 1}], "wanted at most 1,000,000,000,000,000"),
        ([{"name": "a", "pulls": 1}, {"name": "a", "pulls": 2}], "row 2: a: has two counters that differ"),
        ([{"name": "a", "pulls": 1}, {"pulls": 2}], "row 2: name: found no name"),
        ([{"name": ["a"], "pulls": 1}], "row 1: name: found ['a'], wanted a text"),
        ([{"name": "x" * 501, "pulls": 1}], "wanted a text of at most 500 characters"),
        ([{"title": "a", "pulls": 1}], "keys.name: no row has 'name'; the first one has title, pulls"),
        ([{"name": "a", "used": 1}], "keys.counter: no row has 'pulls'"),
        ([{"name": f"m{n}", "pulls": n} for n in range(21)], "has more than 20 rows; raise max_rows"),
        (b"\xff", "is not JSON"),
    ],
)
def test_a_row_that_does_not_fit_refuses_the_reading(world: World, content: Any, wanted: str) -> None:
    error = world.file(content, max_rows=20)
    assert wanted in error and len(error.splitlines()) == 1
    assert world.names() == set()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("name,pulls\na,1,2\n", "line 2 has 3 fields, the first one 2"),
        ("name,name\na,1\n", "two columns have the same head"),
        ('name,pulls\n"a,1\n', "is not CSV that can be read"),
    ],
)
def test_a_crooked_table_is_refused(world: World, text: str, wanted: str) -> None:
    assert wanted in world.file(text, format="csv")


def test_lines_of_json_are_rows(world: World) -> None:
    assert world.file('{"name": "a", "pulls": 1}\n{"name": "b", "pulls": "2"}\n', format="jsonl") == ""
    assert world.names() == {"a", "b"}


@pytest.mark.parametrize(
    "value", [1767571200, 1767571200000, "1767571200000", "2026-01-05", "2026-01-05T02:00:00+02:00"]
)
def test_an_instant_may_be_given_in_several_ways(value: Any) -> None:
    assert instant_of(value) == datetime(2026, 1, 5, tzinfo=UTC)


@pytest.mark.parametrize("value", [True, "yesterday", [], 1e300, "9" * 400, "0001-01-01T00:00:00+14:00"])
def test_what_is_no_instant_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="a day or an instant"):
        instant_of(value)


def test_counts_of_databases_are_whole_numbers() -> None:
    assert [count_of(value) for value in (7, "7", "7.00", 7.0)] == [7, 7, 7, 7]
    with pytest.raises(ValueError, match="at most 1,000,000"):
        count_of("9" * 400)


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_a_number_of_a_query_that_json_cannot_hold_does_not_become_unknown(number: float) -> None:
    (row,) = json.loads(encode_rows([{"pulls": number}]))
    with pytest.raises(ValueError, match="a whole number"):
        count_of(row["pulls"])


def test_hostile_names_are_counted_and_hurt_nobody(world: World) -> None:
    rows = [{"name": name, "pulls": 5, "by": name, "kind": name} for name in dict.fromkeys(NAMES) if name.strip()]
    keys = {"counter": "pulls", "author": "by", "category": "kind"}
    world.now -= ONE
    assert world.file(rows, keys=keys) == ""
    world.now += ONE
    assert world.file([{**row, "pulls": 9} for row in rows], keys=keys) == ""
    words = {"title": "@everyone <script> acme.ai", "source": "https://acme.ai/ 7 @everyone", "licence": "CC BY 4.0"}
    declared = sources.load_network("acme", settings({"file": "list"}, **words))
    plan = NetworkPlan("acme", declared.TITLE, declared.CATALOGUES, {"catalogue": "models", "figure": "models_used"})
    document = build_digest(world.store, plan, Period(DAY, DAY), NOW)
    assert document["catalogues"][0]["figures"]["models_used"]["value"] == len(rows)
    for outlet in ("x", "discord"):
        post = build_post(document, outlet)
        words = "".join(post.parts) + json.dumps(embed_texts(post.embed) if post.embed else "")
        for hurtful in ("@everyone", "acme.ai", "@here"):
            assert hurtful not in words, (outlet, hurtful, words)


def use_rows(**days: int) -> list[dict[str, Any]]:
    return [{"name": "m1", "day": day.replace("d", "2026-11-"), "uses": uses} for day, uses in days.items()]


@pytest.mark.parametrize(("without_rows", "middle", "before"), [("unknown", None, None), ("zero", 0, None)])
def test_a_day_without_rows_is_unknown_or_zero_after_a_known_one(
    world: World, without_rows: str, middle: int | None, before: int | None
) -> None:
    (world.folder / "uses").write_text(json.dumps(use_rows(d17=5, d19=7)))
    (world.folder / "models").write_text(json.dumps([{"name": "m1"}]))
    uses = {"file": str(world.folder / "uses"), "reread": 4, "without_rows": without_rows}
    chosen = settings({"file": str(world.folder / "models")}, uses=uses)
    assert world.collect(chosen) == ""
    declared = sources.load_network("acme", chosen)

    def uses_of(day: int) -> int | None:
        flow = ledger.load_period_data(
            world.store, declared.CATALOGUES[0], Period(date(2026, 11, day), date(2026, 11, day))
        ).flow
        return None if isinstance(flow, Unknown) else flow.uses

    assert [uses_of(day) for day in (16, 17, 18, 19)] == [before, 5, middle, 7]


def test_a_day_that_comes_late_or_differs_is_read_again(world: World) -> None:
    uses, models = world.folder / "uses", world.folder / "models"
    models.write_text(json.dumps([{"name": "m1"}]))
    uses.write_text(json.dumps(use_rows(d18=5)))
    chosen = settings({"file": str(models)}, uses={"file": str(uses)})
    world.collect(chosen)
    uses.write_text(json.dumps(use_rows(d18=5, d19=7)))
    world.collect(chosen)
    uses.write_text(json.dumps(use_rows(d18=6, d19=8)))
    world.collect(chosen)
    (catalogue,) = sources.load_network("acme", chosen).CATALOGUES
    read = [ledger.load_period_data(world.store, catalogue, Period(DAY - n * ONE, DAY - n * ONE)).flow for n in (1, 0)]
    assert [flow.uses for flow in read if not isinstance(flow, Unknown)] == [5, 7], "once complete, once a day"
    world.now += ONE
    world.collect(chosen)
    read = [ledger.load_period_data(world.store, catalogue, Period(DAY - n * ONE, DAY - n * ONE)).flow for n in (1, 0)]
    assert [flow.uses for flow in read if not isinstance(flow, Unknown)] == [6, 8]


LIST = {"file": "list.json"}


@pytest.mark.parametrize(
    ("block", "wanted"),
    [
        ({"models": {}}, "wanted one of address, file and database"),
        ({"models": {"file": "a", "address": "https://a.example/"}}, "found address and file"),
        ({"models": {"database": "DB"}}, "wanted database and query together"),
        ({"models": {"database": "DB", "query": "DROP TABLE m"}}, "begins with SELECT or WITH"),
        ({"models": {"database": "DB", "query": "SELECT 1; DROP TABLE m"}}, "without `;`"),
        ({"models": {"database": "postgresql://u:p@h/d", "query": "SELECT 1"}}, "pattern"),
        ({"models": {"address": "https://user:word@a.example/"}}, "without user name"),
        ({"models": {"address": "ftp://a.example/"}}, "wanted https"),
        ({"models": {"address": "http://a.example/", "headers": {"X-Key": "${KEY}"}}}, "wanted https"),
        ({"models": {"address": "https://a.example/", "headers": {"X-Key": "plain"}}}, "environment variable"),
        ({"models": {"address": "https://a.example/", "headers": {"Host": "${KEY}"}}}, "no header that can be set"),
        ({"models": {"address": "https://a.example/", "next": {"rule": "token"}}}, "wanted path and parameter"),
        ({"models": LIST}, "either models.keys.counter or uses"),
        ({"models": {**LIST, "keys": {"counter": "n"}}, "uses": LIST}, "either models.keys.counter or uses"),
        ({"models": {**LIST, "keys": {"counter": "n"}}, "title": "a\u202eb"}, "without control characters"),
        ({"models": {**LIST, "keys": {"counter": "n"}}, "title": "Acme 7"}, "without digits"),
        ({"models": {**LIST, "keys": {"counter": "n"}}, "licence": "MIT"}, "wanted source with it"),
    ],
)
def test_a_mistake_in_the_block_is_named(block: dict[str, Any], wanted: str) -> None:
    with pytest.raises(ValidationError, match=wanted):
        Settings.model_validate({"title": "Acme", **block})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Acme: {kind: catalogue}", "networks.Acme: wanted a name of its own"),
        ("replicate: {kind: catalogue}", "networks.replicate: wanted a name of its own"),
        (
            "networks: {kind: catalogue, title: A, models: {file: a.json}, uses: {file: b.json}}",
            "of the comparison[^\n]*$",
        ),
        ("acme: {kind: list}", "networks.acme.kind: found 'list', wanted one of catalogue"),
        ("acme: {kind: replicate}", "networks.acme.kind: found 'replicate', wanted one of catalogue"),
        ("acme: {kind: catalogue}", "networks.acme.title"),
        ("acme: {}", "networks.acme: no such network"),
    ],
)
def test_a_mistake_in_the_name_or_kind_is_named(tmp_path: Path, text: str, wanted: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"networks:\n  {text}\n")
    with pytest.raises(config.ConfigError, match=wanted):
        config.load(path, sources.settings_types(), {})


def test_several_lists_stand_side_by_side_and_may_be_scheduled(tmp_path: Path) -> None:
    block = "{kind: catalogue, title: A list, models: {file: a, keys: {counter: n}}}"
    path = tmp_path / "config.yaml"
    path.write_text(
        f"networks:\n  first: {block}\n  second: {block}\nschedule: [{{name: daily, networks: [first, second]}}]\n"
    )
    loaded = config.load(path, sources.settings_types(), {})
    assert list(loaded.config.networks) == ["first", "second"]
    declared = [sources.load_network(name, block) for name, block in loaded.config.networks.items()]
    assert [network.CATALOGUES[0].network for network in declared] == ["first", "second"]


def test_a_variable_that_is_not_set_is_named(world: World) -> None:
    chosen = settings({"address": world.server.url, "headers": {"X-Api-Key": "${OTHER_KEY}"}})
    assert "OTHER_KEY is not set" in world.collect(chosen)
    assert "database GATEWAY: GATEWAY is not set" in world.collect(
        settings({"database": "GATEWAY", "query": "SELECT 1"})
    )
