"""The pages of models: written for the most used of 10,000 models after a year, the index of 100,000 names, and one
page on demand among 100,000 models.

The floor of writing is the same bytes in as many files, ready made. The floor of the index is Python's own JSON of the
same names. The floor of a page on demand is the standing of the model on one day, which Discord answers with.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from benchmarks import Row, seconds
from benchmarks._world import AT, CATALOGUE, LAST, PLAN, filled
from bot import ledger, site_builder
from bot import pipeline as daily
from bot.archive import Archive
from bot.queries import QueryContext, WatchedNetwork
from bot.records import Period, SafeName
from bot.records.entity_pages import slug
from bot.render.page_layout import File
from bot.render.search_index import SearchEntry, SearchIndex, node_file, search_index
from bot.site_builder import SiteBuild, entity_pages
from bot.store import Store

MANY, YEAR, FORTNIGHT = 100_000, 365, 14
ROUNDS = 3
INDEX_GOAL, DEMAND_GOAL = 60.0, 3.0


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        return [*_written(Path(folder)), *_index(Path(folder)), *_on_demand(Path(folder))]


def _desk(store: Store) -> QueryContext:
    archive = Archive(store)
    daily.compose_digest(store, archive, PLAN, Period(LAST, LAST), AT)
    watched = WatchedNetwork(PLAN.network, PLAN.title, PLAN.catalogues, "", dict(PLAN.headline))
    return QueryContext(store, archive, {PLAN.network: watched}, (), lambda: AT)


def _files(build: SiteBuild) -> list[File]:
    return [file for group in entity_pages.groups(build) for file in group.render()]


def _write(files: list[File], folder: Path) -> None:
    for path, content in files:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _written(folder: Path) -> list[Row]:
    """Everything that a new day writes: the pages of a list of 10,000."""
    desk = _desk(filled(folder, YEAR))
    files = _files(site_builder.open_build(desk, AT))
    taken = seconds(lambda: _write(_files(site_builder.open_build(desk, AT)), folder / "site"), ROUNDS)
    floor = seconds(lambda: _write(files, folder / "floor"), ROUNDS)
    size = sum(len(content) for _, content in files) / 2**20
    pages = sum(path.endswith(".html") for path, _ in files)
    shown = f"{taken:.2f} s, {size:.1f} MB, {pages} pages"
    goal = "< 100 ms a page"
    met = taken / pages < 0.1
    return [Row("model_pages: pages of a day, 10,000 models", shown, f"{floor:.2f} s", taken / floor, goal, met)]


def _index(folder: Path) -> list[Row]:
    names = [f"author{number // 3}/model-{number}-{number % 977:x}" for number in range(MANY)]

    def index() -> SearchIndex:
        return search_index([{}], [SearchEntry(0, name, slug(name)) for name in names])

    built = index()
    files = [(node_file(node), built.node_bytes(node)) for node in built.nodes]
    taken = seconds(
        lambda: _write([(node_file(n), index.node_bytes(n)) for index in [index()] for n in index.nodes], folder), 1
    )
    floor = seconds(lambda: (folder / "names.json").write_text(json.dumps([(name, slug(name)) for name in names])))
    size, largest = sum(len(content) for _, content in files) / 2**20, max(len(content) for _, content in files) / 1024
    shown = f"{taken:.1f} s, {size:.0f} MB in {len(files):,} files, the largest {largest:.0f} KB"
    name = "model_pages: search index, 100,000 names"
    return [Row(name, shown, f"{floor:.2f} s", taken / floor, f"< {INDEX_GOAL:.0f} s", taken < INDEX_GOAL)]


def _on_demand(folder: Path) -> list[Row]:
    desk = _desk(filled(folder, FORTNIGHT, MANY))
    began = time.perf_counter()
    build = site_builder.open_build(desk, AT)
    (index,) = entity_pages.indexes(build)
    first = time.perf_counter() - began
    paths = iter([path for path, entity in index.entities.items() if entity.kind == "model"][MANY // 10 :: 97])
    names = iter([f"author{n // 3}/model-{n}" for n in range(1, MANY, 97)])

    def page() -> None:
        group = site_builder.find_group(build, f"{next(paths)}.html")
        assert group is not None and dict(group.render())

    taken = seconds(page, 20)
    floor = seconds(lambda: ledger.model_standing(desk.store, CATALOGUE, SafeName(next(names)), LAST), 20)
    shown = f"{taken * 1000:.0f} ms; all names once, {first:.1f} s"
    goal = f"< {DEMAND_GOAL:.0f} s"
    return [
        Row(
            "model_pages: a page on demand, 100,000 models",
            shown,
            f"{floor * 1000:.0f} ms",
            taken / floor,
            goal,
            taken < DEMAND_GOAL,
        )
    ]
