"""The font of pictures: which characters it draws, how wide a text is, and where a text breaks into lines.

Latin, Arabic and Cyrillic are DejaVu Sans, which matplotlib brings; matplotlib shapes Arabic and orders it from right
to left. Chinese is Footfall Han, a part of Noto Sans CJK in `font_files`, made by `python -m locales.picture_font`. A
text is measured from the advance widths in the fonts, a thousand times faster than by laying it out. matplotlib is
imported where it draws.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from matplotlib.ft2font import FT2Font

Weight = Literal["normal", "bold"]

FOLDER = Path(__file__).with_name("font_files")
HAN = "Footfall Han"
FAMILY = ["DejaVu Sans", HAN]
"""Font families in order: a character is drawn with the first that has it."""

_CONTROLS = frozenset("\n\u2066\u2067\u2068\u2069\u200e\u200f")
"""Characters that order or break a text and draw nothing."""
_ARABIC, _SIZE = re.compile("[\u0600-\u06ff]"), 100
_WIDE = "\u2e80-\u9fff\uff00-\uffef"
_OPENING, _CLOSING = "（“‘《【", "，。：；！？、）”’》】…％"
_PIECES = re.compile(rf"[{_OPENING}]*[{_WIDE}][{_CLOSING}]*|[^\s{_WIDE}{_OPENING}]+[{_CLOSING}]*|\s+|[{_OPENING}]+")
"""Parts of a text between which a line may break: words and spaces, and single Chinese characters, with the
punctuation that belongs to them."""


def drawable_text(text: str) -> str:
    """A text with a box for every character that the fonts lack; a foreign name may hold any."""
    return "".join(c if c in _CONTROLS or _advance(c, "normal") is not None else "\u25a1" for c in text)


def text_width(text: str, size: float, weight: Weight = "normal") -> float:
    """The width of a line of text in pixels, at a font size in pixels: the sum of its characters, which is a little too
    wide for kerned pairs. Arabic letters join, so that a text with them is laid out."""
    if _ARABIC.search(text):
        return size * _laid_out_width(text, weight)
    return size * sum(0.0 if c in _CONTROLS else _advance(c, weight) or 0.6 for c in text)


def wrap_text(text: str, size: float, weight: Weight, width: float, most: int) -> list[str]:
    """A text in lines of at most `width` pixels; cut with a sign if it needs more than `most` lines."""
    lines, line = [], ""
    for piece in _breakable_pieces(text, size, weight, width):
        if line and text_width(line + piece.rstrip(), size, weight) > width:
            lines.append(line.rstrip())
            line = ""
        line += piece if line else piece.lstrip()
    lines = [*lines, line.rstrip()] if line else lines
    return (
        lines if len(lines) <= most else [*lines[: most - 1], shorten_text(lines[most - 1] + "…", size, width, weight)]
    )


def shorten_text(text: str, size: float, width: float, weight: Weight = "normal") -> str:
    """A text cut at its end, with a sign, to a width in pixels."""
    kept = text
    while len(kept) > 1 and text_width(kept, size, weight) > width:
        kept = f"{kept[:-2].rstrip()}…"
    return kept


def load_fonts() -> None:
    """Make our own fonts known to matplotlib; each picture calls it before it draws."""
    _loaded_fonts("normal")


def _breakable_pieces(text: str, size: float, weight: Weight, width: float) -> list[str]:
    pieces = _PIECES.findall(text)
    return [part for piece in pieces for part in (piece if text_width(piece, size, weight) > width else [piece])]


@lru_cache(maxsize=2_000)
def _laid_out_width(text: str, weight: Weight) -> float:
    """The width of a text as a part of the font size."""
    latin, _ = _loaded_fonts(weight)
    latin.set_size(_SIZE, 72)
    latin.set_text(text)
    return float(latin.get_width_height()[0]) / 64 / _SIZE


@lru_cache(maxsize=20_000)
def _advance(character: str, weight: Weight) -> float | None:
    """The width of a character as a part of the font size; `None` if the fonts lack it."""
    from matplotlib.ft2font import LoadFlags

    for font in _loaded_fonts(weight):
        if font.get_char_index(ord(character)):
            return font.load_char(ord(character), flags=LoadFlags.NO_SCALE).horiAdvance / font.units_per_EM
    return None


@cache
def _loaded_fonts(weight: Weight) -> tuple[FT2Font, ...]:
    from matplotlib import font_manager, ft2font

    known = {entry.fname for entry in font_manager.fontManager.ttflist}
    for path in sorted(FOLDER.glob("*.otf")):
        if str(path) not in known:
            font_manager.fontManager.addfont(path)
    wanted = (font_manager.FontProperties(family=family, weight=weight) for family in FAMILY)
    paths = [font_manager.findfont(properties, fallback_to_default=False) for properties in wanted]
    # Not those that matplotlib keeps, whose size drawing changes.
    return tuple(ft2font.FT2Font(path) for path in paths)
