"""Digests without the names that the operator hides."""

from __future__ import annotations

from bot.records import Document
from bot.records.messages import collect_messages
from bot.records.names import HIDDEN, HIDDEN_AUTHOR, NameMask


def mask_digest(document: Document, hidden: NameMask) -> Document:
    """A digest with hidden names replaced in each catalogue."""
    shown = {**document, "catalogues": [_mask_block(block, hidden) for block in document["catalogues"]]}
    return {**shown, "reasons": collect_messages(shown)} if "reasons" in document else shown


def _mask_block(block: Document, hidden: NameMask) -> Document:
    """A catalogue of a digest with hidden names replaced, in its tables and texts."""
    named = {(row["model"], row["author"]) for row in block["top"]}

    def row(model: str, author: str) -> Document:
        return {"model": hidden.masked_model(model, author), "author": hidden.masked_author(model, author)}

    return {
        **block,
        "top": [{**model_row, **row(model_row["model"], model_row["author"])} for model_row in block["top"]],
        "groups": [_mask_table(table, hidden) for table in block.get("groups", [])],
        "gaps": [hidden.mask_text(gap, named) for gap in block["gaps"]],
        "findings": [_mask_finding(finding, block, hidden) for finding in block["findings"]],
    }


def _mask_table(table: Document, hidden: NameMask) -> Document:
    shown = [{**row, "name": row["name"] and hidden.masked_group(table["by"], row["name"])} for row in table["rows"]]
    return {**table, "rows": shown}


def _mask_finding(finding: Document, block: Document, hidden: NameMask) -> Document:
    """A finding without hidden names; worded again if it had one."""
    values = dict(finding["values"])
    for key in ("model", "before"):
        name = values.get(key)
        author = values.get("author", "") if key == "model" else ""
        if isinstance(name, str) and hidden.hides_model(name, author):
            values |= {key: HIDDEN, **({"author": HIDDEN_AUTHOR} if key == "model" else {})}
    if values == finding["values"]:
        return finding
    from bot import render

    masked = {**finding, "values": values}
    return {**masked, "text": render.finding_text(masked, block)}
