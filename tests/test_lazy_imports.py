"""What each command loads, and the packages whose names are imported at their first use."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from bot.lazy_imports import LazyMapping, lazy_attributes
from tests.record_slices import write_slice

ROOT = Path(__file__).parents[1]
NEVER = (
    "matplotlib",
    "numpy",
    "duckdb",
    "discord",
    "tweepy",
    "httpx",
    "aiohttp",
    "structlog",
    "stamina",
    "rich",
    "alembic",
)
NEVER += ("cryptography", "prometheus_client", "psycopg", "sqlalchemy.dialects.postgresql", "fsspec", "urllib.request")
OWN = (
    "bot.deliveries.outbox",
    "bot.chain.reader",
    "bot.sources.opengradient.source",
    "bot.outlets.x.outlet",
    "bot.worker",
)
OWN += ("bot.charts.png", "bot.findings.ranking", "bot.lake.day_files", "bot.discord_bot", "bot.web")
MODELS = ("bytedance/sdxl-lightning-4step", "black-forest-labs/flux-schnell")
ANSWERS = (
    "usage",
    "inventory",
    f"model {MODELS[0]}",
    "top",
    "idle",
    "trend models_used",
    "why",
    "show --network replicate",
    "status",
    "about",
)
ANSWERS += ("method models_used", f"compare {MODELS[0]} {MODELS[1]}", "networks")
LIST = """
import sys
from bot.cli import main
for line in sys.argv[1:]:
    try:
        main(line.split())
    except SystemExit as end:
        assert not end.code, line
    print(*sys.modules, file=sys.stderr)
"""


def _loaded(folder: Path, *lines: str) -> list[set[str]]:
    """The modules that are loaded after each of some commands in one process."""
    ran = subprocess.run(
        [sys.executable, "-c", LIST, *lines],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return [set(line.split()) for line in ran.stderr.splitlines() if line.startswith("sys ")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the default configuration and a digest."""
    home = tmp_path_factory.mktemp("prompt")
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    record = write_slice(home / "record", "2025-03-20", "2025-04-01")
    shorter = text.replace("  replicate:\n", f"  replicate:\n    record: {record}\n", 1)
    assert shorter != text
    (home / "config.yaml").write_text(shorter, encoding="utf-8")
    loaded = _loaded(home, "collect --network replicate", "compose --network replicate --day 2025-03-30")
    assert len(loaded) == 2 and "sqlalchemy" in loaded[0]
    return home


def test_an_answer_at_the_prompt_loads_nothing_that_it_does_not_use(folder: Path) -> None:
    """A module stays loaded, so one process that answers everything shows it of each answer."""
    loaded = _loaded(folder, *ANSWERS)
    assert len(loaded) == len(ANSWERS) and "sqlalchemy" in loaded[0]
    unwanted = {command: sorted(names & {*NEVER, *OWN}) for command, names in zip(ANSWERS, loaded, strict=True)}
    assert {command: names for command, names in unwanted.items() if names} == {}


def test_help_loads_no_library_but_click(folder: Path) -> None:
    (loaded,) = _loaded(folder, "--help")
    assert not loaded & {*NEVER, "sqlalchemy", "pydantic", "jinja2", "yaml"}


def _lazy_packages() -> list[str]:
    faces = (path for path in (ROOT / "bot").rglob("__init__.py") if "lazy_attributes(__name__" in path.read_text())
    return sorted(".".join(path.parent.relative_to(ROOT).parts) for path in faces)


def _listed_names(package: str) -> dict[str, object]:
    """The names that a package lists, imported as its text says."""
    source = (ROOT / Path(*package.split(".")) / "__init__.py").read_text(encoding="utf-8")
    scope: dict[str, object] = {"__builtins__": __builtins__}
    exec("if True:" + source.partition("if TYPE_CHECKING:")[2].partition("\nelse:")[0], scope)
    del scope["__builtins__"]
    return scope


@pytest.mark.parametrize("package", _lazy_packages())
def test_every_name_that_a_lazy_package_lists_can_be_imported(package: str) -> None:
    names = _listed_names(package)
    assert names
    assert {name: getattr(import_module(package), name) for name in names} == names


@pytest.mark.parametrize("package", _lazy_packages())
def test_no_name_of_a_lazy_package_is_also_the_name_of_one_of_its_modules(package: str) -> None:
    # Whoever imports the module would put it in the place of the name.
    modules = {module.name for module in pkgutil.iter_modules(import_module(package).__path__)}
    names = {name for name, value in _listed_names(package).items() if not isinstance(value, ModuleType)}
    assert not names & modules


def test_a_lazy_package_says_which_name_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "face.py").write_text("if TYPE_CHECKING:\n    from json import dumps as to_json\n", encoding="utf-8")
    attribute = lazy_attributes("tests", str(tmp_path / "face.py"))
    with pytest.raises(AttributeError, match="module 'tests' has no attribute 'nothing'"):
        attribute("nothing")


def test_a_lazy_mapping_knows_its_keys_without_loading_them() -> None:
    loads: list[str] = []
    mapping = LazyMapping(("a", "b"), lambda name: loads.append(name) or name.upper())
    assert "a" in mapping and "c" not in mapping and list(mapping) == ["a", "b"] and len(mapping) == 2
    assert not loads
    assert mapping["b"] == "B" and loads == ["b"]
    with pytest.raises(KeyError):
        mapping["c"]
