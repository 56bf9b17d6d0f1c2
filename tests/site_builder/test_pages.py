"""Pages that are written and pages that are rendered on demand are the same, and what they depend on is known."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from bot import ledger, pipeline, site_builder
from bot.queries import QueryContext
from bot.records import Document, Period, Receipt
from bot.site_builder import OnDemandSite, SiteBuild, code_version, open_build
from bot.site_builder.folder import MANIFEST, MARKER
from tests import query_contexts
from tests.worlds import snapshot

URL = "https://a.example/archive/"
NOW = query_contexts.NOW


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[QueryContext]:
    with query_contexts.desk(tmp_path) as opened:
        yield opened


@dataclass(frozen=True)
class WrittenWorld:
    """A world and its site, in one folder: copied by each test, because writing a site takes seconds."""

    folder: Path
    pages: set[str]

    @contextmanager
    def copied(self, folder: Path) -> Iterator[QueryContext]:
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        with query_contexts.desk(folder) as opened:
            yield opened


def write_world(folder: Path, days: Sequence[date]) -> WrittenWorld:
    with query_contexts.desk(folder, days) as opened:
        return WrittenWorld(folder, update(opened, folder / "site"))


@pytest.fixture(scope="module")
def all_days(tmp_path_factory: pytest.TempPathFactory) -> WrittenWorld:
    return write_world(tmp_path_factory.mktemp("all"), query_contexts.DAYS)


@pytest.fixture(scope="module")
def few_days(tmp_path_factory: pytest.TempPathFactory) -> WrittenWorld:
    """For what concerns each page alike."""
    return write_world(tmp_path_factory.mktemp("few"), query_contexts.DAYS[:3])


@pytest.fixture
def written(all_days: WrittenWorld, tmp_path: Path) -> Iterator[QueryContext]:
    """The world of all days, with its site in `tmp_path / "site"`."""
    with all_days.copied(tmp_path) as opened:
        yield opened


@pytest.fixture
def few(few_days: WrittenWorld, tmp_path: Path) -> Iterator[QueryContext]:
    """The world of a few days, with its site in `tmp_path / "site"`."""
    with few_days.copied(tmp_path) as opened:
        yield opened


def files_of(site: Path) -> dict[str, bytes]:
    paths = (path for path in site.rglob("*") if path.is_file() and path.name not in (MARKER, MANIFEST))
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in paths}


def update(desk: QueryContext, site: Path, url: str = URL, **facts: str) -> set[str]:
    """The pages that were rendered."""
    lines: list[str] = []
    site_builder.write_site(desk, site, lines.append, NOW, url, **facts)
    return {line.removeprefix("rendered ") for line in lines}


def compose(desk: QueryContext, day: date) -> Document:
    return pipeline.compose_digest(desk.store, desk.archive, query_contexts.PLAN, Period.for_day(day), NOW)


def test_every_path_on_demand_is_the_file_that_is_written(written: QueryContext, tmp_path: Path) -> None:
    files = files_of(tmp_path / "site")
    assert len(files) > 70 and "sitemap.xml" in files
    assert_on_demand(written, files, URL)


def test_a_site_without_an_address_is_the_same_on_demand_and_has_no_sitemap(few: QueryContext, tmp_path: Path) -> None:
    update(few, tmp_path / "site", "")
    files = files_of(tmp_path / "site")
    assert len(files) > 30 and "sitemap.xml" not in files
    assert_on_demand(few, files, "")


def assert_on_demand(desk: QueryContext, files: dict[str, bytes], url: str) -> None:
    pages = OnDemandSite(lambda: open_build(desk, NOW, url))
    for path, content in files.items():
        file = pages.find_file(path)
        assert file is not None and (file.path, file.content) == (path, content), path


NOT_THERE = [
    "index",
    "replicate",
    "replicate/2025-03-10",
    "replicate/2025-03-10/",
    "replicate/2025-03-10/x.html",
    "replicate/2025-03-01/index.html",
    "replicate/day/2025-03-10/index.html",
    "replicate/week/2025-03-10/index.html",
    "replicate/week/week/2025-03-03/index.html",
    "nowhere/index.html",
    "nowhere/2025-03-10/index.html",
    "replicate/history/models/nothing.html",
    "replicate/history/models/uses",
    "replicate/history/nothing/uses.html",
    "replicate/history/index.html",
    "replicate/../index.html",
    "networks/index.html",
    "/index.html",
    "replicate/20250310/index.html",
    "replicate/2025-03-10/card.png",
    "sitemap.xml",
    ".footfall-site",
]


@pytest.mark.parametrize("path", [*NOT_THERE, "", "\0", "a/" * 300])
def test_what_is_not_on_the_site_is_not_rendered(desk: QueryContext, path: str) -> None:
    assert OnDemandSite(lambda: open_build(desk, NOW)).find_file(path) is None


def test_a_new_day_renders_itself_its_neighbour_and_the_pages_across_days(
    written: QueryContext, all_days: WrittenWorld, tmp_path: Path
) -> None:
    site, tomorrow = tmp_path / "site", query_contexts.NEWEST + timedelta(days=1)
    assert len(all_days.pages) > 40 and update(written, site) == set()
    pictures = {path: path.stat().st_ino for path in site.rglob("card.png")}
    ledger.add_snapshot(written.store, snapshot(tomorrow, query_contexts.counts(tomorrow)))
    compose(written, tomorrow)
    shared = ("/history/", "/models/", "/authors/")
    pages = {page for page in update(written, site) if not any(folder in page for folder in shared)}
    days = {f"replicate/{day}/index.html" for day in (query_contexts.NEWEST, tomorrow)}
    assert pages == {"index.html", "health.html", "replicate/index.html", *days}
    assert all(path.stat().st_ino == number for path, number in pictures.items())
    update(written, tmp_path / "anew")
    assert files_of(site) == files_of(tmp_path / "anew"), "the digest of the day links every page of a name"


def issue(desk: QueryContext) -> None:
    document = desk.archive.find_digest("replicate", "day", query_contexts.DAYS[2])
    assert document is not None
    desk.archive.add_receipt(document, Receipt("x", "@footfall", 0, "9", "https://x.com/i/status/9", NOW))


def recompose(desk: QueryContext) -> None:
    """A draft is replaced: it may get the same id, edition and time."""
    document = desk.archive.find_digest("replicate", "day", query_contexts.NEWEST)
    assert document is not None
    block = document["catalogues"][0]
    figures = {**block["figures"], "uses": {**block["figures"]["uses"], "value": 7}}
    desk.archive.save_digest({**document, "catalogues": [{**block, "figures": figures}]})


def backfill(desk: QueryContext) -> None:
    """The list of a day that had none changes the rankings of that day and the later ones."""
    day = query_contexts.MISSING
    ledger.add_snapshot(desk.store, snapshot(day, query_contexts.counts(day)))


@pytest.mark.parametrize(
    ("change", "pages"),
    [
        (issue, {f"replicate/{query_contexts.DAYS[2]}/index.html"}),
        (recompose, {f"replicate/{query_contexts.NEWEST}/index.html", "replicate/history/models/uses.html"}),
        (backfill, {f"replicate/{day}/index.html" for day in query_contexts.DAYS[6:]}),
    ],
)
def test_what_a_page_shows_is_what_it_depends_on(
    written: QueryContext, tmp_path: Path, change: Callable[[QueryContext], None], pages: set[str]
) -> None:
    site = tmp_path / "site"
    before = files_of(site)
    change(written)
    rendered = update(written, site)
    assert pages <= rendered and f"replicate/{query_contexts.DAYS[1]}/index.html" not in rendered
    update(written, tmp_path / "anew")
    after = files_of(tmp_path / "anew")
    assert files_of(site) == after
    changed = {path for path in after if path.endswith(".html") and after[path] != before.get(path)}
    assert {re.sub(r"/models(-\d+)?\.html$", "/index.html", path) for path in changed} <= rendered


def test_a_receipt_more_renders_the_page_and_draws_no_picture(written: QueryContext, tmp_path: Path) -> None:
    site, day = tmp_path / "site", f"replicate/{query_contexts.ISSUED}"
    picture = (site / day / "card.png").stat().st_ino
    issued = written.archive.find_digest("replicate", "day", query_contexts.ISSUED)
    assert issued is not None
    written.archive.add_receipt(issued, Receipt("discord", "1", 0, "9", "https://discord.com/channels/1/2/9", NOW))
    assert f"{day}/index.html" in update(written, site)
    assert (site / day / "card.png").stat().st_ino == picture


def test_what_strangers_ask_for_is_not_remembered(desk: QueryContext) -> None:
    build = open_build(desk, NOW, URL)
    for path in ("replicate/2025-03-10/index.html", "replicate/index.html", "feed.xml"):
        assert site_builder.find_group(build, path) is not None
    remembered = len(build._memory)
    for number in range(50):
        for path in (f"n{number}/2025-03-10/index.html", f"n{number}/week/x/y", f"replicate/{number}/index.html"):
            assert site_builder.find_group(build, path) is None
    assert len(build._memory) <= remembered + 1


@pytest.mark.parametrize(
    "facts", [{"url": "https://b.example"}, {"url": ""}, {"operator": "Ann"}, {"licence": "CC BY 4.0"}]
)
def test_another_setting_renders_everything(
    few: QueryContext, few_days: WrittenWorld, tmp_path: Path, facts: dict[str, str]
) -> None:
    assert update(few, tmp_path / "site", **facts) == few_days.pages


def test_another_title_hidden_name_or_code_renders_everything(
    few: QueryContext, few_days: WrittenWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, every = tmp_path / "site", few_days.pages
    titled = replace(few, watched={"replicate": replace(few.watched["replicate"], title="Replica")})
    assert update(titled, site) == every
    visible = {page for page in every if "/owner1-" not in page}
    assert update(replace(few, hidden=(*few.hidden, "owner1/model-1")), site) == visible
    assert b"owner1/model-1" not in b"".join(files_of(site).values())
    pictures = {path: path.stat().st_ino for path in site.rglob("card.png")}
    monkeypatch.setattr(code_version, "page_version", lambda: "the next version")
    assert update(replace(few, hidden=(*few.hidden, "owner1/model-1")), site) == visible
    assert all(path.stat().st_ino == number for path, number in pictures.items()), "no picture is drawn again"


def test_the_version_of_the_code_covers_templates_and_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in ("site/x.j2", "site/style.css", "sentences.j2", "x/post.j2"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("one")
    monkeypatch.setattr(code_version, "TEMPLATES", tmp_path)

    def versions() -> tuple[str, str]:
        return code_version.page_version.__wrapped__(), code_version.picture_version.__wrapped__()

    page, picture = versions()
    (tmp_path / "site" / "style.css").write_text("two")
    assert versions()[0] != page and versions()[1] == picture
    (tmp_path / "sentences.j2").write_text("two")
    assert versions()[1] != picture


def test_rendered_files_are_kept_until_the_data_change(desk: QueryContext) -> None:
    opened: list[SiteBuild] = []
    now = [0.0]

    def build() -> SiteBuild:
        opened.append(open_build(desk, NOW))
        return opened[-1]

    pages = OnDemandSite(build, refresh_seconds=10, clock=lambda: now[0])
    first = pages.find_file("index.html")
    assert pages.find_file("index.html") is first and len(opened) == 1
    recompose(desk)
    now[0] = 9.0
    assert pages.find_file("index.html") is first, "the database is asked every ten seconds"
    now[0] = 10.0
    second = pages.find_file("index.html")
    assert second is not first and second != first and len(opened) == 2
    now[0] = 20.0
    assert pages.find_file("index.html") is second and len(opened) == 2


def test_the_state_of_the_sources_is_rendered_again_on_a_new_day_without_new_data(desk: QueryContext) -> None:
    now = [NOW]
    desk = replace(desk, clock=lambda: now[0])
    pages = OnDemandSite(lambda: open_build(desk, now[0]), refresh_seconds=0)
    first = pages.find_file("health.html")
    now[0] += timedelta(days=3)
    second = pages.find_file("health.html")
    assert first is not None and second is not None and first.content != second.content
    assert b"3 days" in second.content and b"3 days" not in first.content


def test_rendered_files_take_a_bounded_amount_of_memory(desk: QueryContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.site_builder.on_demand.KEPT_BYTES", 100_000)
    pages = OnDemandSite(lambda: open_build(desk, NOW))
    days = [f"replicate/{day}/index.html" for day in query_contexts.DAYS[1:]]
    files = [pages.find_file(path) for path in days]
    assert all(files) and sum(len(file.content) for file in files if file) > 200_000
    assert pages._cache._weight <= 100_000


def test_a_folder_is_older_after_a_digest_or_a_setting_changed(written: QueryContext, tmp_path: Path) -> None:
    site = tmp_path / "site"
    pages = OnDemandSite(lambda: open_build(written, NOW, URL), refresh_seconds=0)
    assert pages.is_newer_than(tmp_path / "nowhere"), "there is none"
    assert not pages.is_newer_than(site)
    assert OnDemandSite(lambda: open_build(written, NOW)).is_newer_than(site)
    issue(written)
    assert not pages.is_newer_than(site), "a receipt alone, such as that of the site itself, makes it no older"
    tomorrow = query_contexts.NEWEST + timedelta(days=1)
    ledger.add_snapshot(written.store, snapshot(tomorrow, query_contexts.counts(tomorrow)))
    compose(written, tomorrow)
    assert pages.is_newer_than(site)
