"""A digest by category and by author: compared with a plain count, and as every interface shows it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bot import digest, ledger, metrics, pipeline, queries, render, site_builder, store
from bot.archive import Archive
from bot.metrics.groups import COLUMNS, MOST
from bot.queries import QueryContext, WatchedNetwork
from bot.queries.network_queries import digest_heading
from bot.records import AtLeast, Grouping, Period, PeriodData, SafeName, Unknown, Usage
from tests import query_contexts
from tests.period_data import DAY, MODELS, ONE, WHY, book, model, unread
from tests.worlds import snapshot

CATEGORIES = ("risk", "chat", "", "@everyone", "<b>x</b>", "foo.io")


@st.composite
def books(draw: st.DrawFn) -> PeriodData:
    """Listed and former models, with and without categories, each part possibly unknown."""

    def part(value: Any) -> Any:
        return draw(st.sampled_from([value, value, WHY]))

    kinds = st.sampled_from(CATEGORIES)
    numbers = draw(st.lists(st.integers(1, 30), unique=True, max_size=12))
    listed = tuple(model(n, category=SafeName(kind) if (kind := draw(kinds)) else None) for n in numbers)
    used = {n: draw(st.integers(1, 10**6)) for n in draw(st.lists(st.integers(1, 34), unique=True, max_size=12))}
    loose = draw(st.sampled_from([0, 0, 7]))
    gone = {n: draw(kinds) for n in used if n not in numbers}
    counts = st.dictionaries(kinds, st.integers(0, 1000))
    before, week, prior = draw(counts), draw(counts), draw(counts)
    grouping = Grouping(gone, part(before), part(week), part(prior))
    return book(
        used,
        listed=part(listed),
        listed_before=part(draw(st.frozensets(st.integers(1, 30)))),
        flow=part(Usage(sum(used.values()) + loose, used, unattributed=loose)),
        total_7d=sum(week.values()) + loose,
        total_prior_7d=sum(prior.values()) + loose,
        groups={"category": grouping},
    )


def kind_of(period_data: PeriodData, number: int) -> str:
    listed = () if isinstance(period_data.listed, Unknown) else period_data.listed
    categories = {m.id: m.category or "" for m in listed}
    return categories.get(number, period_data.groups["category"].of.get(number, ""))


def by_hand(period_data: PeriodData, name: str) -> dict[str, Any]:
    """Figures of one category, counted with plain loops; `None` if unknown or undefined."""
    grouping = period_data.groups["category"]
    listed = (
        None
        if isinstance(period_data.listed, Unknown)
        else [m for m in period_data.listed if (m.category or "") == name]
    )
    flow = (
        None
        if isinstance(period_data.flow, Unknown) or (period_data.flow.uses and not period_data.flow.by_model)
        else period_data.flow
    )
    old = None if isinstance(period_data.listed_before, Unknown) else period_data.listed_before

    def change(now: Any, before: Any) -> Any:
        return None if now is None or before is None or before == 0 else now / before - 1

    def held(counts: Any, total: Any) -> Any:
        if isinstance(counts, Unknown) or (total and not sum(counts.values())):
            return None
        return counts.get(name, 0)

    used = None if flow is None or listed is None else [m for m in listed if m.id in flow.by_model]
    return {
        "models_listed": None if listed is None else len(listed),
        "models_added": None if listed is None or old is None else len([m for m in listed if m.id not in old]),
        "models_used": None if used is None else len(used),
        "share_used": None if used is None or not listed else len(used) / len(listed),
        "uses": None if flow is None else sum(c for n, c in flow.by_model.items() if kind_of(period_data, n) == name),
        "inventory_change_7d": change(None if listed is None else len(listed), held(grouping.listed_before, 0)),
        "uses_change_7d": change(
            held(grouping.total_7d, period_data.total_7d), held(grouping.total_prior_7d, period_data.total_prior_7d)
        ),
    }


@settings(max_examples=150)
@given(books())
def test_each_category_is_that_of_a_count_by_hand(period_data: PeriodData) -> None:
    (table,) = metrics.group_tables(period_data)
    for group in table.groups:
        wanted = by_hand(period_data, group.name)
        assert group.figures.keys() == wanted.keys()
        for key, value in group.figures.items():
            known = None if isinstance(value, Unknown) else value.value if isinstance(value, AtLeast) else value
            if (
                known is None
                and not wanted[key]
                and isinstance(period_data.flow, Usage)
                and period_data.flow.unattributed
            ):
                continue  # at least none
            if isinstance(known, float) and wanted[key] is not None:
                assert abs(known - wanted[key]) < 1e-9, (group.name, key)
            else:
                assert known == wanted[key], (group.name, key, value)


@settings(max_examples=100)
@given(books())
def test_counts_of_groups_add_up_to_the_whole(period_data: PeriodData) -> None:
    (table,) = metrics.group_tables(period_data)
    parts = [group.figures for group in (*table.groups, *([table.rest] if table.rest else ()))]
    whole = metrics.compute_figures(period_data)
    for key in ("models_listed", "models_added", "models_used"):
        known = [value for part in parts if not isinstance(value := part[key], Unknown)]
        if parts and not isinstance(amount := whole[key].value, Unknown):
            counts = [value.value if isinstance(value, AtLeast) else value for value in (*known, amount)]
            assert sum(counts[:-1]) == counts[-1], key  # type: ignore[arg-type]
    if isinstance(period_data.flow, Usage) and period_data.flow.by_model:
        assert sum(part["uses"] for part in parts) + table.outside == period_data.flow.uses  # type: ignore[misc, operator]


@settings(max_examples=50)
@given(books())
def test_the_order_of_models_changes_nothing(period_data: PeriodData) -> None:
    turned = (
        period_data
        if isinstance(period_data.listed, Unknown)
        else replace(period_data, listed=period_data.listed[::-1])
    )
    assert metrics.group_tables(turned) == metrics.group_tables(period_data)


def test_the_most_used_come_first_and_the_others_are_told_together() -> None:
    models = [model(n, category=SafeName(f"kind {n}")) for n in range(1, 41)]
    period_data = book(
        {n: n for n in range(11, 41)},
        listed=tuple(models),
        groups={"category": Grouping({}, {f"kind {n}": 1 for n in range(1, 41)}, {}, {})},
        total_7d=0,
        total_prior_7d=0,
    )
    (table,) = metrics.group_tables(period_data)
    assert table.named == 40 and len(table.groups) == MOST["category"] == 25
    assert [group.name for group in table.groups[:2]] == ["kind 40", "kind 39"]
    assert table.rest is not None and table.rest.figures["models_listed"] == 15
    assert table.rest.figures["uses"] == sum(range(11, 16))
    assert table.rest.figures["uses_change_7d"] == Unknown("not defined: no use in the 7 days before")


def test_use_that_names_no_model_belongs_to_no_category() -> None:
    listed = (model(1, category=SafeName("risk")),)
    grouping = Grouping({}, {"risk": 1}, {}, {})
    period_data = book({}, unattributed=5, listed=listed, groups={"category": grouping})
    (table,) = metrics.group_tables(period_data)
    assert table.outside == 5
    for key in ("uses", "models_used", "uses_change_7d"):
        assert table.groups[0].figures[key] == Unknown("none of the use names its model"), key


def test_an_unknown_day_has_no_group_to_name() -> None:
    (table,) = metrics.group_tables(unread(groups={"category": Grouping({}, WHY, WHY, WHY)}))
    assert table.groups == () and table.rest is None and table.outside == WHY


def test_a_longer_period_has_its_own_columns() -> None:
    grouping = Grouping({}, {"a0": 1}, {}, {})
    period_data = book({1: 6}, period=replace(Period.for_day(DAY, "week"), last=DAY), groups={"author": grouping})
    (table,) = metrics.group_tables(period_data)
    keys = [metric.key for metric in table.columns]
    assert keys == [key for key in COLUMNS if not key.endswith("_7d")]
    assert table.groups[0].figures["uses_change"] == 0 and table.groups[0].figures["inventory_change"] == 0


# --- as it is kept and shown -----------------------------------------------------------------------------------------


def document(hidden: tuple[str, ...] = ()) -> Any:
    listed = tuple(model(n, category=SafeName("@everyone <b>foo.io") if n < 3 else None) for n in range(1, 6))
    grouping = Grouping({}, {"@everyone <b>foo.io": 1}, {"@everyone <b>foo.io": 30}, {"@everyone <b>foo.io": 20})
    authors = Grouping({}, {"a0": 2, "a1": 2}, {"a0": 30}, {"a0": 20})
    period_data = book(
        {1: 3, 2: 4},
        unattributed=2,
        listed=listed,
        total_7d=30,
        total_prior_7d=20,
        groups={"category": grouping, "author": authors},
        watched_since=DAY - 9 * ONE,
    )
    headline = {"catalogue": MODELS.key, "figure": "models_used"}
    return digest.compose_document(
        "replicate", "Replicate", [period_data], headline, hidden, datetime(2025, 1, 13, tzinfo=UTC)
    )


def test_a_document_holds_each_group_with_its_figures() -> None:
    category, author = document()["catalogues"][0]["groups"]
    assert (category["by"], category["named"], category["rest"]) == ("category", 1, None)
    assert [row["name"] for row in category["rows"]] == ["@everyone <b>foo.io", None]
    assert category["rows"][0]["figures"]["uses"] == {"value": 7, "unit": "runs"}
    assert category["rows"][0]["figures"]["uses_change_7d"] == {"value": 0.5, "unit": "ratio"}
    assert category["rows"][1]["figures"]["inventory_change_7d"] == {
        "value": None,
        "unknown": "not defined: no model listed 7 days before",
        "unit": "ratio",
    }
    assert category["outside"] == {"value": 2, "unit": "runs"}
    assert [c["figure"] for c in author["columns"]] == [
        k for k in COLUMNS if k not in ("inventory_change", "uses_change")
    ]
    assert category["columns"][4]["label"] == "runs"


def test_hidden_names_of_groups_are_counted_and_not_named() -> None:
    category, author = document(("a0", "@everyone <b>foo.io"))["catalogues"][0]["groups"]
    assert [row["name"] for row in author["rows"]] == ["a hidden author", "a1"]
    assert [row["name"] for row in category["rows"]] == ["a hidden category", None]
    assert author["rows"][0]["figures"]["uses"]["value"] == 7


def test_every_outlet_says_groups_and_no_stranger_is_obeyed() -> None:
    kept = json.loads(json.dumps(document()))
    text = pipeline.render_post(kept, "text").parts[0]
    assert "Public models by category\n@everyone <b>foo.io: 2 listed, 0 added, 2 used (100%), 7 runs; " in text
    assert "change in 7 days: list +100.0%, runs +50.0%" in text
    assert "no category given: 3 listed" in text and "list unknown (not defined: no model listed 7 days before)" in text
    assert "2 runs name no listed model and belong to no category." in text
    blocks = [{**block, "changes": {}} for block in kept["catalogues"]]
    answer = {"question": "inventory", **digest_heading(kept), "catalogues": blocks}
    embed = render.answer_embed(
        answer, {"definition": "What it is.", "rows": [], "page": {"number": 1, "of": 1, "stamped": False}}
    )
    fields = {field["name"]: field["value"] for field in embed["fields"]}
    assert "2 listed, 0 added" in fields["By category"] and "a0" in fields["By author"]
    assert "@everyone" not in fields["By category"] and "foo.io" not in fields["By category"]


def test_a_digest_from_before_groups_is_still_shown() -> None:
    kept = json.loads(json.dumps(document()))
    for block in kept["catalogues"]:
        del block["groups"]
    assert "by category" not in pipeline.render_post(kept, "text").parts[0]


def desk_of(folder: Path, hidden: tuple[str, ...] = ()) -> Any:
    """A query context over a list with categories."""
    opened = store.open_store(f"sqlite:///{folder / 'footfall.db'}")
    for number, day in enumerate(DAYS):
        counts = {"ann/a": number, "ann/b": 5 * number, "bob/c": 0}
        plain = snapshot(day, counts)
        listings = tuple(
            replace(listing, category=SafeName("=risk <i>") if listing.author == "ann" else None)
            for listing in plain.listings
        )
        ledger.add_snapshot(opened, replace(plain, listings=listings))
    archive = Archive(opened)
    plan = replace(query_contexts.PLAN, hidden=())
    for day in DAYS[1:]:
        pipeline.compose_digest(opened, archive, plan, Period.for_day(day), query_contexts.NOW)
    watched = WatchedNetwork("replicate", "Replicate", (query_contexts.CATALOGUE,), "", plan.headline)
    return QueryContext(opened, archive, {"replicate": watched}, hidden, lambda: query_contexts.NOW)


DAYS = query_contexts.DAYS[:9]


def test_inventory_and_the_site_tell_what_the_digest_tells(tmp_path: Path) -> None:
    desk = desk_of(tmp_path)
    try:
        answer = queries.inventory(desk, None)
        kept = desk.archive.newest_digest("replicate")
        assert answer["catalogues"][0]["groups"] == kept["catalogues"][0]["groups"]
        template = render.render_template("text", "text/answers/inventory.j2", answer=answer)
        assert "    =risk <i>: 2 listed, 0 added, 2 used (100%), 6 runs; change in 7 days: list 0%" in template
        assert "groups" not in queries.usage(desk, None)["catalogues"][0]
        site_builder.write_site(desk, tmp_path / "site", lambda line: None, query_contexts.NOW)
        page = (tmp_path / "site" / "replicate" / DAYS[-1].isoformat() / "index.html").read_text()
        table = page[page.index('id="groups-models-category"') : page.index('id="groups-models-author"')]
        assert "=risk &lt;i&gt;" in table and "<i>" not in table and '<td class="number">6</td>' in table
        period = Period.for_day(DAYS[-1])
        plan = replace(query_contexts.PLAN, hidden=())
        assert list(pipeline.mismatches_with(pipeline.recompute_digest(desk.store, plan, kept), kept)) == []
        kept["catalogues"][0]["groups"][0]["rows"][0]["figures"]["uses"]["value"] = 60
        (mismatch,) = pipeline.mismatches_with(pipeline.recompute_digest(desk.store, plan, kept), kept)
        assert mismatch.startswith("models.groups.category: row 1 says") and period.name == "day"
    finally:
        desk.store.close()


def test_a_group_hidden_after_it_was_told_is_gone_too(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, ("ann", "=risk <i>"))
    try:
        answer = queries.inventory(desk, None)
        assert "risk" not in json.dumps(answer) and '"ann"' not in json.dumps(answer)
        category, author = answer["catalogues"][0]["groups"]
        assert category["rows"][0]["name"] == "a hidden category" and author["rows"][0]["name"] == "a hidden author"
        hidden = pipeline.build_digest(
            desk.store, replace(query_contexts.PLAN, hidden=desk.hidden), Period.for_day(DAYS[-1]), query_contexts.NOW
        )
        assert (
            list(
                pipeline.mismatches_with(
                    pipeline.recompute_digest(desk.store, replace(query_contexts.PLAN, hidden=()), hidden), hidden
                )
            )
            == []
        )
    finally:
        desk.store.close()
