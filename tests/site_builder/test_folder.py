"""The site's folder: only what changed is rendered, it is replaced as a whole, and only if it is ours."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from bot.outlets import OutletError
from bot.render.page_layout import File
from bot.site_builder import folder as site_folder
from bot.site_builder.folder import MANIFEST, MARKER, update_folder
from bot.site_builder.groups import FileGroup, render_groups


def group(version: str, *files: File) -> FileGroup:
    return FileGroup(files[0][0], lambda: files, lambda: version)


def replace_site(files: Iterable[File], folder: Path) -> Path:
    """Each file as a group of its own, which is rendered again."""
    numbers = itertools.count()
    return update_folder([group(f"{next(numbers)} {content!r}", (path, content)) for path, content in files], folder)


def rendered(groups: Iterable[FileGroup], folder: Path) -> list[str]:
    """The groups that were rendered."""
    keys: list[str] = []

    def render_all(stale: Iterable[FileGroup]) -> Iterator[tuple[File, ...]]:
        for each in stale:
            keys.append(each.key)
            yield tuple(each.render())

    update_folder(groups, folder, render_all=render_all)
    return keys


def names_in(folder: Path) -> list[str]:
    """What is in a folder beside the lock."""
    return [path.name for path in folder.iterdir() if path.name != ".site.lock"]


def held(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in (MARKER, MANIFEST))
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def test_a_site_is_written_and_then_replaced_whole(tmp_path: Path) -> None:
    folder = tmp_path / "out" / "site"
    assert replace_site([("index.html", b"one"), ("a/b/old.html", b"old")], folder) == folder
    replace_site([("index.html", b"two")], folder)
    assert held(folder) == {"index.html": "two"}
    assert names_in(folder.parent) == ["site"]
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
    assert names_in(tmp_path) == ["site"]


def test_a_page_that_fails_half_way_leaves_the_old_site(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    replace_site([("index.html", b"old")], folder)

    def page() -> Iterator[File]:
        yield "index.html", b"new"
        raise KeyError("a template broke")

    with pytest.raises(KeyError):
        update_folder([FileGroup("index.html", page, lambda: "new")], folder)
    assert held(folder) == {"index.html": "old"}
    assert names_in(tmp_path) == ["site"]


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
    assert names_in(tmp_path) == ["site"]


SITE = (group("1", ("index.html", b"front")), group("1", ("a/page.html", b"page"), ("a/data.json", b"{}")))


def test_only_a_group_with_another_version_is_rendered_again(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    assert rendered(SITE, folder) == ["index.html", "a/page.html"]
    unchanged = (folder / "a" / "page.html").stat()
    assert rendered(SITE, folder) == []
    assert rendered([group("2", ("index.html", b"news")), SITE[1]], folder) == ["index.html"]
    assert held(folder) == {"index.html": "news", "a/page.html": "page", "a/data.json": "{}"}
    kept = (folder / "a" / "page.html").stat()
    assert (kept.st_ino, kept.st_mtime_ns, kept.st_nlink) == (unchanged.st_ino, unchanged.st_mtime_ns, 1)
    assert names_in(tmp_path) == ["site"]


def test_a_file_that_nobody_may_read_any_more_is_mended(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    rendered(SITE, folder)
    (folder / "a" / "page.html").chmod(0o600)
    assert rendered(SITE, folder) == ["a/page.html"]
    assert (folder / "a" / "page.html").stat().st_mode & 0o777 == 0o644


def test_a_group_without_files_in_the_manifest_is_rendered_again(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    rendered(SITE, folder)
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["groups"]["a/page.html"]["files"] = {}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    assert rendered(SITE, folder) == ["a/page.html"]


def test_whoever_may_read_the_folder_above_cannot_hold_the_lock(tmp_path: Path) -> None:
    above = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(above, fcntl.LOCK_EX | fcntl.LOCK_NB)
        rendered(SITE, tmp_path / "site")
    finally:
        os.close(above)
    assert (tmp_path / ".site.lock").stat().st_mode & 0o777 == 0o600


def test_a_link_in_the_locks_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").touch(mode=0o644)
    (tmp_path / ".site.lock").symlink_to(tmp_path / "other")
    with pytest.raises(site_folder.DiskError):
        rendered(SITE, tmp_path / "site")
    assert (tmp_path / "other").stat().st_mode & 0o777 == 0o644


def test_a_group_that_may_stay_keeps_its_files_and_the_version_they_were_written_under(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    rendered(SITE, folder)
    for version in ("2", "3"):
        later = replace(group(version, ("a/page.html", b"other")), may_stay=lambda kept: kept == "1")
        assert rendered([group(version, ("index.html", b"news")), later], folder) == ["index.html"]
    assert held(folder) == {"index.html": "news", "a/page.html": "page", "a/data.json": "{}"}
    (folder / "a" / "page.html").unlink()
    assert rendered([SITE[0], later], folder) == ["index.html", "a/page.html"], "only as it was written"


def test_groups_whose_data_are_read_together_are_rendered_together_in_their_order() -> None:
    asked: list[list[str]] = []

    def together(keys: Sequence[str]) -> Iterator[Sequence[File]]:
        asked.append(list(keys))
        return iter([((key, b"together"),) for key in keys])

    alone, many = group("1", ("b", b"alone")), [replace(group("1", (key, b"")), render_many=together) for key in "acd"]
    files = [file for some in render_groups([many[0], alone, *many[1:]]) for file in some]
    assert files == [("a", b"together"), ("b", b"alone"), ("c", b"together"), ("d", b"together")]
    assert asked == [["a"], ["c", "d"]]


def test_without_news_the_folder_is_not_touched(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    rendered(SITE, folder)
    before = folder.stat()
    assert rendered(SITE, folder) == []
    assert (folder.stat().st_ino, folder.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    update_folder(SITE, folder, ["another archive"])
    assert site_folder.written_version(folder) == ("another archive",)


def test_files_of_a_group_that_is_gone_vanish(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    rendered(SITE, folder)
    assert rendered(SITE[:1], folder) == [] and held(folder) == {"index.html": "front"}
    assert not (folder / "a").exists()
    rendered([group("2", ("index.html", b"front"), ("b.html", b"")), SITE[1]], folder)
    assert rendered([group("3", ("index.html", b"front")), SITE[1]], folder) == ["index.html"]
    assert set(held(folder)) == {"index.html", "a/page.html", "a/data.json"}


@pytest.mark.parametrize("harm", ["longer", "touched", "deleted", "linked", "folder linked"])
def test_a_file_that_is_not_as_it_was_written_is_rendered_again(tmp_path: Path, harm: str) -> None:
    folder = tmp_path / "site"
    rendered(SITE, folder)
    page = folder / "a" / "page.html"
    if harm == "touched":
        os.utime(page, (1, 1))
    elif harm == "longer":
        page.write_text("page and more")
    elif harm == "folder linked":
        page.parent.rename(tmp_path / "elsewhere")
        page.parent.symlink_to(tmp_path / "elsewhere")
    else:
        page.unlink()
    if harm == "linked":
        page.symlink_to(folder / "index.html")
    assert rendered(SITE, folder) == ["a/page.html"]
    assert held(folder)["a/page.html"] == "page" and not page.is_symlink() and not page.parent.is_symlink()


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "[]",
        '{"groups": 1}',
        '{"archive": [], "groups": {"index.html": {"version": "1"}}}',
        '{"archive": [], "groups": {"index.html": {"version": "1", "files": {"../x": [1, 2, "3"]}}}}',
        '{"archive": [], "groups": {"index.html": {"version": "1", "files": {"index.html": [1]}}}}',
        '{"archive": [], "groups": {"index.html": {"version": "1", "files": {"\\ud800": [1, 2, "3"]}}}}',
        "[" * 100_000,
    ],
)
def test_with_a_damaged_manifest_everything_is_rendered_again(tmp_path: Path, manifest: str) -> None:
    folder = tmp_path / "site"
    rendered(SITE, folder)
    (folder / MANIFEST).write_text(manifest)
    assert rendered(SITE, folder) == ["index.html", "a/page.html"]
    assert held(folder) == {"index.html": "front", "a/page.html": "page", "a/data.json": "{}"}


def test_the_manifest_has_the_hash_of_each_file(tmp_path: Path) -> None:
    rendered(SITE, tmp_path / "site")
    files = json.loads((tmp_path / "site" / MANIFEST).read_text())["groups"]["a/page.html"]["files"]
    assert files["a/data.json"] == [2, (tmp_path / "site/a/data.json").stat().st_mtime_ns, sha256(b"{}").hexdigest()]


def test_files_with_the_same_content_take_space_once(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    rendered([group("1", ("a.txt", b"licence")), group("1", ("b.txt", b"licence"))], folder)
    rendered([group("1", ("a.txt", b"licence")), group("2", ("b.txt", b"licence"))], folder)
    assert (folder / "a.txt").stat().st_ino == (folder / "b.txt").stat().st_ino


def events_of(work: Iterable[FileGroup], folder: Path, killed_at: int) -> bool:
    """Update the folder in a process that ends, as if killed, at its n-th operation on files. Whether it was killed."""
    child = os.fork()
    if not child:
        left = itertools.count(killed_at, -1)

        def watch(event: str, _args: object) -> None:
            if event.startswith(("os.", "open", "shutil.", "ctypes.", "fcntl.")) and not next(left):
                os._exit(9)

        sys.addaudithook(watch)
        update_folder(work, folder)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


@pytest.mark.parametrize("exchange", [True, False])
def test_a_writer_that_is_killed_anywhere_leaves_a_whole_site(
    tmp_path: Path, exchange: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not exchange:  # as on a system without renameat2
        monkeypatch.setattr(site_folder, "_exchange", lambda _first, _second: False)
    folder = tmp_path / "site"
    old = {"index.html": "front", "a/page.html": "page", "a/data.json": "{}"}
    new = {"index.html": "news", "a/page.html": "page", "a/data.json": "{}"}
    changed = [group("2", ("index.html", b"news")), SITE[1]]
    seen: list[dict[str, str]] = []
    for number in itertools.count():
        update_folder(SITE, folder)
        assert names_in(tmp_path) == ["site"], "what a killed writer left is cleared up"
        if not events_of(changed, folder, number):
            break
        if not exchange and not folder.exists():  # the moment between two renames: the next writer mends it
            with pytest.raises(ZeroDivisionError):
                update_folder([FileGroup("x", lambda: [("x", b"%d" % (1 // 0))], lambda: "x")], folder)
        seen.append(held(folder))
        assert seen[-1] in (old, new), number
    assert old in seen and new in seen and len(seen) > 15


def test_a_foreign_folder_with_a_name_like_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".site-new-mine").mkdir()
    (tmp_path / ".site-new-mine" / "thesis.txt").write_text("years of work")
    rendered(SITE, tmp_path / "site")
    assert (tmp_path / ".site-new-mine" / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("kind", ["new", "old"])
def test_a_link_with_a_name_like_ours_never_leads_to_another_site(tmp_path: Path, kind: str) -> None:
    other = tmp_path / "elsewhere" / "site"
    rendered(SITE, other)
    (tmp_path / f".site-{kind}-mine").symlink_to(other)
    rendered(SITE, tmp_path / "site")
    assert held(other) == held(tmp_path / "site") and not (tmp_path / "site").is_symlink()


def test_a_second_writer_waits_for_the_first(tmp_path: Path) -> None:
    folder, rendering, go_on = tmp_path / "site", threading.Event(), threading.Event()

    def slow() -> Iterator[File]:
        rendering.set()
        assert go_on.wait(60)
        yield "index.html", b"first"

    first = threading.Thread(target=update_folder, args=([FileGroup("index.html", slow, lambda: "1")], folder))
    second = threading.Thread(target=update_folder, args=([group("2", ("index.html", b"second"))], folder))
    first.start()
    assert rendering.wait(60)
    second.start()
    go_on.set()
    for thread in (first, second):
        thread.join(60)
    assert held(folder) == {"index.html": "second"}
