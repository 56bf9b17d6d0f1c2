"""The archive site of a small world with every hostile name, checked file by file."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import uuid
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot import database_copy, pipeline, site_builder, store
from bot.archive import Archive
from bot.metrics import METRICS
from bot.records import Document, Period, Picture, message
from bot.site_builder.folder import MANIFEST
from tests import hostile, query_contexts
from tests.worlds import CATALOGUE

ATOM = "{http://www.w3.org/2005/Atom}"


def listed_pages(site: Path) -> list[Path]:
    """All pages but the one of missing addresses and the tables of all models, which belong to their digest's page."""
    return [path for path in site.rglob("*.html") if not re.fullmatch(r"404\.html|models(-\d+)?\.html", path.name)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    desks: list[str] = []
    with query_contexts.desk(folder) as desk:
        index = site_builder.write_site(
            desk, folder / "site", desks.append, query_contexts.NOW, "https://a.example/archive/"
        )
    assert len(desks) == len(listed_pages(folder / "site"))
    assert index == folder / "site" / "index.html"
    return folder / "site"


def day(site: Path, when: object = query_contexts.NEWEST) -> Path:
    return site / "replicate" / str(when)


class Page(HTMLParser):
    """The parts of a page that the tests check."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.ids: list[str] = []
        self.said = ""
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for key, value in attrs:
            self.attributes.add(key)
            if key in ("href", "src"):
                self.links.append(value or "")
            if key == "id":
                self.ids.append(value or "")

    def handle_data(self, data: str) -> None:
        self.said += data


def test_every_page_of_the_archive_is_there(site: Path) -> None:
    there = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    wanted = {"index.html", "style.css", "feed.xml", "feed.json", "replicate/index.html", "replicate/method.html"}
    wanted |= {f"replicate/{d}/{name}" for d in query_contexts.DAYS[1:] for name in ("index.html", "digest.json")}
    wanted |= {f"replicate/{query_contexts.NEWEST}/models.csv", "replicate/week/2025-03-03/index.html"}
    figures = json.loads((day(site) / "digest.json").read_text())["catalogues"][0]["figures"]
    wanted |= {f"replicate/history/models/{key}.html" for key in figures}
    assert wanted <= there


def test_links_lead_somewhere_without_a_server_and_ids_are_unique(site: Path) -> None:
    for path in site.rglob("*.html"):
        page = Page(path)
        assert len(page.ids) == len(set(page.ids)), path
        for link in page.links:
            target, _, anchor = link.partition("?")[0].partition("#")
            if path.name == "404.html":
                assert link.startswith("/archive/") or link == "#main"  # it is shown at any address
            elif re.match(r"[a-z]+:", link):
                own = f"https://a.example/archive/{path.relative_to(site).as_posix().removesuffix('index.html')}"
                assert link in (own, "https://x.com/i/status/123"), (path, link)
            elif target:
                assert (path.parent / target).is_file(), (path, link)
            else:
                assert anchor in page.ids, (path, link)


def test_no_page_holds_a_script_or_an_inline_style_or_a_handler(site: Path) -> None:
    for path in site.rglob("*.html"):
        page = Page(path)
        forms = {"script", "form"} if path.name in ("search.html", "compare.html") else set[str]()
        assert {"script", "iframe", "img", "object", "style", "form"} & set(page.tags) == forms, path
        scripts = re.findall("<script(.*?)</script>", path.read_text())
        assert all(re.fullmatch(r' src="[a-z]+\.js" defer>', script) for script in scripts), path  # never inline
        assert not {name for name in page.attributes if name.startswith("on") or name == "style"}, path


def test_a_day_page_holds_every_figure_with_its_definition_and_every_gap(site: Path) -> None:
    text = " ".join(Page(day(site) / "index.html").said.split())
    document = json.loads((day(site) / "digest.json").read_text())
    for key, figure in document["catalogues"][0]["figures"].items():
        assert figure["label"][1:] in text
        assert METRICS[key].definition in text
        assert (figure.get("unknown") or "") in text
    assert document["refs"][0]["url"] in text and document["refs"][0]["sha256"] in text


def test_an_unknown_day_says_unknown_and_why_and_has_no_ranking(site: Path) -> None:
    text = " ".join(Page(day(site, query_contexts.MISSING) / "index.html").said.split())
    reason = json.loads((day(site, query_contexts.MISSING) / "digest.json").read_text())
    uses = reason["catalogues"][0]["figures"]["uses"]
    assert uses["value"] is None and uses["unknown"] in text
    assert "No ranking: " in text
    assert not (day(site, query_contexts.MISSING) / "models.csv").exists()


def test_receipts_are_shown_and_a_draft_says_that_it_is_one(site: Path) -> None:
    issued, draft = Page(day(site, query_contexts.ISSUED) / "index.html"), Page(day(site) / "index.html")
    assert "https://x.com/i/status/123" in issued.links and "issued" in issued.said
    assert "this is a draft" in draft.said and "this is a draft" not in issued.said


def test_hostile_names_stay_text_on_every_page(site: Path) -> None:
    raw = "".join((day(site) / name).read_text() for name in ("index.html", "models.html"))
    for name in hostile.NAMES.values():
        if "<" in name:
            assert name not in raw
    assert "&lt;script&gt;alert(1)&lt;/<wbr>script&gt;" in raw and "<script" not in raw
    assert "{{7*7}}" in raw and "49" not in re.findall(r"<bdi>(\d+)</bdi>", raw)
    assert "\u202e" not in raw and "\u200b" not in raw


def model_names(page: Path) -> list[str]:
    return re.findall(r'<th scope="row" class="name">(?:<a href="[^"]+">)?<bdi>(.*?)</bdi>', page.read_text())


def test_the_pages_of_models_hold_every_listed_model_once_and_the_day_links_to_them(site: Path) -> None:
    rows = model_names(day(site) / "models.html")
    assert 'href="models.html#models-models"' in (day(site) / "index.html").read_text()
    assert [name for name in rows if name in model_names(day(site) / "index.html")] == rows[:20]
    listed = json.loads((day(site) / "digest.json").read_text())["catalogues"][0]["figures"]["models_listed"]["value"]
    assert len(rows) == listed > 150


def test_a_hidden_name_is_nowhere_and_still_counted(site: Path) -> None:
    for path in site.rglob("*"):
        if path.is_file():
            assert query_contexts.SECRET.encode() not in path.read_bytes(), path
    rows = list(csv.DictReader(io.StringIO((day(site) / "models.csv").read_text())))
    (hidden,) = [row for row in rows if row["model"] == "a hidden model"]
    assert hidden["uses"] == "900" and hidden["author"] == "a hidden author"


def test_the_csv_is_the_ranking_and_cannot_act_as_a_formula(site: Path) -> None:
    rows = list(csv.DictReader(io.StringIO((day(site) / "models.csv").read_text())))
    document = json.loads((day(site) / "digest.json").read_text())["catalogues"][0]
    assert len(rows) == document["figures"]["models_listed"]["value"]
    assert sum(int(row["uses"]) for row in rows if row["uses"] != "unknown") == document["figures"]["uses"]["value"]
    for row in rows:
        assert not row["model"].lstrip().startswith(("=", "+", "-", "@", "\uff20")), row
    assert any(row["model"] == "'@everyone" for row in rows)
    ranks = [row["rank"] for row in rows]
    known = [int(rank) for rank in ranks if rank != "unknown"]
    assert known == sorted(known) and ranks[len(known) :] == ["unknown"] * (len(rows) - len(known))
    assert {row["uses"] == "unknown" for row in rows[len(known) :]} <= {True}


def test_the_digest_json_is_the_archives_document(site: Path, tmp_path: Path) -> None:
    with query_contexts.desk(tmp_path) as desk:
        kept = desk.archive.find_digest("replicate", "day", query_contexts.NEWEST)
    assert json.loads((day(site) / "digest.json").read_text()) == kept


def test_the_atom_feed_has_what_the_standard_asks_for(site: Path) -> None:
    feed = ET.parse(site / "feed.xml").getroot()
    assert feed.tag == f"{ATOM}feed" and feed.findtext(f"{ATOM}updated") == "2025-03-11T09:00:00+00:00"
    entries = feed.findall(f"{ATOM}entry")
    ids = [entry.findtext(f"{ATOM}id") for entry in entries]
    assert len(set(ids)) == len(ids) == len(query_contexts.DAYS) and all(i and i.startswith("urn:uuid:") for i in ids)
    newest = entries[0]
    assert newest.findtext(f"{ATOM}title") == "Replicate, 10 March 2025"
    link = newest.find(f"{ATOM}link")
    assert link is not None and link.get("href") == "https://a.example/archive/replicate/2025-03-10/index.html"
    assert "were used on 10 March 2025" in (newest.findtext(f"{ATOM}content") or "")


def test_the_json_feed_is_version_1_1_with_whole_addresses(site: Path) -> None:
    feed = json.loads((site / "feed.json").read_text())
    assert feed["version"] == "https://jsonfeed.org/version/1.1" and feed["title"]
    assert feed["feed_url"] == "https://a.example/archive/feed.json"
    for item in feed["items"]:
        assert item["id"] and item["content_html"] and item["url"].startswith("https://a.example/archive/replicate/")


def test_without_an_address_feeds_link_relatively_and_ids_stay_whole(tmp_path: Path) -> None:
    with query_contexts.desk(tmp_path, query_contexts.DAYS[:3]) as desk:
        site_builder.write_site(desk, tmp_path / "site", lambda _line: None, query_contexts.NOW)
    entry = ET.parse(tmp_path / "site" / "feed.xml").getroot().find(f"{ATOM}entry")
    assert entry is not None
    link = entry.find(f"{ATOM}link")
    assert link is not None and link.get("href") == "replicate/2025-03-03/index.html"
    assert all("url" not in item for item in json.loads((tmp_path / "site" / "feed.json").read_text())["items"])


def feed_ids(site: Path) -> list[str]:
    """Every id of both feeds; the Atom feed's own first."""
    feed = ET.parse(site / "feed.xml").getroot()
    atom = [element.text or "" for element in feed.iter(f"{ATOM}id")]
    return atom + [item["id"] for item in json.loads((site / "feed.json").read_text())["items"]]


def test_feed_ids_stay_when_the_site_or_the_database_moves(tmp_path: Path) -> None:
    seen: list[list[str]] = []
    with query_contexts.desk(tmp_path, query_contexts.DAYS[:3]) as desk:
        for url in ("", "https://a.example", "https://b.example/archive/"):
            site_builder.write_site(desk, tmp_path / "site", lambda _line: None, query_contexts.NOW, url)
            seen.append(feed_ids(tmp_path / "site"))
        target = store.open_store(f"sqlite:///{tmp_path / 'copy.db'}")
        database_copy.copy_database(desk.store, target, lambda _line: None)
        moved = replace(desk, store=target, archive=Archive(target))
        site_builder.write_site(moved, tmp_path / "site", lambda _line: None, query_contexts.NOW, "https://c.example")
        seen.append(feed_ids(tmp_path / "site"))
        target.close()
    assert len(seen[0]) > 4 and seen[0] == seen[1] == seen[2] == seen[3]
    (tmp_path / "other").mkdir()
    with query_contexts.desk(tmp_path / "other", query_contexts.DAYS[:3]) as desk:
        site_builder.write_site(desk, tmp_path / "site", lambda _line: None, query_contexts.NOW)
    assert not set(seen[0]) & set(feed_ids(tmp_path / "site")), "another installation's are others"


@pytest.mark.parametrize("url", ["https://a.example/archive/", ""])
def test_an_archive_of_an_older_version_keeps_the_ids_it_published(tmp_path: Path, url: str) -> None:
    with query_contexts.desk(tmp_path, query_contexts.DAYS[:3]) as desk:
        with desk.store.write_transaction() as connection:  # as it was before ids were kept
            for table in ("subscriptions", "members"):
                for column in ("misses", "missed_at"):
                    connection.execute(sa.text(f"ALTER TABLE {table} DROP COLUMN {column}"))
            for column in ("platform_at", "accepted"):
                connection.execute(sa.text(f"ALTER TABLE deliveries DROP COLUMN {column}"))
            connection.execute(sa.text("UPDATE alembic_version SET version_num = '0010'"))
        desk.store.migrate()
        for place in (url, "https://b.example"):
            site_builder.write_site(desk, tmp_path / "site", lambda _line: None, query_contexts.NOW, place)
            base = url.rstrip("/") or "footfall"
            newest = f"{base}/replicate/{query_contexts.DAYS[1]}"
            ids = feed_ids(tmp_path / "site")
            assert ids[0] == uuid.uuid5(uuid.NAMESPACE_URL, f"{base}/").urn
            assert uuid.uuid5(uuid.NAMESPACE_URL, newest).urn in ids


def test_an_empty_archive_still_gives_a_site(tmp_path: Path) -> None:
    with query_contexts.desk(tmp_path, query_contexts.DAYS[:1]) as desk:
        index = site_builder.write_site(desk, tmp_path / "site", lambda _line: None, query_contexts.NOW)
    assert "No digest yet" in index.read_text()


def test_the_methodology_shows_markup_of_its_text_and_obeys_none_of_it(site: Path) -> None:
    page = (site / "replicate" / "method.html").read_text()
    assert "<strong>only for tests</strong>" in page and "&lt;script&gt;" in page
    for key in ("models_listed", "uses", "gini_used"):
        assert f'<dt id="{key}">' in page


def test_writing_the_same_archive_twice_gives_the_same_bytes(site: Path, tmp_path: Path) -> None:
    shutil.copy(site.parent / "footfall.db", tmp_path)
    second = tmp_path / "second"
    with query_contexts.desk(tmp_path) as desk:
        site_builder.write_site(desk, second, lambda _line: None, query_contexts.NOW, "https://a.example/archive/")
    paths = [path.relative_to(site) for path in site.rglob("*") if path.is_file()]
    assert sorted(paths) == sorted(path.relative_to(second) for path in second.rglob("*") if path.is_file())
    for path in paths:
        if path.name != MANIFEST:  # has the times of its files
            assert (second / path).read_bytes() == (site / path).read_bytes(), path


def test_a_licensed_network_has_its_licence_on_the_page_and_beside_the_downloads(tmp_path: Path) -> None:
    with query_contexts.desk(tmp_path) as desk:
        licensed = replace(CATALOGUE, caveats=(message("source_licensed", name="Some place", rest="CC BY 4.0"),))
        plan = replace(query_contexts.PLAN, catalogues=(licensed,))
        pipeline.compose_digest(
            desk.store, desk.archive, plan, Period.for_day(query_contexts.NEWEST), query_contexts.NOW
        )
        site = site_builder.write_site(desk, tmp_path / "site", lambda line: None, query_contexts.NOW).parent
    newest = site / "replicate" / query_contexts.NEWEST.isoformat()
    assert (newest / "licence.txt").read_text() == "Source: Some place, licensed under CC BY 4.0.\n"
    assert 'href="licence.txt"' in (newest / "index.html").read_text()
    assert not (site / "replicate" / query_contexts.ISSUED.isoformat() / "licence.txt").exists()


def test_pages_can_be_shared_and_found(site: Path) -> None:
    address = f"https://a.example/archive/replicate/{query_contexts.NEWEST}/"
    page = (day(site) / "index.html").read_text()
    assert f'<link rel="canonical" href="{address}">' in page
    assert f'<meta property="og:image" content="{address}card.png">' in page
    assert re.search(r'<meta name="description" content="\d+ of \d+ models used">', page)
    assert (day(site) / "card.png").read_bytes().startswith(b"\x89PNG")
    listed = ET.fromstring((site / "sitemap.xml").read_text())
    found = {element.text for element in listed.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")}
    html = {path.relative_to(site).as_posix() for path in listed_pages(site)}
    assert found == {f"https://a.example/archive/{path.removesuffix('index.html')}" for path in html}
    assert "Sitemap: https://a.example/archive/sitemap.xml" in (site / "robots.txt").read_text()
    missing = (site / "404.html").read_text()
    assert 'href="/archive/style.css"' in missing and "canonical" not in missing
    assert "has not said who they are" in (site / "about.html").read_text()


def test_a_picture_is_drawn_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []

    def draw(document: Document, *args: object, **more: object) -> Picture:
        drawn.append(document["day"])
        return Picture("card.png", b"\x89PNG of " + document["day"].encode(), "in words")

    monkeypatch.setattr(pipeline, "draw_picture", draw)
    with query_contexts.desk(tmp_path) as desk:
        for _ in range(2):
            site_builder.write_site(desk, tmp_path / "site", lambda line: None, query_contexts.NOW, "https://a.example")
        assert len(drawn) == len(query_contexts.DAYS)
        pipeline.compose_digest(
            desk.store, desk.archive, query_contexts.PLAN, Period.for_day(query_contexts.NEWEST), query_contexts.NOW
        )
        site_builder.write_site(desk, tmp_path / "site", lambda line: None, query_contexts.NOW)
        assert len(drawn) == len(query_contexts.DAYS), "without an address there is no picture"
    assert not list((tmp_path / "site").rglob("card.png"))


def test_every_figure_of_a_day_has_an_anchor_and_the_main_ones_a_line_to_cite(site: Path) -> None:
    page = Page(day(site) / "index.html")
    figures = json.loads((day(site) / "digest.json").read_text())["catalogues"][0]["figures"]
    assert set(figures) <= set(page.ids) and {f"#{key}" for key in figures} <= set(page.links)
    text = " ".join(page.said.split())
    address = f"https://a.example/archive/replicate/{query_contexts.NEWEST}/#models_used"
    used = figures["models_used"]["value"]
    cited = (
        f"Footfall: Replicate, 10 March 2025, models used: {used}. Edition 1, draft, as of 11 March 2025, 09:00 UTC."
    )
    assert f"{cited} {address}" in text


def test_the_page_of_the_sources_says_how_far_each_was_read(site: Path) -> None:
    text = " ".join(Page(site / "health.html").said.split())
    assert "As of 11 March 2025, 09:00 UTC." in text
    assert "Replicate: public models 10 March 2025 no 11 March 2025, 00:00 UTC" in text
    assert "None: no figure that was published has changed since." in text
    for path in site.rglob("index.html"):
        assert any(link.endswith("health.html") for link in Page(path).links), path


def test_the_masthead_and_the_foot_link_to_nothing_twice(site: Path) -> None:
    for path in site.rglob("*.html"):
        around = re.sub(r"<main.*</main>", "", path.read_text(), flags=re.DOTALL)
        links = re.findall(r'<a [^>]*href="([^"]+)"', around)
        assert len(links) == len(set(links)), path
