"""The site's folder is replaced as a whole, and only if it is ours."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.outlets import OutletError
from bot.outlets.site import MARKER, SiteSettings, replace_site


def held(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != MARKER)
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def test_a_site_is_written_and_then_replaced_whole(tmp_path: Path) -> None:
    folder = tmp_path / "out" / "site"
    assert replace_site([("index.html", b"one"), ("a/b/old.html", b"old")], folder) == folder
    replace_site([("index.html", b"two")], folder)
    assert held(folder) == {"index.html": "two"}
    assert [path.name for path in folder.parent.iterdir()] == ["site"]
    assert folder.stat().st_mode & 0o777 == 0o755


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    replace_site([("index.html", b"one")], tmp_path / "site")
    (tmp_path / "empty").mkdir()
    replace_site([("index.html", b"one")], tmp_path / "empty")
    assert held(tmp_path / "empty") == {"index.html": "one"}


def test_a_folder_with_foreign_files_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(OutletError, match="did not write") as refused:
        replace_site([("index.html", b"one")], tmp_path)
    assert "\n" not in str(refused.value)
    assert held(tmp_path) == {"thesis.txt": "years of work"}


def test_a_file_or_a_link_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for name in ("file", "link"):
        with pytest.raises(OutletError, match="not a folder"):
            replace_site([("index.html", b"one")], tmp_path / name)


@pytest.mark.parametrize("path", ["../evil.html", "/etc/evil", "a/../../evil", "a\\b", "", "a\0b"])
def test_a_path_that_leads_outside_is_refused_and_the_old_site_stays(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "site"
    replace_site([("index.html", b"old")], folder)
    with pytest.raises(OutletError, match="leads out of the site"):
        replace_site([("index.html", b"new"), (path, b"evil")], folder)
    assert held(folder) == {"index.html": "old"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["site"]


def test_a_page_that_fails_half_way_leaves_the_old_site(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    replace_site([("index.html", b"old")], folder)

    def pages() -> Iterator[tuple[str, bytes]]:
        yield "index.html", b"new"
        raise KeyError("a template broke")

    with pytest.raises(KeyError):
        replace_site(pages(), folder)
    assert held(folder) == {"index.html": "old"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["site"]


def test_two_at_once_leave_one_whole_site(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    failed: list[Exception] = []

    def write(who: str) -> None:
        try:
            for _ in range(20):
                replace_site([(f"{n}.html", who.encode()) for n in range(5)], folder)
        except OutletError as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(who,)) for who in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(held(folder)) == 5 and len(set(held(folder).values())) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["site"]


@pytest.mark.parametrize(
    "url", ["footfall.example", "javascript:alert(1)", "https://a.example/?q=1", "https://me:word@a.example"]
)
def test_the_sites_address_is_a_web_address(url: str) -> None:
    assert SiteSettings.model_validate({"url": "https://a.example/archive"}).url == "https://a.example/archive"
    with pytest.raises(ValidationError):
        SiteSettings.model_validate({"url": url})
