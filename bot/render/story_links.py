"""Links the models in a digest's story to their pages. Only pages on the site do; a feed's text has no links, because a
reader shows it elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.records import Document
from bot.records.entity_pages import EntityPages
from bot.render.traced_values import LinkedName

_NAMES = ("model", "before")
"""Values of findings that may hold a model's name; in other findings they are counts."""


def link_names(document: Document, pages: Mapping[str, EntityPages], root: str) -> Document:
    """The digest with each name in a finding or a ranking linked, if it has a page. `pages` by catalogue; `root` leads
    to the front page."""

    def linked(row: Mapping[str, Any], catalogue: str) -> dict[str, Any]:
        named = {key: row[key] for key in _NAMES if isinstance(row.get(key), str)}
        links = {key: pages[catalogue].link("model", document["network"], catalogue, named[key], root) for key in named}
        return {**row, **{key: LinkedName(named[key], link) for key, link in links.items() if link}}

    blocks = [
        {
            **block,
            "findings": [{**each, "values": linked(each["values"], key)} for each in block["findings"]],
            "top": [linked(row, key) for row in block["top"]],
        }
        if (key := block["catalogue"]) in pages
        else block
        for block in document["catalogues"]
    ]
    return {**document, "catalogues": blocks}
