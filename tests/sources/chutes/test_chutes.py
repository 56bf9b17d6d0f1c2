"""Chutes from its answers to the digest, with real figures and with every fault that its API is known to have."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bot import ledger, pipeline
from bot.archive import Archive
from bot.pipeline import NetworkPlan
from bot.pipeline.composition import build_digest, compose_digest, outdated_periods
from bot.records import Period, Unknown
from bot.sources import chutes, make_source
from bot.store import Store
from tests import databases
from tests.patience import PATIENCE
from tests.peers.chutes_api import ChutesApi, Fault
from tests.peers.ports import reserved
from tests.peers.served import Server, serving

DAY = date(2026, 9, 7)
ONE = timedelta(days=1)
NOW = datetime(2026, 9, 8, 0, 20, tzinfo=UTC)
(MODELS,), (TRAFFIC,) = chutes.CATALOGUES, chutes.PANELS
PLAN = NetworkPlan("chutes", "Chutes", chutes.CATALOGUES, {"catalogue": "models", "figure": "uses"}, (), chutes.PANELS)
QWEN = "ac059e33-eb27-541c-b9a9-24b214036475"


def row(chute: str, name: str, day: date, requests: int, tokens: tuple[int, int] = (0, 0)) -> dict[str, Any]:
    names = ("chute_id", "name", "date", "total_requests", "total_input_tokens", "total_output_tokens")
    return dict(zip(names, (chute, name, day.isoformat(), requests, *tokens), strict=True))


class World:
    """A ledger, and Chutes as a local server."""

    def __init__(self, store: Store, api: ChutesApi, server: Server, folder: Path) -> None:
        self.store, self.api, self.server, self.folder = store, api, server, folder
        self.now = NOW
        self.settings = chutes.Settings(api=server.url, gateway=server.url, contact="ops@example.org", silence=60)

    def collect(self, wanted: Period | None = None, reread: bool = False) -> str:
        source = make_source("chutes", self.settings, self.folder, {}, lambda: self.now)
        return pipeline.collect(self.store, "chutes", source, wanted, lambda line: None, reread=reread).error

    def day(self, day: date = DAY) -> Any:
        return ledger.load_period_data(self.store, MODELS, Period(day, day))

    def digest(self, day: date = DAY) -> Any:
        return build_digest(self.store, PLAN, Period(day, day), self.now)

    def figure(self, key: str, day: date = DAY, panel: bool = False) -> Any:
        document = self.digest(day)
        return document["panels" if panel else "catalogues"][0]["figures"][key]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    api = ChutesApi()
    with serving(api) as server:
        store = databases.memory()
        yield World(store, api, server, tmp_path)
        store.close()


def rows_of(api: ChutesApi, day: date = DAY) -> list[dict[str, Any]]:
    return [row for row in api.rows if row["date"] == day.isoformat()]


def test_a_real_day_has_its_real_figures(world: World) -> None:
    assert "answered without a row" in world.collect()  # the history of the recorded answer begins in September
    named = [row for row in rows_of(world.api) if row["name"] != "[private]"]
    flow = world.day().flow
    assert flow.uses == sum(row["total_requests"] for row in named) and flow.unattributed == 0
    assert world.figure("models_used")["value"] == len(named)
    assert world.figure("uses_reported")["value"] == flow.uses
    assert world.figure("top_1_share")["value"] == max(row["total_requests"] for row in named) / flow.uses
    assert world.digest()["catalogues"][0]["history"][-1]["uses"] == flow.uses


def test_private_chutes_stand_beside_the_list(world: World) -> None:
    world.collect()
    private = sum(row["total_requests"] for row in rows_of(world.api) if row["name"] == "[private]")
    every = sum(row["total_requests"] for row in rows_of(world.api))
    assert private > 0
    assert world.figure("requests_private", panel=True)["value"] == private
    assert world.figure("share_private", panel=True)["value"] == private / every
    read = sum(row["total_input_tokens"] for row in rows_of(world.api))
    assert world.figure("tokens_in", panel=True)["value"] == read
    assert "[private]" not in json.dumps(world.digest())


def test_the_real_fall_of_a_model_is_believed(world: World) -> None:
    world.collect()
    uses = [
        next(
            (
                n
                for key, n in world.day(day).flow.by_model.items()
                if _name(world, key, day).startswith("Qwen/Qwen3-32B")
            ),
            0,
        )
        for day in (date(2026, 9, 3), DAY)
    ]
    assert uses == [3_502_504, 915_826]


def _name(world: World, key: int, day: date) -> str:
    book = world.day(day)
    listed = () if isinstance(book.listed, Unknown) else book.listed
    return str({**book.names, **{model.id: model.name for model in listed}}[key])


def test_a_first_start_fills_the_history_month_by_month(world: World) -> None:
    day, rows = date(2025, 1, 30), []
    while day <= DAY:
        rows.append(row("a", "x/one", day, 10))
        day += ONE
    world.api.rows = rows
    assert not world.collect()
    months = [path for path in world.server.asked if "stats/llm" in path]
    assert len(months) == 1 + 20
    span = ledger.read_span(world.store, MODELS)
    assert span and (span.first, span.last) == (date(2025, 1, 30), DAY)
    book = world.day(date(2025, 3, 1))
    assert book.flow.uses == 10 and isinstance(book.listed, Unknown) and book.total_7d == 70
    figure = world.figure("models_used", date(2025, 3, 1))
    assert (figure["value"], figure["label"]) == (1, "named models used")
    assert world.figure("share_used", date(2025, 3, 1))["value"] is None
    assert not world.collect()
    assert len([path for path in world.server.asked if "stats/llm" in path]) == 21, "one read a day"


def test_nothing_is_compared_across_the_change_of_method(world: World) -> None:
    world.api.rows = [row("a", "x/one", date(2025, 8, 1) + n * ONE, 10 + n) for n in range(60)]
    world.collect(Period(date(2025, 8, 1), date(2025, 9, 29)))
    day = date(2025, 8, 29)
    book = world.day(day)
    assert "2025" in book.total_7d.reason and isinstance(book.total_prior_7d, Unknown)
    assert [point.day for point in book.history] == [date(2025, 8, 26) + n * ONE for n in range(4)]
    assert isinstance(world.day(date(2025, 8, 26)).flow_before, Unknown)
    assert world.day(date(2025, 8, 26)).flow.uses == 35
    later = world.day(date(2025, 9, 20))
    assert later.total_7d == sum(10 + n for n in range(44, 51)) and isinstance(later.total_prior_7d, int)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(body=b"[]"), "its cache is"),
        (Fault(403, b"<html>no</html>", kind="text/html"), "answered 403"),
        (Fault(200, b"<!doctype html><p>wait", kind="text/html"), "web page"),
        (Fault(200, b'{"detail": "soon"}'), "not a list of rows"),
        (Fault(200, b'[{"chute_id": "a"'), "not a list of rows"),
        (Fault(200, b"\xff\xfe"), "not a list of rows"),
    ],
)
def test_no_answer_is_no_zero(world: World, fault: Fault, said: str) -> None:
    world.api.faults["llm"] = fault
    error = world.collect()
    flow = world.day().flow
    assert isinstance(flow, Unknown) and (said in flow.reason or said in error)
    assert world.figure("uses")["value"] is None
    world.api.faults.clear()
    world.collect()
    assert world.day().flow.uses > 0


def test_a_day_without_rows_is_unknown_and_known_once_it_comes(world: World) -> None:
    every = world.api.rows
    world.api.rows = [row for row in every if row["date"] != "2026-09-05"]
    world.collect()
    assert "no row of this day" in world.day(date(2026, 9, 5)).flow.reason
    assert isinstance(world.day().total_7d, Unknown)
    world.api.rows = every
    world.now += ONE
    world.collect()
    assert world.day(date(2026, 9, 5)).flow.uses > 0


def test_a_known_day_stays_known_when_the_cache_is_empty(world: World) -> None:
    world.collect()
    uses = world.day().flow.uses
    world.api.rows, world.now = [], NOW + ONE
    world.collect()
    assert world.day().flow.uses == uses


def test_a_day_that_comes_out_differently_is_replaced_and_composed_again(world: World) -> None:
    world.collect()
    archive = Archive(world.store)
    compose_digest(world.store, archive, PLAN, Period(DAY, DAY), world.now)
    for name in ("day",):
        ledger.mark_recomposed(world.store, "chutes", name, ledger.outdated_since(world.store, "chutes", name))
    before = world.day().flow.uses
    changed = next(row for row in rows_of(world.api) if row["chute_id"] == QWEN)
    changed["total_requests"] += 5
    gone = next(row for row in rows_of(world.api) if row["name"] != "[private]" and row["chute_id"] != QWEN)
    world.api.rows.remove(gone)
    world.now += ONE
    world.collect()
    assert world.day().flow.uses == before + 5 - gone["total_requests"]
    assert [period.first for period in outdated_periods(world.store, archive, PLAN, "day")] == [DAY]


def test_a_day_with_few_rows_is_held_until_three_days_agree(world: World) -> None:
    days = [DAY - n * ONE for n in range(13, -1, -1)]
    world.api.rows = [row(str(n), f"x/{n}", day, 5) for day in days for n in range(10 if day < DAY else 4)]
    world.collect()
    assert "4 rows" in world.day().flow.reason
    for later in range(1, 4):
        world.now += ONE
        world.api.rows += [row(str(n), f"x/{n}", DAY + later * ONE, 5) for n in range(4)]
        world.collect()
        assert isinstance(world.day().flow, Unknown) == (later < 3)


def test_chutes_are_told_apart_by_their_id(world: World) -> None:
    first, second = "11111111-aa", "22222222-bb"
    world.api.rows = [
        row(first, "x/one", DAY - ONE, 10),
        row(second, "x/one", DAY, 20),
        row(first, "x/one-renamed", DAY, 5),
    ]
    world.collect()
    book = world.day()
    uses = {_name(world, key, DAY): count for key, count in book.flow.by_model.items()}
    assert uses == {"x/one": 5, "x/one (22222222)": 20}


def test_twenty_private_chutes_are_one_figure(world: World) -> None:
    world.api.rows = [row(f"p{n}", "[private]", DAY, 1) for n in range(20)] + [row("a", "x/one", DAY, 7)]
    world.api.chutes = [{"chute_id": "a", "name": "x/one", "public": True}]
    world.collect()
    assert world.day().flow.uses == 7
    assert world.figure("requests_private", panel=True)["value"] == 20
    assert world.figure("models_used")["value"] == 1


def test_rows_that_occur_twice(world: World) -> None:
    world.api.rows += [dict(rows_of(world.api)[0])]
    world.collect()
    named = {row["chute_id"]: row["total_requests"] for row in rows_of(world.api) if row["name"] != "[private]"}
    assert world.day().flow.uses == sum(named.values()), "the same row twice counts once"
    world.api.rows += [{**rows_of(world.api)[0], "total_requests": 1}]
    world.now += ONE
    other = databases.memory()
    world.store = other
    world.collect()
    assert "differ" in world.day().flow.reason
    other.close()


@pytest.mark.parametrize("bad", [{"total_requests": -1}, {"total_requests": 10**30}, {"total_requests": None}])
def test_one_bad_row_makes_its_day_unknown_and_no_other(world: World, bad: dict[str, Any]) -> None:
    rows_of(world.api)[0].update(bad)
    world.collect()
    assert "cannot be read" in world.day().flow.reason
    assert world.day(DAY - ONE).flow.uses > 0


def test_numbers_above_2_to_the_53_stay_exact(world: World) -> None:
    world.api.rows = [row("a", "x/one", DAY, 10**15, (10**15, 10**15)), row("b", "x/two", DAY, 10**15 - 1)]
    world.collect()
    assert world.day().flow.uses == 2 * 10**15 - 1


def test_an_answer_of_20_megabytes_fits(world: World) -> None:
    world.api.faults["llm"] = Fault(
        body=json.dumps([row(f"{n:040}", "[private]", DAY, 1) for n in range(120_000)]).encode()
    )
    assert len(world.api.faults["llm"].body or b"") > 20_000_000
    world.collect()
    assert world.figure("requests_private", panel=True)["value"] == 120_000


def test_the_first_list_is_on_offer_now_and_later_ones_close_a_day(world: World) -> None:
    world.now = datetime(2026, 9, 8, 14, 5, tzinfo=UTC)
    world.collect()
    assert len(world.day().listed) == len(world.api.chutes)
    assert any("On offer now: the list was read at 14:05 UTC" in gap for gap in world.day().gaps)
    world.now = datetime(2026, 9, 9, 14, 5, tzinfo=UTC)
    world.collect()
    assert isinstance(world.day(DAY + ONE).listed, Unknown)


def test_without_access_to_the_list_the_gateway_is_asked(world: World) -> None:
    world.api.faults["chutes"] = Fault(401, b'{"detail": "no"}')
    world.collect()
    assert {str(model.name) for model in world.day().listed} == set(world.api.gateway)
    assert any("gateway" in gap for gap in world.day().gaps)


def test_the_second_count_is_a_line_where_it_differs(world: World) -> None:
    world.api.second = [
        {"chute_id": row["chute_id"], "date": row["date"], "usd_amount": 1.5, "invocation_count": row["total_requests"]}
        for row in world.api.rows
    ]
    world.collect()
    assert not any("Another count" in gap for gap in world.day().gaps)
    world.api.second[-1]["invocation_count"] += 9
    world.now += ONE
    world.collect()
    assert any("differs for 1 model" in gap for gap in world.day().gaps)


def test_requests_say_who_asks_and_honour_retry_after(world: World) -> None:
    world.api.faults["llm"] = Fault(429, b"", {"Retry-After": "3600"})
    assert "answered 429" in world.collect()
    assert all("ops@example.org" in agent and agent.startswith("Footfall") for agent in world.api.agents)
    asked = len(world.server.asked)
    world.now += timedelta(minutes=15)
    assert "asked us to wait" in world.collect()
    assert len(world.server.asked) == asked
    world.api.faults.clear()
    world.now += timedelta(hours=1)
    world.collect()
    assert world.day().flow.uses > 0


def test_a_silent_host_costs_one_line_and_no_more_than_the_set_seconds(world: World) -> None:
    for name in ("llm", "usage", "chutes", "models"):
        world.api.faults[name] = Fault(hangs=True)
    world.settings = world.settings.model_copy(update={"silence": 0.2, "timeout": PATIENCE})
    began = time.monotonic()
    error = world.collect()
    assert time.monotonic() - began < PATIENCE
    assert len(error.splitlines()) == 1 and "no answer within 0.2 s" in error


def test_a_closed_port_costs_one_line(world: World) -> None:
    with reserved() as port:
        world.settings = chutes.Settings(api=f"http://127.0.0.1:{port}", gateway=f"http://127.0.0.1:{port}")
        error = world.collect()
    assert len(error.splitlines()) == 1 and "no answer" in error


def test_the_answers_are_kept_and_checked(world: World) -> None:
    world.collect()
    refs = [ref for ref in world.day().refs if "stats/llm" in ref.url]
    assert refs
    assert all(chutes.ref_checksum(world.settings, world.folder, ref.url, ref.sha256) == ref.sha256 for ref in refs)


@pytest.mark.parametrize("api", ["http://example.org", "ftp://127.0.0.1", "example.org", "https://"])
def test_only_https_or_this_machine(api: str) -> None:
    with pytest.raises(ValidationError):
        chutes.Settings(api=api)
    assert chutes.Settings(api="http://127.0.0.1:1").api == "http://127.0.0.1:1"


def test_doctor_says_what_answers(world: World) -> None:
    world.api.rows = [row("a", "x/one", datetime.now(UTC).date() - ONE, 3)]
    said = chutes.check_reachable(world.settings, world.folder, {})
    assert "1 chutes used" in said and f"{len(world.api.chutes)} models on offer" in said
