"""The command that explains one settlement."""

from __future__ import annotations

import re

import click

from bot.cli.app_context import AppContext, UsageError, clock, json_option, pass_app_context, print_json
from bot.records import Document, Settlement
from bot.redaction import clip_text

NETWORK = "opengradient"


@click.command()
@click.argument("what", metavar="TX|BLOB|LEAF")
@json_option
@pass_app_context
def proof(parts: AppContext, what: str, as_json: bool) -> int:
    """Explain one settlement of OpenGradient: the log, its blob, the recomputed Merkle root, the verdict on each leaf,
    and pages where you can look it up yourself.

    TX is a transaction hash, BLOB a Walrus blob id, LEAF the key of a leaf as this command prints it.
    """
    from bot import ledger
    from bot.sources import opengradient

    parts.network_plan(NETWORK)
    chosen = parts.settings.config.networks[NETWORK]
    memory = ledger.SourceState(parts.store, NETWORK)
    tx = what.lower() if re.fullmatch(r"0x[0-9a-fA-F]{64}", what) else ""
    known = _known_settlements(memory, what, tx)
    if not known and not tx:
        raise UsageError(
            f"{clip_text(what, 80)}: not in the ledger; wanted a transaction hash, a blob id or a leaf's key"
        )
    found = opengradient.explain_settlements(chosen, parts.data_folder, clock(), known, tx, memory.counted_leaves)
    if not found:
        raise UsageError(f"{tx}: no settlement of a pinned relay in this transaction")
    if as_json:
        print_json(found)
        return 0
    for one in found:
        click.echo("\n".join(_settlement_lines(one)))
    return 0


def _known_settlements(memory: object, what: str, tx: str) -> tuple[Settlement, ...]:
    from bot import ledger

    assert isinstance(memory, ledger.SourceState)
    if found := memory.find_settlements("llm", tx or what):
        return found
    if re.fullmatch(r"(0x)?[0-9a-fA-F]{64}", what):
        place = memory.settlement_of_leaf("llm", bytes.fromhex(what.removeprefix("0x")))
        return memory.find_settlements("llm", place) if place else ()
    return ()


def _settlement_lines(settlement: Document) -> list[str]:
    """A settlement as lines of text."""
    stranger = "" if settlement["pinned"] else ", which is not pinned"
    lines = [
        f"Settlement {settlement['place']}",
        f"  log: block {settlement['block']}, {settlement['at']}, by {settlement['relay']}{stranger}",
        f"  claims: {settlement['size']} inferences",
        f"  blob: {settlement['blob']['id'] or 'none'}: {settlement['blob']['found']}",
        f"  Merkle root: {settlement['root_check']}",
        f"  backed: {settlement['backed']}; verified: {settlement['verified']}",
        *(f"  gap: {gap}" for gap in settlement["gaps"]),
        *(f"  leaf {leaf['key']}: {leaf['verdict']} ({leaf['reason']})" for leaf in settlement["leaves"]),
    ]
    if settlement["leaves_not_shown"]:
        lines.append(f"  and {settlement['leaves_not_shown']} more leaves")
    return lines + [f"  {name}: {url}" for name, url in settlement["links"].items() if url]
