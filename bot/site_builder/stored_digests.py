"""What the pages across digests read of them: a checksum and the figures of each. Read once for a build."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

from bot.archive import StoredDigest
from bot.gc_pause import garbage_collection_paused
from bot.records import Document, PeriodName, catalogues_and_panels, restore_messages
from bot.render.page_layout import HEADING
from bot.site_builder.groups import SiteBuild, checksum

_KEPT = (*HEADING, "headline", "edition")
_FIGURE = ("value", "unit", "label", "unknown", "at_least", "reason", "error", "evidence", "version")


@dataclass(frozen=True, slots=True)
class StoredNetwork:
    """All digests of a network."""

    checksums: Mapping[tuple[PeriodName, date], tuple[str, str]]
    """Of each digest, and of its receipts."""
    documents: Sequence[Document]
    """Each digest with its heading and its figures alone, in order of time."""

    @property
    def digests(self) -> Sequence[tuple[object, ...]]:
        """The checksum of each digest without its receipts, which are on its own page alone."""
        return sorted((*place, document) for place, (document, _receipts) in self.checksums.items())


def stored_network(build: SiteBuild, network: str) -> StoredNetwork:
    """The digests of a network, or of the comparison."""
    return build.remember(("stored", network), lambda: _read(build, network))


@garbage_collection_paused()
def _read(build: SiteBuild, network: str) -> StoredNetwork:
    checksums: dict[tuple[PeriodName, date], tuple[str, str]] = {}
    documents: list[Document] = []
    for digest in build.desk.archive.stored_digests(network):
        checksums[digest.period, digest.day] = (checksum(digest.text), checksum(digest.receipts))
        documents.append(_figures_only(digest))
    order = ("day", "week", "month")
    return StoredNetwork(checksums, sorted(documents, key=lambda d: (d["day"], order.index(d["period"]))))


def _figures_only(digest: StoredDigest) -> Document:
    document = msgspec.json.decode(digest.text)
    blocks = [_short_block(block) for block in catalogues_and_panels(document)]
    short = {key: document[key] for key in _KEPT} | {"reasons": document.get("reasons", {}), "catalogues": blocks}
    return restore_messages(short)


def _short_block(block: Mapping[str, Any]) -> Document:
    figures = {
        name: {key: figure[key] for key in _FIGURE if key in figure} for name, figure in block["figures"].items()
    }
    return {"catalogue": block["catalogue"], "title": block["title"], "figures": figures}
