"""Foreign strings cleaned for storage, and the stable name of a model."""

from __future__ import annotations

import hashlib
import unicodedata

import regex

_GRAPHEME = regex.compile(r"\X")
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


class SafeName(str):
    """A foreign string cleaned for storage: NFC, without control, bidirectional, zero-width or private-use
    characters, with white space collapsed, at most `limit` graphemes of at most 4 code points. `render` escapes it
    for an outlet."""

    __slots__ = ()

    def __new__(cls, raw: str, limit: int = 100) -> SafeName:
        text = unicodedata.normalize("NFC", raw[: limit * 8])
        text = "".join(
            " " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c) not in _DROPPED
        )
        clusters = [cluster[:4] for cluster in _GRAPHEME.findall(" ".join(text.split()))]
        if len(clusters) > limit:
            clusters = [*clusters[: limit - 1], "…"]
        return super().__new__(cls, "".join(clusters))


def model_identity(raw: str) -> SafeName:
    """The name that identifies a model. A name that had to be cleaned gets a mark made from its raw form, so that a
    look-alike is never counted as another model."""
    name = SafeName(raw)
    if name and str(name) == raw:
        return name
    mark = hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return SafeName(f"{SafeName(raw, 90)}~{mark}")
