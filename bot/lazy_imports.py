"""Packages whose names are imported at their first use, so that a command loads only what it needs.

Such a package lists what it offers under `if TYPE_CHECKING:`, where type checkers and the import contracts read it. In
the `else:` it defines `__getattr__ = lazy_attributes(__name__, __file__)`, which imports a name from there on demand.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def lazy_attributes(package: str, path: str) -> Callable[[str], object]:
    """The `__getattr__` of a package: imports the name as the `if TYPE_CHECKING:` of the file `path` says."""

    def import_attribute(name: str) -> object:
        try:
            module, original = listed_imports(path)[name]
        except KeyError:
            raise AttributeError(f"module {package!r} has no attribute {name!r}") from None
        if module == package:
            return import_module(f"{module}.{original}")
        value: object = getattr(import_module(module), original)
        setattr(sys.modules[package], name, value)
        return value

    return import_attribute


@cache
def listed_imports(path: str) -> dict[str, tuple[str, str]]:
    """Each name to its module and its name there."""
    blocks = (node for node in ast.parse(Path(path).read_bytes()).body if isinstance(node, ast.If))
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for block in blocks
        if isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING"
        for node in block.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


class LazyMapping(Mapping[str, T]):
    """A mapping with known keys, each value of which is loaded when it is asked for."""

    def __init__(self, names: Iterable[str], load: Callable[[str], T]) -> None:
        self._names = tuple(names)
        self._load = load

    def __getitem__(self, name: str) -> T:
        if name not in self._names:
            raise KeyError(name)
        return self._load(name)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
