"""Checks that import contracts cannot express: `python -m tests.architecture`, part of `make check`.

No import cycles, including imports under TYPE_CHECKING; no import of another package's private module; no public class
name twice.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping, Set
from graphlib import CycleError, TopologicalSorter
from importlib.util import find_spec
from pathlib import Path

import grimp


def import_circles(imports: Mapping[str, Set[str]]) -> Iterator[str]:
    """The first cycle, if there is one."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        yield f"imports in a circle: {' -> '.join(reversed(error.args[1]))}"


def private_imports(imports: Mapping[str, Set[str]]) -> Iterator[str]:
    """Imports, from outside of a package, of its modules with a leading underscore or of modules below those."""
    for importer, imported_modules in imports.items():
        for imported in sorted(imported_modules):
            owner, private, _ = imported.partition("._")
            if private and not f"{importer}.".startswith(f"{owner}."):
                yield f"{importer} imports {imported}, which is private to {owner}"


def repeated_classes(folder: Path) -> Iterator[str]:
    """Public classes that share their name."""
    places: dict[str, Path] = {}
    for path in sorted(folder.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                if node.name in places:
                    yield f"{path} and {places[node.name]} both define the class {node.name}"
                places[node.name] = path


def find_faults(package: str) -> list[str]:
    """All faults of a package, one line each."""
    graph = grimp.build_graph(package, exclude_type_checking_imports=False, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) - {module} for module in sorted(graph.modules)}
    spec = find_spec(package)
    assert spec and spec.origin
    return [*import_circles(imports), *private_imports(imports), *repeated_classes(Path(spec.origin).parent)]


if __name__ == "__main__":
    sys.exit("\n".join(find_faults("bot")) or 0)
