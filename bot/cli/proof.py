"""The command that explains one settlement."""

from __future__ import annotations

import re

import click

from bot.cli.parts import Parts, UsageError, clock, json_option, print_json, with_parts
from bot.records import Document, Settlement
from bot.redaction import clip

NETWORK = "opengradient"


@click.command()
@click.argument("what", metavar="TX|BLOB|LEAF")
@json_option
@with_parts
def proof(parts: Parts, what: str, as_json: bool) -> int:
    """Explain one settlement of OpenGradient: the log, its blob, the Merkle root computed again, what became of each
    leaf, and pages where you can look it up yourself.

    TX is a transaction hash, BLOB a Walrus blob id, LEAF a leaf's key as this command prints it.
    """
    from bot import ledger
    from bot.sources import opengradient

    parts.plan(NETWORK)
    chosen = parts.settings.config.networks[NETWORK]
    memory = ledger.Memory(parts.store, NETWORK)
    tx = what.lower() if re.fullmatch(r"0x[0-9a-fA-F]{64}", what) else ""
    known = _known(memory, what, tx)
    if not known and not tx:
        raise UsageError(f"{clip(what, 80)}: not in the ledger; wanted a transaction hash, a blob id or a leaf's key")
    found = opengradient.explain_settlements(chosen, parts.data, clock(), known, tx, memory.counted_leaves)
    if not found:
        raise UsageError(f"{tx}: no settlement of a pinned relay in this transaction")
    if as_json:
        print_json(found)
        return 0
    for one in found:
        click.echo("\n".join(_lines(one)))
    return 0


def _known(memory: object, what: str, tx: str) -> tuple[Settlement, ...]:
    from bot import ledger

    assert isinstance(memory, ledger.Memory)
    if found := memory.find_settlements("llm", tx or what):
        return found
    if re.fullmatch(r"(0x)?[0-9a-fA-F]{64}", what):
        place = memory.settlement_of_leaf("llm", bytes.fromhex(what.removeprefix("0x")))
        return memory.find_settlements("llm", place) if place else ()
    return ()


def _lines(one: Document) -> list[str]:
    """A settlement in words."""
    stranger = "" if one["pinned"] else ", which is not pinned"
    lines = [
        f"Settlement {one['place']}",
        f"  log: block {one['block']}, {one['at']}, by {one['relay']}{stranger}",
        f"  claims: {one['size']} inferences",
        f"  blob: {one['blob']['id'] or 'none'}: {one['blob']['found']}",
        f"  Merkle root: {one['root_check']}",
        f"  backed: {one['backed']}; verified: {one['verified']}",
        *(f"  gap: {gap}" for gap in one["gaps"]),
        *(f"  leaf {leaf['key']}: {leaf['verdict']} ({leaf['reason']})" for leaf in one["leaves"]),
    ]
    if one["leaves_not_shown"]:
        lines.append(f"  and {one['leaves_not_shown']} more leaves")
    return lines + [f"  {name}: {url}" for name, url in one["links"].items() if url]
