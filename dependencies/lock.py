"""Writes beside each `requirements*.txt` a `.lock` with the hashes of every file of each pinned version.

pip itself says where packages come from and which files there are, so any index works that pip is set up for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

from dependencies import Pin, lock_of, read_pins, requirement_files

HEAD = "# The pins of {source} with the hashes of all their files. Written by `make lock`: do not edit.\n"


def write_locks() -> list[str]:
    """Write every lock that lacks a pin of today. Returns the names of those that changed."""
    changed: list[str] = []
    with _file_hashes() as hashes_of:
        for path in requirement_files():
            lock = lock_of(path)
            known = {(pin.key, pin.version): pin.hashes for pin in read_pins(lock)} if lock.exists() else {}
            pins = [replace(pin, hashes=known.get((pin.key, pin.version)) or hashes_of(pin)) for pin in read_pins(path)]
            text = HEAD.format(source=path.name) + "".join(f"{pin}\n" for pin in pins)
            if not lock.exists() or lock.read_text(encoding="utf-8") != text:
                lock.write_text(text, encoding="utf-8")
                changed.append(lock.name)
    return changed


@contextmanager
def _file_hashes() -> Iterator[Callable[[Pin], tuple[str, ...]]]:
    """A function that finds the hashes of a pin's files, as pip would find the files."""
    from pip._internal.commands import create_command

    command: Any = create_command("download")
    options, _ = command.parse_args(["none"])
    with command.main_context():
        finder = command._build_package_finder(options, command._build_session(options))
        listed = cache(lambda project: tuple(_listed_files(finder, project)))

        def hashes_of(pin: Pin) -> tuple[str, ...]:
            hashes = sorted({file_hash for name, file_hash in listed(pin.key) if _is_file_of(name, pin)})
            if not hashes:
                raise SystemExit(f"{pin.name}=={pin.version}: the index lists no file with a hash")
            return tuple(hashes)

        yield hashes_of


def _listed_files(finder: Any, project: str) -> Iterator[tuple[str, str]]:
    """The names and SHA-256 of all files of a project in every index."""
    from pip._internal.index.collector import parse_links
    from pip._internal.models.link import Link

    for index in finder.index_urls:
        page = finder._link_collector.fetch_response(Link(f"{index.rstrip('/')}/{project}/"))
        for link in parse_links(page) if page else ():
            if link.hash_name == "sha256":
                yield link.filename, link.hash


def _is_file_of(filename: str, pin: Pin) -> bool:
    """Whether it is a wheel or a source archive of this version."""
    from pip._vendor.packaging.utils import (
        InvalidSdistFilename,
        InvalidWheelFilename,
        parse_sdist_filename,
        parse_wheel_filename,
    )

    try:
        parts = parse_wheel_filename(filename) if filename.endswith(".whl") else parse_sdist_filename(filename)
    except (InvalidSdistFilename, InvalidWheelFilename, ValueError):
        return False
    return parts[0] == pin.key and str(parts[1]) == pin.version
