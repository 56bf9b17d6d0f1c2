"""Foreign strings cleaned for storage, the stable name of a model, and the names that the operator hides."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

import regex

from bot.records.messages import Message

_GRAPHEME = regex.compile(r"\X")
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


class SafeName(str):
    """A foreign string cleaned for storage: NFC, without control, bidirectional, zero-width or private-use
    characters, with white space collapsed, at most `limit` graphemes of at most 4 code points. `render` escapes it
    for an outlet."""

    __slots__ = ()

    def __new__(cls, raw: str, limit: int = 100) -> SafeName:
        if len(raw) <= limit and raw.isascii() and raw.isprintable():
            return super().__new__(cls, " ".join(raw.split()))  # most names: nothing else to clean
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


HIDDEN = "a hidden model"
HIDDEN_AUTHOR = "a hidden author"
HIDDEN_CATEGORY = "a hidden category"
HIDDEN_GROUPS = (HIDDEN_AUTHOR, HIDDEN_CATEGORY)

_AFTER_NAME = r"(?![\w/-]|[.:@]\w)"
_OF_AUTHOR = r"/\S*[^\s.,;:!?)]"
"""The rest of `owner/name` in a sentence."""
_BEFORE_NAME = r"(?<![\w/@-])(?<!\w[.:])"


@dataclass(frozen=True, slots=True)
class NameMask:
    """Names of models and authors that the operator hides. They are counted and not shown."""

    models: frozenset[str] = frozenset()
    authors: frozenset[str] = frozenset()

    @classmethod
    def from_names(cls, names: Iterable[str]) -> NameMask:
        """Names as we show them, or as a network wrote them before they were made safe to keep."""
        typed = [name for name in names if name]
        return cls(frozenset(typed) | {*map(model_identity, typed)}, frozenset(typed) | {*map(SafeName, typed)})

    def hides_model(self, model: str, author: str) -> bool:
        """Whether a model is hidden, by its own name or by its author's (which `owner/name` tells where it is lost)."""
        return model in self.models or (author or model.partition("/")[0]) in self.authors

    def hides_name(self, raw: str) -> bool:
        """Whether a foreign name is hidden, in whichever form it comes: as its network wrote it, or as it is kept."""
        if not self.models and not self.authors:
            return False
        return any(self.hides_model(form, "") for form in {raw, str(model_identity(raw))})

    def masked_model(self, model: str, author: str) -> str:
        """A model's name as it may be shown."""
        return HIDDEN if self.hides_model(model, author) else str(model)

    def masked_author(self, model: str, author: str) -> str:
        """An author's name as it may be shown: one hidden model says nothing of whose it is."""
        return HIDDEN_AUTHOR if self.hides_model(model, author) else str(author)

    def masked_group(self, by: str, name: str) -> str:
        """A category's or an author's name as it may be shown."""
        if name not in self.authors and name not in self.models:
            return str(name)
        return HIDDEN_AUTHOR if by == "author" else HIDDEN_CATEGORY

    def mask_text(self, text: str, models: Iterable[tuple[str, str]]) -> str:
        """Our own words with every hidden name in them replaced. `models`: names and authors that they may hold."""
        if not self.models:
            return text
        if isinstance(text, Message):
            return text.change_texts(lambda held: self.mask_text(held, models))
        texts = {name for name in self.models if name in text}
        texts |= {model for model, author in models if model and model in text and self.hides_model(model, author)}
        for name in sorted(texts, key=len, reverse=True):
            text = re.sub(_BEFORE_NAME + re.escape(name) + _AFTER_NAME, HIDDEN, text)
        for author in self.authors:
            if f"{author}/" in text:
                text = re.sub(_BEFORE_NAME + re.escape(author) + _OF_AUTHOR, HIDDEN, text)
        return text
