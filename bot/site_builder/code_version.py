"""Checksums of the code and the templates that make the pages: with other code, pages are rendered again."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

from bot.render.environment import TEMPLATES

_BOT = Path(__file__).resolve().parents[1]
_LIBRARIES = ("babel", "jinja2", "markdown-it-py", "markupsafe", "regex")
_PICTURE_LIBRARIES = ("matplotlib", "numpy", "pillow")
_NOT_FOR_PAGES = ("cli", "discord_bot", "worker", "web", "sources", "outlets", "migrations", "chain", "clients")
_FOR_PICTURES = ("charts", "i18n", "records", "number_format.py")


@cache
def page_version() -> str:
    """Of all code, templates and libraries that could change a page."""
    code = (path for path in _BOT.rglob("*.py") if path.relative_to(_BOT).parts[0] not in _NOT_FOR_PAGES)
    return _checksum([*code, *TEMPLATES.rglob("*.j2"), *TEMPLATES.glob("site/*")], _LIBRARIES)


@cache
def picture_version() -> str:
    """Of all code and templates that could change the picture of a digest."""
    code = [path for name in _FOR_PICTURES for path in _sources(_BOT / name)]
    shared = [*TEMPLATES.glob("*.j2"), *TEMPLATES.glob("text/*.j2"), *TEMPLATES.glob("findings/*")]
    return _checksum([*code, *shared], (*_LIBRARIES, *_PICTURE_LIBRARIES))


def _sources(path: Path) -> Iterator[Path]:
    return iter([path]) if path.is_file() else path.rglob("*.py")


def _checksum(paths: list[Path], libraries: tuple[str, ...]) -> str:
    held = hashlib.sha256(repr((sys.version_info[:2], *((name, version(name)) for name in libraries))).encode())
    for path in sorted({path for path in paths if path.is_file()}):
        held.update(f"{path.name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return held.hexdigest()
