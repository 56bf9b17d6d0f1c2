"""Escapes foreign names for each outlet. Input is hostile; output cannot ping, link, tag or break a layout.

Readable substitutes instead of invisible characters: platforms strip invisible ones, which would undo the escaping.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping

import regex
from markupsafe import escape

from bot import i18n
from bot.i18n import N_
from bot.records import SafeName
from bot.records.names import HIDDEN, NameMask
from bot.render import document_translation
from bot.render.text_blocks import strip_private_use

NAME_LIMIT = 60
"""The longest name in a post, as its outlet counts before escaping."""
SAID_LIMIT = 600
NOBODY = NameMask()
NAMELESS = N_("a model without a name")
STAND_INS = (
    NAMELESS,
    N_("a hidden model"),
    N_("a hidden author"),
    N_("a hidden category"),
    N_("a model no longer listed"),
)
"""The texts of documents and `escape_name` in place of a name."""

# Documents say 17803220; posts show 17,803,220. Shorter numbers may be years, and a name's digits touch its letters.
_LONG_NUMBER = re.compile(r"(?<![\w./-])[1-9][0-9]{4,14}(?![\w/-]|\.[0-9])")

_GRAPHEME = regex.compile(r"\X")

# X links foo.io, @foo, #foo and $FOO (twitter-text). A dot before a figure (1.1) or a space cannot link and stays.
_X_SIGNS = str.maketrans(
    {"@": "(at)", "\uff20": "(at)", "\ufe6b": "(at)", "#": "♯", "\uff03": "♯", "\ufe5f": "♯", "\ufe69": "\uff04"}
)
_X_DOT = re.compile(r"[.\uff0e\uff61\u2024](?![\s0-9.,;:!?)]|$)")
_X_MONEY = re.compile(r"\$(?![\s0-9]|$)")

# Discord shows a mark behind a backslash as itself; only @ also acts on the raw text, so it becomes another letter.
_DISCORD_MARKS = re.compile(r"[\\*_~|`<>\[\]()#:]|\.(?![\s0-9]|$)|^[-+]|(?<=\s)[-+]|(?<=^[0-9])\.|(?<=[0-9])\.(?=\s)")


def for_x(text: str) -> str:
    """A text without anything that X would turn into a link, a mention, a tag or a cashtag."""
    return _X_MONEY.sub("\uff04", _X_DOT.sub("·", text.translate(_X_SIGNS)))


def for_discord(text: str) -> str:
    """A text without anything that Discord would turn into a ping, a link, an emoji, a timestamp or formatting."""
    return _DISCORD_MARKS.sub(lambda m: "\\" + m[0], text.replace("@", "\uff20"))


def for_html(text: str) -> str:
    return str(escape(text))


ESCAPES: Mapping[str, Callable[[str], str]] = {
    "x": for_x,
    "discord": for_discord,
    "text": str,  # `SafeName` has dropped every control character; a terminal must not interpret markup.
    "site": for_html,
}
"""The escape function of each outlet. The Atom feed and the pages both use `site`."""


def escape_name(raw: str, outlet: str, hidden: NameMask = NOBODY, limit: int = NAME_LIMIT, locale: str = "en") -> str:
    """A foreign name as an outlet may show it, or the text for a hidden or empty one."""
    if hidden.hides_name(raw):
        return i18n.translator_for(locale).translate_text(HIDDEN)
    if raw in STAND_INS:
        return i18n.translator_for(locale).translate_text(raw)
    name = SafeName(raw)
    if not any(unicodedata.category(c)[0] not in "MZ" for c in name):
        return i18n.translator_for(locale).translate_text(NAMELESS)
    if unicodedata.combining(name[0]) or unicodedata.category(name[0])[0] == "M":
        name = SafeName("◌" + name)
    return _isolate_text(_clip_text(name, outlet, limit), outlet, locale)


def escape_text(text: str, outlet: str, hidden: NameMask = NOBODY, limit: int = SAID_LIMIT, locale: str = "en") -> str:
    """Our own text (a reason, a gap, a label) that may hold foreign names: escaped, without hidden names, and
    translated if possible."""
    text = hidden.mask_text(text, ())
    if (spans := document_translation.translate_sentence(text, locale)) is not None:
        return _escape_translated(spans, outlet, limit, locale)
    text = _LONG_NUMBER.sub(lambda m: f"{int(m[0]):,}", text)
    return _isolate_text(_clip_text(SafeName(strip_private_use(text), limit), outlet, limit), outlet, locale)


def escape_first_sentence(text: str, outlet: str, hidden: NameMask = NOBODY, locale: str = "en") -> str:
    """The first sentence of our own text, at most 200 characters."""
    sentence = _FIRST_SENTENCE.match(escape_text(text, outlet, hidden, _WHOLE_TEXT, locale))
    if sentence is None or len(sentence[0]) > _SENTENCE_LIMIT:
        return escape_text(text, outlet, hidden, _SENTENCE_LIMIT, locale)
    return sentence[0]


_SENTENCE_LIMIT, _WHOLE_TEXT = 200, 2000
_FIRST_SENTENCE = re.compile(r".*?(?:\.(?=\s|$)|。)", re.DOTALL)


def _escape_translated(saying: document_translation.Saying, outlet: str, limit: int, locale: str) -> str:
    """A translated sentence: each foreign part is escaped and isolated, ours stay as they are. A sentence that is too
    long ends before the part that does not fit, or inside one."""
    size = _size_measure(outlet)
    escaped, left = "", limit
    for span in saying:
        if span.foreign and span.text == HIDDEN:
            text = i18n.translator_for(locale).translate_text(HIDDEN)
        else:
            text = SafeName(strip_private_use(span.text), limit) if span.foreign else strip_private_use(span.text)
        clipped = _clip_text(text, outlet, max(left, size("…")))
        if span.foreign:
            escaped += _isolate_text(clipped, outlet, locale)
        else:
            escaped += for_html(clipped) if outlet == "site" else clipped
        left -= size(text)
        if clipped != text:
            break
    return escaped


def _size_measure(outlet: str) -> Callable[[str], int]:
    """How an outlet measures a text."""
    if outlet != "x":
        return len
    from bot.x_text import weighted_length  # X's table of domains, which nothing else needs

    return weighted_length


def _clip_text(text: str, outlet: str, limit: int) -> str:
    """At most `limit` as the outlet counts, cut between graphemes, with an ellipsis if something is missing."""
    size = _size_measure(outlet)
    if size(text) <= limit:
        return text
    kept, length = [], size("…")
    for cluster in _GRAPHEME.findall(text):
        length += sum(map(size, cluster)) if outlet == "x" else len(cluster)
        if length > limit:
            break
        kept.append(cluster)
    return "".join(kept).rstrip() + "…"


def _isolate_text(text: str, outlet: str, locale: str) -> str:
    """Escaped text, isolated if its direction differs, so that it cannot reorder its surroundings. `SafeName` has
    dropped the text's own direction marks: these two are ours. Pages use `<bdi>`."""
    text = ESCAPES[outlet](text)
    return text if outlet == "site" else i18n.isolate_text(text, i18n.is_rtl(locale))
