"""Data releases and histories: what the site writes, that it stays, and what `verify` finds without the raw data."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner

from bot import site_builder
from bot.cli import cli
from bot.cli.release_verification import MAX_FILE, MAX_PARSED, MAX_RELEASE, verify_release
from bot.queries import QueryContext
from bot.records import FootfallError, Receipt
from tests import hostile, query_contexts
from tests.query_contexts import DAYS, ISSUED, NEWEST, NOW, SECRET

EDITION = Path("data/replicate") / ISSUED.isoformat() / "edition-1"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryContext]:
    with query_contexts.desk(tmp_path_factory.mktemp("world")) as opened:
        yield opened


@pytest.fixture(scope="module")
def site(desk: QueryContext, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(desk, tmp_path_factory.mktemp("out") / "site")


def write(desk: QueryContext, folder: Path) -> Path:
    site_builder.write_site(desk, folder, lambda _: None, NOW, licence="CC BY 4.0")
    return folder


def render_path(build: site_builder.SiteBuild, path: str) -> bytes | None:
    """A file as it is rendered on demand."""
    group = site_builder.find_group(build, path)
    return dict(group.render()).get(path) if group else None


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text())))


def release_files(site: Path) -> dict[str, bytes]:
    paths = [path for path in (site / "data").rglob("*") if path.is_file() and "edition-" in str(path)]
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in paths}


# --- what is released ------------------------------------------------------------------------------------------------


def test_every_published_digest_is_released_and_no_draft_is(site: Path) -> None:
    folders = {Path(path).parent for path in release_files(site)}
    assert folders == {EDITION}
    manifest = json.loads((site / EDITION / "manifest.json").read_text())
    assert {file["path"] for file in manifest["files"]} == {"digest.json", "figures.csv", "models.csv", "licence.txt"}
    for file in manifest["files"]:
        content = (site / EDITION / file["path"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file["bytes"], file["sha256"])
    assert manifest["edition"] == 1 and manifest["replaces_edition"] is None and manifest["schema_version"] == 1
    assert "Replicate" in manifest["attribution"] and "CC BY 4.0" in (site / EDITION / "licence.txt").read_text()


def test_the_lists_of_releases_lead_to_each(site: Path) -> None:
    (network,) = json.loads((site / "data/index.json").read_text())["networks"]
    assert (network["network"], network["releases"], network["list"]) == ("replicate", 1, "replicate/index.json")
    listed = json.loads((site / "data" / network["list"]).read_text())
    assert [site / "data" / entry["manifest"] for entry in listed["releases"]] == [site / EDITION / "manifest.json"]
    assert listed["revisions"] == [] and listed["releases"][0]["newest_edition"] is True
    page = (site / "data/replicate/index.html").read_text()
    assert f'href="{ISSUED}/edition-1/manifest.json"' in page and 'href="../../replicate/history.csv"' in page


def test_a_correction_is_a_new_folder_and_the_older_edition_keeps_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "world").mkdir()
    with query_contexts.desk(tmp_path / "world") as desk:
        before = release_files(write(desk, tmp_path / "site"))
        document = desk.archive.find_digest("replicate", "day", ISSUED)
        assert document is not None
        block = document["catalogues"][0]
        figures = {**block["figures"], "uses": {**block["figures"]["uses"], "value": 77}}
        second = desk.archive.save_digest({**document, "catalogues": [{**block, "figures": figures}]})
        assert release_files(write(desk, tmp_path / "site")) == before  # edition 2 is a draft
        desk.archive.add_receipt(second, Receipt("x", "@footfall", 0, "9", "https://x.com/i/status/9", NOW))
        site = write(desk, tmp_path / "site")
    after = release_files(site)
    assert {path: after[path] for path in before} == before
    added = {path.removeprefix(f"{EDITION.parent}/") for path in after.keys() - before.keys()}
    # The ledger knows nothing of the invented 77, but the list and the use of each model are still the digest's.
    assert {name.partition("/")[0] for name in added} == {"edition-2"}
    manifest = json.loads(after[f"{EDITION.parent}/edition-2/manifest.json"])
    assert (manifest["replaces_edition"], manifest["figures_changed"]) == (1, 1)
    (revision,) = json.loads((site / "data/replicate/index.json").read_text())["revisions"]
    assert (revision["edition"], revision["replaces_edition"], revision["figures_changed"]) == (2, 1, 1)
    states = [
        entry["newest_edition"] for entry in json.loads((site / "data/replicate/index.json").read_text())["releases"]
    ]
    assert states == [True, False]


def test_a_ranking_that_the_ledger_has_changed_since_is_left_out(desk: QueryContext) -> None:
    from bot.render import data_release
    from bot.site_builder.digest_pages import ranked_models

    document = desk.archive.find_digest("replicate", "day", ISSUED)
    assert document is not None
    ranked = ranked_models(desk, desk.mask_hidden(document))
    paths = dict(data_release.release_files(desk.mask_hidden(document), ranked))
    assert any(path.endswith("models.csv") for path in paths)
    fewer = {key: models[:-1] for key, models in ranked.items()}
    assert not any(path.endswith("models.csv") for path in dict(data_release.release_files(document, fewer)))


def test_a_release_is_the_same_on_demand_and_a_name_that_is_hidden_later_leaves_it(
    desk: QueryContext, site: Path
) -> None:
    build = site_builder.open_build(desk, NOW, licence="CC BY 4.0")
    for path, content in release_files(site).items():
        assert render_path(build, path) == content, path
    for path in (
        "data/index.json",
        "data/replicate/index.html",
        "replicate/history.csv",
        "replicate/history/models/uses.csv",
    ):
        assert render_path(build, path) == (site / path).read_bytes(), path
    name = "owner0/model-0"
    assert name.encode() in release_files(site)[f"{EDITION}/models.csv"]
    later = site_builder.open_build(replace(desk, hidden=(*desk.hidden, name)), NOW)
    for path in release_files(site):
        assert name.encode() not in (render_path(later, path) or b""), path
    for path in ("data/index.htm", "data/nowhere/index.json", "data/replicate/2025-03-04/edition-9/digest.json",
                 "data/replicate/../index.json", "data//index.json", "replicate/historys.csv"):  # fmt: skip
        assert render_path(build, path) is None, path


# --- histories -------------------------------------------------------------------------------------------------------


def test_a_history_has_every_day_and_says_what_is_unknown_and_why(site: Path, desk: QueryContext) -> None:
    table = rows(site / "replicate/history/models/uses.csv")
    days = {row["day"]: row for row in table if row["period"] == "day"}
    assert list(days) == [day.isoformat() for day in DAYS[1:]]
    unknown = days[query_contexts.MISSING.isoformat()]
    assert (unknown["value"], unknown["number"], unknown["state"]) == ("", "", "unknown") and unknown["reason"]
    published = desk.archive.find_digest("replicate", "day", NEWEST)
    assert published is not None
    assert days[NEWEST.isoformat()]["value"] == str(published["catalogues"][0]["figures"]["uses"]["value"])
    assert {row["edition"] for row in table} == {"1"} and {row["unit"] for row in table} == {"runs"}


def test_all_figures_are_in_one_table_and_parquet_has_the_same(site: Path) -> None:
    whole = rows(site / "replicate/history.csv")
    parts = [row for path in sorted((site / "replicate/history/models").glob("*.csv")) for row in rows(path)]
    assert sorted(map(str, whole)) == sorted(map(str, parts)) and len(whole) > 100
    path = site / "replicate/history.parquet"
    relation = duckdb.connect().execute(f"SELECT * FROM '{path}'")
    columns = [column[0] for column in relation.description]
    read = [dict(zip(columns, row, strict=True)) for row in relation.fetchall()]
    assert columns == list(whole[0]) and len(read) == len(whole)
    for shown, row in zip(whole, read, strict=True):
        assert row["number"] == (float(shown["number"]) if shown["number"] else None)
        assert {key: str("" if row[key] is None else row[key]) for key in columns if key != "number"} == {
            key: shown[key].removeprefix("'") for key in columns if key != "number"
        }


def test_a_lower_bound_is_marked(tmp_path: Path) -> None:
    from bot.render.figure_tables import table_csv, table_row

    heading = {"network": "n", "period": "day", "day": "2025-03-01", "last_day": "2025-03-01", "edition": 2}
    figure = {"value": 5, "at_least": True, "reason": "=a part is missing", "unit": "runs"}
    text = table_csv([table_row(heading, "models", "uses", figure)]).decode().splitlines()[1]
    assert text == "n,models,uses,day,2025-03-01,2025-03-01,2,5,5,runs,at least,'=a part is missing,,1"


def test_an_exact_amount_keeps_its_digits_and_a_text_is_no_number() -> None:
    from bot.render.figure_tables import table_csv, table_parquet, table_row

    heading = {"network": "n", "period": "day", "day": "2025-03-01", "last_day": "2025-03-01", "edition": 1}
    values = ["12345678901234567890.123456789", -0.5, "=1+1"]
    table = [table_row(heading, "models", "paid", {"value": value, "unit": "usd"}) for value in values]
    shown = [line.split(",")[7:9] for line in table_csv(table).decode().splitlines()[1:]]
    assert shown == [[values[0], values[0]], ["-0.5", "-0.5"], ["'=1+1", ""]]
    assert table_parquet(table).startswith(b"PAR1")


def test_hidden_and_hostile_names_do_no_harm_in_downloads(site: Path) -> None:
    for path, content in release_files(site).items():
        assert SECRET.encode() not in content, path
    names = [row["model"] for row in rows(site / EDITION / "models.csv")]
    assert any(name in names or f"'{name}" in names for name in hostile.NAMES.values())
    assert not any(name.startswith(("=", "+", "-", "@")) for name in names)


# --- verify ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def release(site: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(site / EDITION, tmp_path / "release"))


def run(place: object) -> tuple[int, list[str]]:
    """The exit code and every line of the command."""
    result = CliRunner().invoke(cli, ["verify", str(place)], standalone_mode=False)
    if isinstance(result.exception, FootfallError):
        return result.exception.exit_code, str(result.exception).splitlines()
    assert result.exception is None, result.exception
    return result.return_value, result.output.splitlines()


def test_a_whole_release_says_what_was_checked_and_what_was_not(release: Path) -> None:
    for place in (release, release / "manifest.json"):
        code, lines = run(place)
        assert code == 0 and lines[0] == f"replicate {ISSUED} edition 1: the release is whole"
    assert "  checked: size and SHA-256 of 4 of 4 files match the manifest" in lines
    assert "  checked: figures.csv has the figures of digest.json" in lines
    assert any(line.startswith("  not checked: the figures were not computed again") for line in lines)


def manifest_with(release: Path, **changes: object) -> None:
    path = release / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def file_with(release: Path, **changes: object) -> None:
    files: list[dict[str, Any]] = json.loads((release / "manifest.json").read_text())["files"]
    manifest_with(release, files=[{**files[0], **changes}, *files[1:]])


def test_what_is_not_as_the_manifest_says_is_one_line_each(release: Path) -> None:
    (release / "models.csv").write_bytes((release / "models.csv").read_bytes().replace(b"1", b"2"))
    (release / "licence.txt").unlink()
    (release / "figures.csv").write_bytes((release / "figures.csv").read_bytes() + b"more")
    (release / "extra\n.txt").write_text("x")
    code, lines = run(release)
    assert code == 1 and lines[0].endswith(": 4 PROBLEMS")
    assert {line.strip() for line in lines} >= {
        "models.csv: altered: its SHA-256 is not the manifest's",
        "licence.txt: cannot be read: No such file or directory",
        "extra .txt: not in the manifest",
    }
    assert any(line.startswith("  figures.csv: has more than the ") for line in lines)


def test_a_digest_of_another_day_and_a_table_of_other_figures_are_found_though_hashes_match(release: Path) -> None:
    digest = json.loads((release / "digest.json").read_text())
    digest["catalogues"][0]["figures"]["uses"]["value"] += 1
    content = json.dumps({**digest, "day": "2025-03-05"}).encode()
    (release / "digest.json").write_bytes(content)
    file_with(release, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    result = verify_release(str(release))
    assert result.problems == ["digest.json: its day is not the manifest's", "figures.csv: differs from digest.json"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"path": "../secret.txt"}, "path ../secret.txt: leads elsewhere, wanted a plain file name"),
        ({"path": "/etc/passwd"}, "path /etc/passwd: leads elsewhere"),
        ({"path": "a/b.csv"}, "leads elsewhere"),
        ({"path": "..\\b.csv"}, "leads elsewhere"),
        ({"path": ".hidden"}, "leads elsewhere"),
        ({"path": "figures.csv"}, "path figures.csv: listed twice"),
        ({"path": "manifest.json"}, "or the manifest itself; refused"),
        ({"bytes": MAX_FILE + 1}, f"wanted at most {MAX_FILE}; refused"),
        ({"bytes": -1}, "not the manifest of a release"),
        ({"sha256": "abc"}, "not the manifest of a release"),
    ],
)
def test_a_manifest_that_leads_elsewhere_or_asks_too_much_is_refused(
    release: Path, changes: dict[str, object], sentence: str
) -> None:
    file_with(release, **changes)
    code, lines = run(release)
    assert code != 0 and len(lines) == 1 and sentence in lines[0], lines


@pytest.mark.parametrize("content", ["", "[]", "{", "[" * 100_000, '{"schema_version": 2}', " " * 300_000])
def test_what_is_no_manifest_is_one_line(release: Path, content: str) -> None:
    (release / "manifest.json").write_text(content)
    code, lines = run(release)
    assert code != 0 and len(lines) == 1 and lines[0].startswith("manifest.json: "), lines


def test_a_release_of_many_large_files_is_refused_before_any_is_read(release: Path) -> None:
    listed = [{"path": f"f{number}.csv", "bytes": MAX_FILE, "sha256": "0" * 64} for number in range(5)]
    manifest_with(release, files=listed)
    code, lines = run(release)
    assert code != 0 and len(lines) == 1 and lines[0].endswith(f"wanted at most {MAX_RELEASE}; refused"), lines


def test_a_digest_that_would_fill_the_memory_is_not_parsed(release: Path) -> None:
    content = b" " * MAX_PARSED + b"1"
    (release / "digest.json").write_bytes(content)
    file_with(release, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    result = verify_release(str(release))
    assert result.problems == [] and any("digest.json is not as listed or too large" in s for s in result.not_checked)


def test_links_pipes_and_folders_are_not_followed(release: Path, tmp_path: Path) -> None:
    for name in ("models.csv", "figures.csv", "licence.txt"):
        (release / name).unlink()
    (release / "models.csv").symlink_to("/etc/passwd")
    os.mkfifo(release / "figures.csv")
    (release / "licence.txt").mkdir()
    problems = verify_release(str(release)).problems
    assert len(problems) == 3 and all("cannot be read" in p or "not a plain file" in p for p in problems), problems


def test_a_release_is_checked_from_an_address_and_within_limits(release: Path) -> None:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(release)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        address = f"http://127.0.0.1:{server.server_port}"
        for place in (address, f"{address}/manifest.json"):
            result = verify_release(place)
            assert result.is_good and any("an address does not list them" in line for line in result.not_checked)
        (release / "models.csv").write_bytes((release / "models.csv").read_bytes() + b"more")
        assert [p.partition(":")[0] for p in verify_release(address).problems] == ["models.csv"]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    "place",
    [
        "http://a.example/x",
        "ftp://a.example/x",
        "file:///etc",
        "https://",
        "https://u:p@a.example/",
        "http://[::1",
        "https://a.example/?x",
    ],
)
def test_only_safe_addresses_are_read(place: str) -> None:
    code, lines = run(place)
    assert code == 2 and len(lines) == 1 and ("wanted" in lines[0] or "not an address" in lines[0]), lines


def test_no_list_of_your_own_takes_the_folder_of_the_releases(tmp_path: Path) -> None:
    block = "{kind: catalogue, title: Mine, models: {file: list.csv}}"
    (tmp_path / "config.yaml").write_text(f"data: {tmp_path}/data\nnetworks:\n  data: {block}\n")
    result = CliRunner().invoke(cli, ["--config", str(tmp_path / "config.yaml"), "status"], standalone_mode=False)
    assert "networks.data: this is the folder of the site's data releases; wanted another name" in str(result.exception)
