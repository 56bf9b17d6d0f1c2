"""The site as a destination: publishing writes it, a correction strikes through the old value, and an error is refused
with its reason and affects no other outlet. Kills are tested in `tests/crash_matrix.py`."""

from __future__ import annotations

import errno
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot import cli
from bot.cli import outlet_setup, preview_commands
from bot.cli import publish_commands as posting
from bot.records import FootfallError
from bot.site_builder import folder as site_folder
from bot.store import StoreError
from tests import publishing
from tests.publishing import LAST


class Place:
    """A configuration with only the site."""

    def __init__(self, folder: Path) -> None:
        self.path, self.url = folder / "config.yaml", f"sqlite:///{folder / 'f.db'}"
        self.page = folder / "out" / "site" / "replicate" / LAST.isoformat() / "index.html"
        self.path.write_text(
            f"data: {folder}\nout: {folder}/out\nnetworks:\n"
            "  replicate: {headline: {catalogue: models, figure: models_used}}\noutlets:\n  site: {}\n"
        )

    def run(self, *argv: str) -> Result:
        done = CliRunner().invoke(cli.cli, ["--config", str(self.path), *argv], standalone_mode=False)
        if done.exception and not isinstance(done.exception, FootfallError):
            raise done.exception
        return done

    def publish(self) -> Result:
        return self.run("publish", "--day", str(LAST))

    def rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(self.run("deliveries", "list", "--json").output)["deliveries"]
        return rows


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    place = Place(tmp_path)
    monkeypatch.setenv("DATABASE_URL", place.url)
    monkeypatch.setenv("REPLICATE_API_TOKEN", "")
    publishing.fill(place.url)
    return place


def test_publishing_writes_the_site_and_a_correction_strikes_the_old_value_through(place: Place) -> None:
    place.publish()
    assert [(row["outlet"], row["state"]) for row in place.rows()] == [("site", "sent")]
    assert "5 of 5 public models" in place.page.read_text() and "<del>" not in place.page.read_text()
    publishing.tamper(place.url)
    place.publish()
    page = place.page.read_text()
    assert "<del>6</del>, now 5" in page and "Correction" in page
    assert [(row["edition"], row["kind"], row["state"]) for row in place.rows()] == [
        (1, "post", "sent"),
        (2, "correction", "sent"),
    ]
    left = {path.name for path in (place.path.parent / "out").iterdir()} - {".site.lock"}
    assert left == {"site"}, "nothing half-written is left"


def test_a_digest_that_is_published_on_the_site_alone_is_released_at_once(place: Place) -> None:
    """The site's receipt, which issues the digest, is stored after the site was written."""
    place.publish()
    release = place.page.parents[2] / "data" / "replicate" / LAST.isoformat()
    assert (release / "edition-1" / "manifest.json").exists()
    assert json.loads((release / "edition-1" / "digest.json").read_text())["status"] == "issued"
    assert json.loads((place.page.parent / "digest.json").read_text())["status"] == "issued"
    publishing.tamper(place.url)
    place.publish()
    assert json.loads((release / "edition-2" / "manifest.json").read_text())["replaces_edition"] == 1


def test_a_disk_that_refuses_the_receipts_costs_a_warning(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write, written = preview_commands.write_site, []

    def fills_up(*given: Any, **options: Any) -> Path:
        if written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(write(*given, **options))
        return written[0]

    monkeypatch.setattr(preview_commands, "write_site", fills_up)
    place.publish()
    assert [row["state"] for row in place.rows()] == ["sent"] and "receipts are not shown yet" in caplog.text


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO, errno.EDQUOT])
def test_a_disk_that_refuses_is_tried_again(place: Place, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def refuses(*_: object, **__: object) -> str:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as full:
        full.setattr(site_folder.tempfile, "mkdtemp", refuses)
        place.publish()
    (row,) = place.rows()
    assert row["state"] == "planned" and os.strerror(code) in row["last_error"]
    with monkeypatch.context() as later:
        later.setattr(outlet_setup, "clock", lambda: datetime.now(UTC) + outlet_setup.DISK_PAUSE + timedelta(minutes=1))
        later.setattr(posting, "clock", outlet_setup.clock)
        place.publish()
    assert [row["state"] for row in place.rows()] == ["sent"]


def test_a_database_that_refuses_while_the_site_is_written_is_tried_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object, **__: object) -> Path:
        raise StoreError("database f.db: database or disk is full")

    monkeypatch.setattr(preview_commands, "write_site", refuses)
    place.publish()
    (row,) = place.rows()
    assert row["state"] == "planned" and "database or disk is full" in row["last_error"]


def test_a_folder_that_is_not_ours_is_refused_with_its_reason_and_kept(place: Place) -> None:
    folder = place.path.parent / "out" / "site"
    folder.mkdir(parents=True)
    (folder / "thesis.txt").write_text("years of work")
    place.publish()
    (row,) = place.rows()
    assert row["state"] == "refused" and "did not write" in row["last_error"]
    assert (folder / "thesis.txt").read_text() == "years of work"
