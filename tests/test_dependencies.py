"""The pinned packages: hashes for each, a current list for auditors, and an audit that says what it could not do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dependencies import ROOT, Pin, lock_of, read_pins, requirement_files
from dependencies.audit import NONE, NOT_CHECKED, SOME, _print_report
from dependencies.lock import _is_file_of
from dependencies.sbom import make_sbom
from dependencies.size import package_sizes

FILES = [path.name for path in requirement_files()]


@pytest.mark.parametrize("name", FILES)
def test_each_pin_has_the_hashes_of_its_files(name: str) -> None:
    path = ROOT / name
    pins, locked = list(read_pins(path)), list(read_pins(lock_of(path)))
    bare = [Pin(pin.name, pin.version, pin.extras, pin.marker) for pin in locked]
    assert bare == pins, "run `make lock`"
    assert all(pin.hashes for pin in locked)


def test_files_pin_the_same_package_in_the_same_version() -> None:
    pins = {(pin.key, pin.version) for name in FILES for pin in read_pins(ROOT / name)}
    assert len({key for key, _ in pins}) == len(pins)


def test_only_files_of_the_very_version_count() -> None:
    pin = Pin("Discord.py", "2.7")
    names = {
        "discord_py-2.7-py3-none-any.whl": True,
        "discord_py-2.7.tar.gz": True,
        "discord_py-2.7-1-py3-none-any.whl": True,
        "discord_py-2.7.1-py3-none-any.whl": False,
        "discord_py_self-2.7-py3-none-any.whl": False,
        "discord_py-2.7.exe": False,
    }
    assert {name: _is_file_of(name, pin) for name in names} == names


def test_a_line_that_pins_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("click>=8\n", encoding="utf-8")
    with pytest.raises(ValueError, match="found 'click>=8', wanted name==version"):
        list(read_pins(tmp_path / "requirements.txt"))


def test_pip_refuses_a_file_with_another_hash(tmp_path: Path) -> None:
    pins = {pin.key: pin for pin in read_pins(lock_of(ROOT / "requirements.txt"))}
    pin = pins["schedule"]
    wrong = Pin(pin.name, pin.version, hashes=("0" * 64,))
    for each, fits in ((pin, True), (wrong, False)):
        (tmp_path / "lock").write_text(f"{each}\n", encoding="utf-8")
        ran = _pip(
            "download", "--no-deps", "--require-hashes", "-r", str(tmp_path / "lock"), "-d", str(tmp_path / "files")
        )
        assert (ran.returncode == 0) is fits, ran.stderr
        assert ("DO NOT MATCH" in ran.stderr) is not fits


def _pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_list_for_auditors_names_every_pin_with_its_hashes() -> None:
    pins = list(read_pins(lock_of(ROOT / "requirements.txt")))
    document = json.loads(json.dumps(make_sbom(pins)))
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    components = {part["name"]: part for part in document["components"]}
    assert {name: part["version"] for name, part in components.items()} == {pin.key: pin.version for pin in pins}
    assert components["tweepy"]["purl"].startswith("pkg:pypi/tweepy@")
    hashes = {entry["content"] for file in components["tweepy"]["externalReferences"] for entry in file["hashes"]}
    assert hashes == set(next(pin.hashes for pin in pins if pin.key == "tweepy"))
    assert set(document["dependencies"][0]["dependsOn"]) == {part["bom-ref"] for part in document["components"]}


def test_an_audit_names_each_known_hole_and_what_it_could_not_check(capsys: pytest.CaptureFixture[str]) -> None:
    sound = {"name": "click", "version": "8", "vulns": []}
    holed = {"name": "jinja2", "version": "3", "vulns": [{"id": "CVE-1", "fix_versions": ["3.1"]}]}
    skipped = {"name": "ours", "skip_reason": "not found"}
    results = [
        _print_report("a.lock", {"dependencies": parts}) for parts in ([sound], [sound, holed], [sound, skipped])
    ]
    assert results == [NONE, SOME, NOT_CHECKED]
    shown = capsys.readouterr().out
    assert "jinja2 3: CVE-1, mended in ['3.1']" in shown and "NOT CHECKED: ours: not found" in shown


def test_an_audit_without_a_network_says_so_in_one_line_for_each_lock() -> None:
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": ""}
    ran = subprocess.run(
        [sys.executable, "-m", "dependencies", "audit"],
        cwd=ROOT,
        env={**os.environ, **nowhere, "no_proxy": "", "https_proxy": nowhere["HTTPS_PROXY"]},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == NOT_CHECKED, ran.stderr
    lines = ran.stdout.splitlines()
    assert len(lines) == len(FILES) and all(": NOT CHECKED: " in line for line in lines)


def test_the_size_of_an_environment_counts_each_package_with_its_bytecode(tmp_path: Path) -> None:
    place = tmp_path / "lib" / "python3.11" / "site-packages"
    (place / "toy" / "__pycache__").mkdir(parents=True)
    (place / "toy-1.dist-info").mkdir()
    (place / "toy" / "__init__.py").write_bytes(b"x" * 100)
    (place / "toy" / "__pycache__" / "__init__.cpython-311.pyc").write_bytes(b"x" * 50)
    (place / "toy-1.dist-info" / "METADATA").write_bytes(b"Name: toy\nVersion: 1\n")
    (place / "toy-1.dist-info" / "RECORD").write_bytes(b"toy/__init__.py,,\n")
    assert package_sizes(str(tmp_path))["toy"] == 150
