"""Which listed model owns a content id: the first that claimed it alone, for as long as it is listed.

Anybody may list a copy of a model, under the same content id. A copy that is listed later takes nothing away.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bot.records import SafeName
from bot.sources.opengradient.model_hub import HubModel, Key


@dataclass(frozen=True, slots=True)
class ContentClaims:
    """The first claims, remembered on disk."""

    memory: Path
    """A JSON file; it and its folder are made when first needed. Without it, what several models claim is nobody's."""

    def owners(self, claims: Mapping[str, Collection[Key]], entries: Mapping[Key, HubModel]) -> dict[str, SafeName]:
        """The owner of each content id; none where several listed models claim it and none of them was first."""
        known = self._load_first()
        first = dict(known)
        for content, keys in claims.items():
            if len(keys) == 1 and first.get(content) not in entries:
                (first[content],) = keys
        if first != known:
            self._save_first(first)
        return {
            content: entries[first[content]].model for content, keys in claims.items() if first.get(content) in keys
        }

    def _load_first(self) -> dict[str, Key]:
        try:
            return msgspec.json.decode(self.memory.read_bytes(), type=dict[str, Key])
        except (FileNotFoundError, msgspec.MsgspecError):
            return {}

    def _save_first(self, first: Mapping[str, Key]) -> None:
        self.memory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self.memory.parent, prefix=".", delete=False) as file:
            file.write(msgspec.json.encode(first))
        os.replace(file.name, self.memory)
