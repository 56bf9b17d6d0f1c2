"""The pages of models, authors and categories in the site of a small world, and the answers to its forms."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot import ledger, pipeline, queries, site_builder
from bot.archive import Archive
from bot.queries import QueryContext, entity_links, entity_queries
from bot.records import Period, SafeName
from bot.records.entity_pages import entity_path
from bot.render.entity_pages import csv_bytes
from bot.site_builder import SiteBuild, answers, entity_pages
from bot.store import Store
from tests import databases, hostile, query_contexts
from tests.test_site_builder import Page
from tests.worlds import snapshot


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryContext]:
    with query_contexts.desk(tmp_path_factory.mktemp("world")) as desk:
        yield desk


@pytest.fixture(scope="module")
def site(desk: QueryContext, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written") / "site"
    site_builder.write_site(desk, folder, lambda _line: None, query_contexts.NOW)
    return folder


@pytest.fixture
def build(desk: QueryContext) -> SiteBuild:
    return site_builder.open_build(desk, query_contexts.NOW)


def rendered(build: SiteBuild, path: str) -> bytes | None:
    """The file at a path, as a server finds it."""
    group = site_builder.find_group(build, path)
    return dict(group.render()).get(path) if group else None


def page_of(name: str, kind: str = "model") -> str:
    return entity_path(kind, "replicate", "models", name)  # type: ignore[arg-type]


def test_a_model_has_a_page_a_table_and_a_document_that_agree(site: Path) -> None:
    path = page_of("owner0/model-0")
    text = " ".join(Page(site / f"{path}.html").said.split())
    document = json.loads((site / f"{path}.json").read_text())
    rows = list(csv.DictReader(io.StringIO((site / f"{path}.csv").read_text())))
    assert [row["day"] for row in rows] == [day["day"] for day in document["days"]]
    assert rows[-1] == {
        "day": query_contexts.NEWEST.isoformat(), "uses": "4000", "at_least": "False", "rank": "1",
        "share": str(document["days"][-1]["share"]), "reason": "",
    }  # fmt: skip
    assert "Last used on 10 March 2025. Author: owner0." in text and "Runs on 10 March 20254,000" in text
    assert any("owner0/model-0" in finding["text"] for finding in document["findings"])


def test_unknown_days_say_why_and_are_never_zero(site: Path) -> None:
    path = page_of("owner0/model-0")
    document = json.loads((site / f"{path}.json").read_text())
    unknown = {day["day"]: day["uses"] for day in document["days"] if day["uses"]["value"] is None}
    missing = (query_contexts.MISSING, query_contexts.MISSING + timedelta(days=1))
    assert sorted(unknown) == [day.isoformat() for day in missing]
    assert all(uses["unknown"].startswith("no reading at the end of") for uses in unknown.values())
    assert document["uses_7d"] | {"unit": ""} == {
        "value": 20000, "unit": "", "at_least": True, "reason": "5 of 7 days are known completely",
    }  # fmt: skip
    assert document["uses_change_7d"]["unknown"] == "7 of 14 days are known completely"
    text = " ".join(Page(site / f"{path}.html").said.split())
    assert "7 to 8 March 2025unknownno reading at the end of 7 Mar 2025" in text and "at least 20,000" in text
    assert re.search(r"2025-03-07,unknown,False,unknown,unknown,no reading", (site / f"{path}.csv").read_text())


def test_what_has_no_rank_says_none_in_its_table_and_only_an_unknown_rank_is_unknown() -> None:
    def ranks(kind: str, *days: tuple[int | None, int | None]) -> list[str]:
        held = [
            {"day": "2025-03-01", "uses": {"value": uses, "unknown": "why"}, "rank": rank, "share": None}
            for uses, rank in days
        ]
        rows = csv.DictReader(io.StringIO(csv_bytes({"kind": kind, "days": held}).decode()))
        return [row["rank"] for row in rows]

    assert ranks("model", (7, 3), (0, None), (7, None), (None, None)) == ["3", "none", "unknown", "unknown"]
    assert ranks("author", (7, None), (0, None), (None, None)) == ["none", "none", "none"]


def test_the_tables_of_groups_and_of_unused_models_have_no_unknown_rank(site: Path) -> None:
    author = list(csv.DictReader(io.StringIO((site / f"{page_of('owner0', 'author')}.csv").read_text())))
    assert author and {row["rank"] for row in author} == {"none"}


def test_the_written_pages_are_those_that_digests_link_and_each_is_in_the_lists(site: Path) -> None:
    written = {p.relative_to(site).as_posix() for p in (site / "replicate/models/models").glob("*-*.html")}
    linked = {
        (page.parent / link).resolve().relative_to(site).as_posix()
        for page in (site / "replicate").rglob("index.html")
        for link in Page(page).links
        if "/models/models/" in link and not link.endswith("index.html")
    }
    assert len(written) == query_contexts.PAGES - 1  # one of the most used is hidden
    assert linked == written


def test_a_page_on_demand_is_the_same_bytes_and_any_model_has_one(site: Path, build: SiteBuild) -> None:
    written = [p.relative_to(site).as_posix() for p in site.rglob("*") if p.is_file() and not p.name.startswith(".")]
    chosen = [path for path in written if re.match(r"replicate/(models|authors)/|search|compare|replicate/use", path)]
    assert len(chosen) > 3 * query_contexts.PAGES
    for path in chosen:
        assert rendered(build, path) == (site / path).read_bytes(), path
    rare = page_of("idle/model-99")
    assert not (site / f"{rare}.html").exists()
    shown = rendered(build, f"{rare}.html")
    assert shown is not None and b"No use of it was seen on a known day." in shown


@pytest.mark.parametrize(
    "path",
    [
        "replicate/models/models/nobody-000000000000.html", "replicate/models/models/", "replicate/models/models/..",
        "replicate/models/other/index.html", "other/models/models/index.html", "replicate/models/models/letter-q.html",
        f"{entity_path('model', 'replicate', 'models', 'owner0/model-0')}.exe", "search/in-q.json", "other/use.json",
        f"{entity_path('model', 'replicate', 'models', query_contexts.SECRET)}.html", "search/../search.html",
    ],
)  # fmt: skip
def test_what_is_not_known_has_no_page(build: SiteBuild, path: str) -> None:
    assert rendered(build, path) is None


def test_a_hidden_model_and_its_author_are_nowhere(site: Path, build: SiteBuild) -> None:
    author = query_contexts.SECRET.partition("/")[0]
    own = [
        p
        for p in site.rglob("*")
        if p.is_file() and re.search("models|authors|search|compare", str(p.relative_to(site)))
    ]
    assert len(own) > query_contexts.PAGES and not any(author.encode() in path.read_bytes() for path in own)
    hidden = replace(build.desk, hidden=("owner1",))
    closed = site_builder.open_build(hidden, query_contexts.NOW)
    for path in (page_of("owner1/model-1"), page_of("owner1", "author")):
        assert rendered(build, f"{path}.html") is not None
        assert rendered(closed, f"{path}.html") is None
    assert b"owner1/" not in answers.search_answer(closed, "owner1").replace(b"owner1/<wbr>", b"")
    assert b"this name is hidden here" in answers.compare_answer(closed, ["owner1/model-1"])


def test_the_use_of_an_author_is_that_of_the_authors_models(build: SiteBuild) -> None:
    (index,) = entity_pages.indexes(build)
    author, model = page_of("owner1", "author"), page_of("owner1/model-1")
    summed, single = entity_queries.entity_documents(build.desk, index, [author, model])
    assert [day["uses"] for day in summed["days"]] == [day["uses"] for day in single["days"]]
    assert [member["name"] for member in summed["members"]] == ["owner1/model-1"]
    assert summed["members"][0]["uses"] == single["days"][-1]["uses"]


def test_every_hostile_name_has_a_page_that_shows_it_as_text(build: SiteBuild) -> None:
    (index,) = entity_pages.indexes(build)
    names = {entity.name for entity in index.entities.values()}
    assert {str(SafeName(name)) for name in hostile.NAMES.values() if name and SafeName(name) == name} <= names
    for path in [path for path in index.entities if "-author" not in path][:400]:
        page = dict(site_builder.find_group(build, f"{path}.html").render())[f"{path}.html"].decode()  # type: ignore[union-attr]
        assert "<script" not in page and "onmouseover='x' x=\"" not in page and "\u202e" not in page


def test_a_long_list_is_paged_by_letter(build: SiteBuild, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entity_pages, "PER_PAGE", 5)
    every = site_builder.open_build(replace(build.desk, every_model=True), query_contexts.NOW)
    folder = "replicate/models/models"
    first = rendered(every, f"{folder}/index.html")
    assert first is not None and b"Every model that was ever seen" in first
    paths, todo, names = set[str](), ["index.html"], list[str]()
    while todo:
        name = todo.pop()
        if name in paths:
            continue
        content = rendered(every, f"{folder}/{name}")
        assert content is not None, name
        paths.add(name)
        if name != "index.html":
            names += re.findall(r'<li><a href="([a-z0-9-]+-[0-9a-f]{12})\.html">', content.decode())
        todo += [link for link in re.findall(r'href="(letter-[\w-]+\.html)"', content.decode()) if link not in paths]
    (index,) = entity_pages.indexes(every)
    wanted = [path.rpartition("/")[2] for path, entity in index.entities.items() if entity.kind == "model"]
    assert sorted(names) == sorted(wanted) and len(wanted) > 100


def test_where_every_model_has_a_page_none_is_written_and_all_are_linked(build: SiteBuild) -> None:
    every = site_builder.open_build(replace(build.desk, every_model=True), query_contexts.NOW)
    keys = {group.key for group in site_builder.site_groups(every)}
    assert not any(key.startswith(("replicate/models/", "search/")) for key in keys)
    page = rendered(every, f"replicate/{query_contexts.NEWEST}/models.html")
    assert page is not None and f"../../{page_of('idle/model-99')}.html".encode() in page


def test_the_server_answers_the_search(build: SiteBuild) -> None:
    answer = answers.search_answer(build, "OWNER1 model").decode()
    assert f'<a href="{page_of("owner1/model-1")}.html">' in answer and 'value="OWNER1 model"' in answer
    assert "Nothing has such a name here." in answers.search_answer(build, "no such thing").decode()
    attack = answers.search_answer(build, "\"><script>alert(1)</script>'").decode()
    assert "<script>alert" not in attack and "&#34;&gt;&lt;script&gt;" in attack


def test_the_server_compares_models_by_name_or_page(build: SiteBuild) -> None:
    items = ["owner1/model-1", page_of("owner2/model-2"), "nobody/at-all", "idle/model-1"]
    answer = answers.compare_answer(build, items).decode()
    assert "data-answered" in answer and answer.count("<figcaption>") == 2
    assert "Runs by day" in answer and "Share of all use by day" in answer
    assert "nobody/at-all: no such model on Replicate" in answer
    assert re.search(
        r"On that day</th><td class=number>2,000</td><td class=number>1,333</td><td class=number>0</td>", answer
    )


def test_the_form_shows_names_and_each_leads_to_the_same_page_again(build: SiteBuild) -> None:
    """Of what was asked for by its page, the form showed the path."""
    paths = [page_of("owner0/model-0"), page_of("owner0", "author"), "replicate"]
    fields: list[list[str]] = []
    for given in (paths, ["owner0/model-0", "owner0", "Replicate"]):
        answer = answers.compare_answer(build, [*given, "nobody/nothing"]).decode()
        fields.append(re.findall(r'name="item" value="([^"]*)"', answer))
        assert re.findall(r'data-path="([^"]*)"', answer) == paths
    assert fields[0] == fields[1] == ["owner0/model-0", "owner0", "Replicate", "nobody/nothing"]


def test_a_name_that_means_something_else_alone_says_what_it_is(build: SiteBuild) -> None:
    """An author may be called like a network or a model."""
    desk = replace(build.desk, watched={"owner0": build.desk.watched["replicate"]})
    kept = {"title": "Replicate", "catalogue_title": "public models", "path": page_of("owner0", "author")}
    side = {"kind": "author", "name": "owner0", **kept}
    label = answers._label(replace(build, desk=desk), side)
    assert label == "owner0 (author, Replicate, public models)"
    assert page_of("owner0", "author") in answers.compare_answer(build, [label]).decode()


def test_networks_are_compared_by_the_models_used_and_not_with_models(build: SiteBuild) -> None:
    alone = answers.compare_answer(build, ["Replicate"]).decode()
    assert "Models used by day" in alone and "Name another to compare it with" in alone
    mixed = answers.compare_answer(build, ["replicate", "owner1/model-1"]).decode()
    assert "<figcaption>" not in mixed and "On that day" in mixed


def test_nothing_is_compared_where_nothing_was_named(build: SiteBuild) -> None:
    answer = answers.compare_answer(build, ["", "  "]).decode()
    assert "<figcaption>" not in answer and "hidden" in answer


def test_a_link_is_known_only_where_the_page_is_there(desk: QueryContext) -> None:
    catalogue = desk.watched["replicate"].catalogues[0]
    shown = entity_links.page_address(desk, "model", catalogue, "owner0/model-0", query_contexts.NEWEST)
    assert shown == f"{page_of('owner0/model-0')}.html"
    assert queries.model(desk, "owner0/model-0", None, query_contexts.NEWEST)["site_page"] == shown
    for name in ("idle/model-1", query_contexts.SECRET, "nobody/at-all"):
        assert entity_links.page_address(desk, "model", catalogue, name, query_contexts.NEWEST) is None


def test_no_sum_reaches_across_a_day_from_which_use_is_counted_in_another_way(build: SiteBuild) -> None:
    (index,) = entity_pages.indexes(build)
    broken = replace(index.catalogue, breaks=(query_contexts.NEWEST - timedelta(days=5),))
    index = replace(index, catalogue=broken)
    (document,) = entity_queries.entity_documents(build.desk, index, [page_of("owner1/model-1")])
    for key in ("uses_7d", "uses_change_7d", "uses_shown"):
        assert document[key]["value"] is None and document[key]["unknown"].startswith("use is counted in another way")


def test_a_hidden_category_or_author_is_on_no_page_of_a_model(build: SiteBuild) -> None:
    (index,) = entity_pages.indexes(build)
    path, author = page_of("owner1/model-1"), page_of("owner1", "author")
    index = replace(index, entities={key: entity for key, entity in index.entities.items() if key != author})
    (document,) = entity_queries.entity_documents(build.desk, index, [path])
    assert "author" not in document and document["name"] == "owner1/model-1"


def weekly(opened: Store) -> None:
    """The snapshots of the world and the digest of a week, without that of any day."""
    for day in query_contexts.DAYS:
        ledger.add_snapshot(opened, snapshot(day, query_contexts.counts(day)))
    week = Period.for_day(query_contexts.DAYS[3], "week")
    pipeline.compose_digest(opened, Archive(opened), query_contexts.PLAN, week, query_contexts.NOW)


def test_the_models_that_a_week_links_have_pages_where_its_days_have_no_digest(tmp_path: Path) -> None:
    databases.sqlite(tmp_path / "footfall.db", weekly)
    with query_contexts.desk(tmp_path) as desk:
        site_builder.write_site(desk, tmp_path / "site", lambda _line: None, query_contexts.NOW)
    (week,) = (tmp_path / "site/replicate/week").glob("*/index.html")
    links = {link for link in Page(week).links if "/models/models/" in link}  # the story and the table
    assert len(links) == query_contexts.PAGES - 1  # one of the most used is hidden
    assert [link for link in links if not (week.parent / link).exists()] == []


def test_the_page_of_a_network_without_a_digest_links_no_histories(desk: QueryContext, tmp_path: Path) -> None:
    new = replace(desk.watched["replicate"], network="chutes", title="Chutes", catalogues=())
    build = site_builder.open_build(replace(desk, watched={**desk.watched, "chutes": new}), query_contexts.NOW)
    (tmp_path / "index.html").write_bytes(rendered(build, "chutes/index.html") or b"")
    page = Page(tmp_path / "index.html")
    assert "There is no digest yet." in page.said
    assert not [link for link in page.links if "history" in link]
