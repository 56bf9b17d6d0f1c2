"""Foreign strings made safe to keep, and the name that a model is known by."""

from __future__ import annotations

import hashlib
import unicodedata

import regex

_GRAPHEME = regex.compile(r"\X")
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


class SafeName(str):
    """A foreign string made safe to keep: NFC, no control, bidirectional, zero-width or private-use characters, white
    space collapsed, at most `limit` graphemes and 4 code points each. Escaping for an outlet is `render`'s work."""

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
    """The name a model is known by. A name that had to be cleaned gets a mark made from its raw form, so that no
    stranger's look-alike is ever counted as somebody else's model."""
    name = SafeName(raw)
    if name and str(name) == raw:
        return name
    mark = hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return SafeName(f"{SafeName(raw, 90)}~{mark}")
