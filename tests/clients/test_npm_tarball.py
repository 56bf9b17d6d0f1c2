from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from bot.clients import npm_tarball
from bot.records import SourceError
from bot.sources.replicate.npm_record import PACKAGE

SMALL = npm_tarball.Package("small", "1.0.0", "")


def packed(path: Path, files: dict[str, bytes]) -> str:
    """Writes a tarball like npm's and returns its sha256."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def program(folder: Path, text: str) -> None:
    """Put a fake `npm` into a folder."""
    folder.mkdir(exist_ok=True)
    (folder / "npm").write_text(f"#!/bin/sh\n{text}\n")
    (folder / "npm").chmod(0o755)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_published_bytes_arrive_and_nothing_else_stays(tmp_path: Path) -> None:
    data = tmp_path / "deep" / "data"
    path = npm_tarball.fetch_tarball(PACKAGE, data, 180)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == PACKAGE.sha256
    assert left(data) == [PACKAGE.filename]


def test_without_an_npm_of_its_own_a_machine_uses_the_one_in_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    path = npm_tarball.fetch_tarball(PACKAGE, tmp_path / "data", 180)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == PACKAGE.sha256


def test_an_npm_that_does_not_start_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", "exit 1")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert npm_tarball._npm_command()[-1].endswith("npm-cli.js")


def test_two_processes_may_fetch_at_once(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from bot.clients import npm_tarball;"
        "from bot.sources.replicate.npm_record import PACKAGE;"
        "print(npm_tarball.fetch_tarball(PACKAGE, Path(sys.argv[1]), 180))"
    )
    both = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "data")]) for _ in range(2)]
    assert [process.wait(200) for process in both] == [0, 0]
    kept = tmp_path / "data" / PACKAGE.filename
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == PACKAGE.sha256
    assert left(tmp_path / "data") == [PACKAGE.filename]


def test_a_tarball_in_the_folder_is_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    kept = tmp_path / SMALL.filename
    packed(kept, {"package/a": b"a"})
    assert npm_tarball.fetch_tarball(SMALL, tmp_path, 1) == kept


def test_no_network_is_one_line_with_a_cure_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with pytest.raises(
        SourceError, match=r"small-1\.0\.0\.tgz: npm could not fetch .* ECONNREFUSED; check the net"
    ) as e:
        npm_tarball.fetch_tarball(SMALL, tmp_path, 60)
    assert "\n" not in str(e.value)
    assert left(tmp_path) == []


def test_a_download_that_takes_too_long_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", '[ "$1" = --version ] || exec sleep 60')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(SourceError, match=r"within 0\.2 s; check the network"):
        npm_tarball.fetch_tarball(SMALL, tmp_path / "data", 0.2)
    assert left(tmp_path / "data") == []


def test_a_download_of_other_bytes_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin", f'[ "$1" = --version ] || echo forged > {SMALL.filename}')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(SourceError, match=r"small@1\.0\.0 is not what was published"):
        npm_tarball.fetch_tarball(SMALL, tmp_path / "data", 10)
    assert left(tmp_path / "data") == []


def test_npm_not_writing_the_file_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", "exit 0")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(SourceError, match=r"npm could not fetch small@1\.0\.0: exit code 0"):
        npm_tarball.fetch_tarball(SMALL, tmp_path / "data", 10)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(SourceError, match=r"data.*: cannot be written: .*; make .* a folder that this user may write"):
        npm_tarball.fetch_tarball(SMALL, tmp_path / "data", 1)


def test_the_wanted_members_come_one_by_one_with_their_hashes(tmp_path: Path) -> None:
    path = tmp_path / "t.tgz"
    sha256 = packed(path, {"package/b": b"bb", "package/skipped": b"s", "package/a": b""})
    members = list(npm_tarball.read_members(path, sha256, {"package/a": 9, "package/b": 9}, "cure"))
    assert [(m.name, bytes(m.content)) for m in members] == [("package/b", b"bb"), ("package/a", b"")]
    assert [m.sha256 for m in members] == [hashlib.sha256(b"bb").hexdigest(), hashlib.sha256(b"").hexdigest()]


def test_another_hash_names_file_found_wanted_and_cure(tmp_path: Path) -> None:
    path = tmp_path / "t.tgz"
    sha256 = packed(path, {"package/a": b"a"})
    with pytest.raises(SourceError, match=rf"t\.tgz: sha256 is {sha256} \(\d+ bytes\), wanted 00; remove it") as error:
        list(npm_tarball.read_members(path, "00", {"package/a": 9}, "remove it"))
    assert "\n" not in str(error.value)
    assert path.exists()


def test_a_missing_member_is_named(tmp_path: Path) -> None:
    sha256 = packed(tmp_path / "t.tgz", {"package/a": b"a"})
    with pytest.raises(SourceError, match=r"t\.tgz: holds no package/b; cure"):
        list(npm_tarball.read_members(tmp_path / "t.tgz", sha256, {"package/a": 9, "package/b": 9}, "cure"))


def test_a_member_above_its_cap_is_refused_unread(tmp_path: Path) -> None:
    sha256 = packed(tmp_path / "t.tgz", {"package/a": b"a" * 10})
    with pytest.raises(SourceError, match="package/a is 10 bytes long, wanted at most 9"):
        list(npm_tarball.read_members(tmp_path / "t.tgz", sha256, {"package/a": 9}, "cure"))


def test_a_link_in_place_of_a_member_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "t.tgz"
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo("package/a")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(entry)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(SourceError, match="holds no package/a"):
        list(npm_tarball.read_members(path, sha256, {"package/a": 9999}, "cure"))


@pytest.mark.parametrize("keep", [0, 10, 60])
def test_a_tarball_cut_short_is_an_error_even_with_its_own_hash(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "t.tgz"
    packed(path, {"package/a": os.urandom(500)})
    path.write_bytes(path.read_bytes()[:keep])
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(SourceError, match=r"t\.tgz: .*; cure"):
        list(npm_tarball.read_members(path, sha256, {"package/a": 9999}, "cure"))


def test_a_path_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(SourceError, match=f"{path}: cannot be read: .*; cure"):
            list(npm_tarball.read_members(path, "", {"package/a": 9}, "cure"))
