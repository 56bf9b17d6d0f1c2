"""An outlet is one package: nothing outside of it names it, except what is bound to Discord by nature."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from bot import outlets

ROOT = Path(__file__).parents[1]
BOUND = {
    "bot/cli/outlet_setup.py": "direct messages and subscriptions, on Discord only",
    "bot/cli/service_commands.py": "settings of the slash commands",
    "bot/discord_bot": "the interface on Discord",
    "bot/render/embeds.py": "answers of the slash commands",
    "bot/logging_setup.py": "the name of a library's logger",
    "bot/subscriptions": "subscriptions and watches, on Discord only",
    "bot/worker/cycle.py": "the outlet of subscriptions",
}
"""Where Discord is named, and why."""


def named_outlets(text: str) -> Iterator[tuple[int, str]]:
    """The outlets that a module's code names as texts of their own. A factor of a product is filler, and a piece of a
    longer text is not a name."""
    tree = ast.parse(text)
    filler = {id(part) for node in ast.walk(tree) if isinstance(node, ast.BinOp) for part in (node.left, node.right)}
    filler |= {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value in outlets.posting_outlets() and id(node) not in filler:
            yield node.lineno, str(node.value)


def test_no_module_outside_an_outlet_names_it() -> None:
    strays = []
    for path in sorted([*(ROOT / "bot").rglob("*.py"), ROOT / "docs" / "generate.py"]):
        place = path.relative_to(ROOT).as_posix()
        for line, name in named_outlets(path.read_text(encoding="utf-8")):
            own = place.startswith(f"bot/outlets/{name}")
            bound = name == "discord" and any(place.startswith(known) for known in BOUND)
            if not own and not bound:
                strays.append(f"{place}:{line}: {name}")
    assert strays == []


def test_no_template_asks_which_outlet_it_is_for() -> None:
    names = "|".join(outlets.posting_outlets())
    for path in (ROOT / "templates").rglob("*.j2"):
        assert not re.search(rf"""["']({names})["']""", path.read_text(encoding="utf-8")), path


def test_a_name_is_noticed() -> None:
    assert [*named_outlets('if outlet == "x":\n    shown = ("x" * 9, "discord")\n')] == [(1, "x"), (2, "discord")]


def test_every_exception_is_needed() -> None:
    for place in BOUND:
        files = [ROOT / place] if place.endswith(".py") else [*(ROOT / place).rglob("*.py")]
        assert any([*named_outlets(path.read_text(encoding="utf-8"))] for path in files), place
