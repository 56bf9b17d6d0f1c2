"""Pages of names are brought up to date in turn, say up to which day they go, and never keep what was revised."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from bot import ledger, number_format, pipeline, site_builder, store
from bot.queries import QueryContext
from bot.records import Period, Receipt
from bot.records.entity_pages import entity_path
from bot.site_builder import OnDemandSite, open_build
from tests import query_contexts
from tests.query_contexts import NEWEST, NOW
from tests.worlds import snapshot

TURN = 7
ENTITY = re.compile(r"(replicate/(?:models|authors|categories)/models/[a-z0-9-]+-[0-9a-f]{12})\.(?:html|csv|json)")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The world with its site up to the newest day. Read-only: copy it."""
    folder = tmp_path_factory.mktemp("world")
    with query_contexts.desk(folder) as opened:
        update(opened, folder / "site")
    return folder


@pytest.fixture
def desk(world: Path, tmp_path: Path) -> Iterator[QueryContext]:
    shutil.copytree(world, tmp_path, dirs_exist_ok=True)
    with query_contexts.desk(tmp_path) as opened:
        yield opened


@pytest.fixture
def site(desk: QueryContext, tmp_path: Path) -> Path:
    """The site up to the newest day of the world."""
    return tmp_path / "site"


def update(desk: QueryContext, site: Path) -> set[str]:
    """The pages of names that were rendered, without their suffix."""
    lines: list[str] = []
    site_builder.write_site(desk, site, lines.append, NOW)
    return {found[1] for line in lines if (found := ENTITY.fullmatch(line.removeprefix("rendered ")))}


def files_of(site: Path) -> dict[str, bytes]:
    """The files of the pages of names."""
    paths = [path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()]
    return {path: (site / path).read_bytes() for path in paths if ENTITY.fullmatch(path)}


def add_quiet_day(desk: QueryContext, number: int) -> date:
    """The n-th day after the newest, on which three models are used as before and others instead of the rest, so that
    the pages of the rest wait."""
    day, counts = NEWEST + timedelta(days=number), query_contexts.counts(NEWEST)
    names = [f"owner{n}/model-{n}" for n in range(3)] + [f"idle/model-{n}" for n in range(37)]
    busy = {name: number * (4000 // (n + 1)) for n, name in enumerate(names)}
    ledger.add_snapshot(desk.store, snapshot(day, {name: n + busy.get(name, 0) for name, n in counts.items()}))
    pipeline.compose_digest(desk.store, desk.archive, query_contexts.PLAN, Period.for_day(day), NOW)
    return day


def days_of(site: Path) -> dict[str, date]:
    """Up to which day each page goes, as its document says."""
    return {
        path.removesuffix(".json"): date.fromisoformat(json.loads(content)["day"])
        for path, content in files_of(site).items()
        if path.endswith(".json")
    }


def has_turn(path: str, day: date) -> bool:
    return (day.toordinal() - int(path[-12:], 16)) % TURN == 0


def test_a_page_that_is_due_is_rewritten_and_any_other_keeps_its_bytes_and_says_its_day(
    desk: QueryContext, site: Path, tmp_path: Path
) -> None:
    before = files_of(site)
    day = add_quiet_day(desk, 1)
    rendered = update(desk, site)
    update(desk, tmp_path / "anew")
    after, anew, goes_up_to = files_of(site), files_of(tmp_path / "anew"), days_of(site)
    kept = goes_up_to.keys() - rendered
    assert len(kept) > 5 and len(rendered) > 5 and not [path for path in kept if has_turn(path, day)]
    for path in goes_up_to:
        for suffix in ("html", "csv", "json"):
            wanted = before if path in kept else anew
            assert after[f"{path}.{suffix}"] == wanted[f"{path}.{suffix}"], path
        shown = NEWEST if path in kept else day
        html, table = after[f"{path}.html"].decode(), after[f"{path}.csv"].decode()
        said = number_format.format_day(shown)
        assert goes_up_to[path] == shown and table.splitlines()[-1].startswith(shown.isoformat())
        assert f"This page goes up to {said}." in html and f"by day, up to {said}</figcaption>" in html


def test_the_pages_that_the_newest_digest_tells_of_are_rewritten_on_the_same_day(
    desk: QueryContext, site: Path
) -> None:
    day = add_quiet_day(desk, 1)
    update(desk, site)
    goes_up_to = days_of(site)
    document = desk.archive.find_digest("replicate", "day", day)
    assert document is not None
    told = {
        name
        for finding in document["catalogues"][0]["findings"]
        if (name := finding["values"].get("model")) and name.startswith("owner")
    }
    for name in {*told, *(f"owner{n}/model-{n}" for n in range(3))}:
        for kind, shown in (("models", name), ("authors", name.partition("/")[0])):
            found = [
                path for path in goes_up_to if path.startswith(f"replicate/{kind}/models/{shown.replace('/', '-')}-")
            ]
            assert [goes_up_to[path] for path in found] == [day], (kind, shown)


def test_no_page_is_ever_more_than_a_week_behind_and_a_week_off_brings_all_up_to_date(
    desk: QueryContext, site: Path, tmp_path: Path
) -> None:
    for number in range(1, TURN + 1):
        day = add_quiet_day(desk, number)
        update(desk, site)
        assert day - min(days_of(site).values()) < timedelta(days=TURN)
    assert len(set(days_of(site).values())) > 2, "the turns are spread over the week"
    for number in range(TURN + 1, 2 * TURN + 1):
        day = add_quiet_day(desk, number)
    update(desk, site)
    update(desk, tmp_path / "anew")
    assert set(days_of(site).values()) == {day} and files_of(site) == files_of(tmp_path / "anew")


def test_a_revised_day_renders_every_page_that_shows_it_at_once(desk: QueryContext, site: Path, tmp_path: Path) -> None:
    add_quiet_day(desk, 1)
    update(desk, site)
    day = query_contexts.MISSING
    ledger.add_snapshot(desk.store, snapshot(day, query_contexts.counts(day)))
    update(desk, site)
    update(desk, tmp_path / "anew")
    assert files_of(site) == files_of(tmp_path / "anew")


def test_a_finding_of_a_late_digest_renders_the_pages_of_its_names_alone(desk: QueryContext, site: Path) -> None:
    add_quiet_day(desk, 1)
    update(desk, site)
    goes_up_to = days_of(site)
    issued = desk.archive.find_digest("replicate", "day", query_contexts.ISSUED)
    assert issued is not None
    desk.archive.add_receipt(issued, Receipt("discord", "1", 0, "9", "https://discord.com/channels/1/2/9", NOW))
    assert update(desk, site) == set(), "a receipt is on no page of a name"
    draft = desk.archive.find_digest("replicate", "day", query_contexts.DAYS[4])
    assert draft is not None
    waiting = min(path for path, day in goes_up_to.items() if day == NEWEST and "/models/models/" in path)
    name, author = (json.loads((site / f"{waiting}.json").read_text())[key] for key in ("name", "author"))
    block = draft["catalogues"][0]
    known = next(finding for finding in block["findings"] if isinstance(finding["values"].get("model"), str))
    finding = {**known, "text": "It is told of.", "values": {**known["values"], "model": name, "author": author}}
    desk.archive.save_digest({**draft, "catalogues": [{**block, "findings": [*block["findings"], finding]}]})
    assert update(desk, site) == {waiting, entity_path("author", "replicate", "models", author)}
    assert "It is told of." in (site / f"{waiting}.html").read_text()


def test_a_page_that_waits_is_served_up_to_the_newest_day(desk: QueryContext, site: Path) -> None:
    day = add_quiet_day(desk, 1)
    update(desk, site)
    pages = OnDemandSite(lambda: open_build(desk, NOW))
    waiting = min(path for path, shown in days_of(site).items() if shown == NEWEST)
    file = pages.find_file(f"{waiting}.json")
    assert file is not None and json.loads(file.content)["day"] == day.isoformat()


def test_a_model_that_moves_to_another_category_never_links_a_page_that_is_gone(desk: QueryContext, site: Path) -> None:
    add_quiet_day(desk, 1)
    with desk.store.write_transaction() as connection:
        connection.execute(store.models.update().where(store.models.c.category == "image").values(category="video"))
    update(desk, site)
    assert not list(site.glob("replicate/categories/models/image-*"))
    for path in site.glob("replicate/models/models/owner*.html"):
        for link in re.findall(r'href="([^"#?]+)"', path.read_text()):
            assert (path.parent / link).exists(), (path, link)
