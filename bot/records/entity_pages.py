"""The pages of models, authors and categories: the address of each, made from its name.

A name is foreign and may hold anything; its address is made of a readable part and 12 digits of the SHA-256 of the
name, so that it is safe in every file system, the same for ever, and its own. Names that differ in case or in an
accent have different digits. The way back is a look-up: `slug` of each known name.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

from bot.records.names import HIDDEN, HIDDEN_GROUPS

EntityKind = Literal["model", "author", "category"]
ENTITY_KINDS: tuple[EntityKind, ...] = get_args(EntityKind)
FOLDERS: dict[EntityKind, str] = {"model": "models", "author": "authors", "category": "categories"}
READABLE = 60
"""Most characters of the readable part."""
DIGITS = 12
_OTHER = re.compile(r"[^a-z0-9]+")


@lru_cache(maxsize=16384)
def slug(name: str) -> str:
    """The last part of the address of a name: `meta/Llama 3.1` as `meta-llama-3-1-` and its digits. Only lower-case
    letters of ASCII, digits and single hyphens, 75 characters at most."""
    start = name[: READABLE * 4]
    letters = start if start.isascii() else unicodedata.normalize("NFKD", start)
    letters = letters.casefold().encode("ascii", "ignore").decode()
    readable = _OTHER.sub("-", letters)[:READABLE].strip("-") or "name"
    return f"{readable}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:DIGITS]}"


def entity_folder(kind: EntityKind, network: str, catalogue: str) -> str:
    """The folder of the pages of one kind, with their alphabetical list: replicate/models/models."""
    return f"{network}/{FOLDERS[kind]}/{catalogue}"


def entity_path(kind: EntityKind, network: str, catalogue: str, name: str) -> str:
    """The page of a model, an author or a category, without its suffix: .html, .csv or .json."""
    return f"{entity_folder(kind, network, catalogue)}/{slug(name)}"


@dataclass(frozen=True, slots=True)
class EntityPages:
    """Which models, authors and categories have a page, so that no link leads nowhere."""

    paths: Collection[str] | None = frozenset()
    """Addresses of pages, as `entity_path` makes them; `None`: every visible name has a page."""

    def has_page(self, path: str) -> bool:
        """Whether the page at an address is there."""
        return self.paths is None or path in self.paths

    def link(self, kind: EntityKind, network: str, catalogue: str, name: str | None, root: str = "") -> str:
        """The page of a name, relative to `root`; empty if it has none."""
        if not name or name in _HIDDEN:
            return ""
        path = entity_path(kind, network, catalogue, name)
        return f"{root}{path}.html" if self.has_page(path) else ""


_HIDDEN = frozenset({HIDDEN, *HIDDEN_GROUPS})
