"""Makes the Chinese font of pictures: `python -m locales.picture_font FOLDER`.

The folder holds `NotoSansCJK-Regular.ttc` and `NotoSansCJK-Bold.ttc` (Debian: fonts-noto-cjk). Kept are the 3,755
characters of the first level of GB 2312, Chinese punctuation, and whatever else the Chinese catalogue has. Run it
again if `tests/charts` says that a translation has a character that the font lacks.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTCollection, TTFont

from bot.charts.fonts import FOLDER, HAN
from bot.i18n import translator

SOURCE = "Noto Sans CJK SC"
DROPPED = ["BASE", "GPOS", "GSUB", "VORG", "vhea", "vmtx"]
"""Tables for vertical and typographic setting."""


def kept_characters() -> set[str]:
    """The characters of the font."""
    rows, cells = range(0xB0, 0xD8), range(0xA1, 0xFF)
    # The last five cells of the first level are empty.
    common = {bytes([row, cell]).decode("gb2312") for row in rows for cell in cells if (row, cell) < (0xD7, 0xFA)}
    punctuation = {chr(code) for code in (*range(0x3000, 0x3012), *range(0xFF01, 0xFF5F))}
    catalogue = set(translator.po_path("zh-CN").read_text(encoding="utf-8"))
    return common | punctuation | {character for character in catalogue if ord(character) > 0x2E7F}


def reduced_font(path: Path, weight: str) -> TTFont:
    """The Simplified Chinese font of a collection with only the characters that are kept, under its own name."""
    fonts = TTCollection(str(path), lazy=True).fonts
    font: TTFont = next(font for font in fonts if font["name"].getDebugName(1) == SOURCE)
    options = subset.Options(layout_features=[], hinting=False, name_IDs=[0, 1, 2, 4, 6, 13, 14], drop_tables=DROPPED)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=[ord(character) for character in kept_characters()])
    cutter.subset(font)
    for number, name in {1: HAN, 2: weight, 4: f"{HAN} {weight}", 6: f"{HAN.replace(' ', '')}-{weight}"}.items():
        font["name"].setName(name, number, 3, 1, 0x409)
    return font


def main(folder: str) -> None:
    FOLDER.mkdir(exist_ok=True)
    for weight in ("Regular", "Bold"):
        path = FOLDER / f"{HAN.replace(' ', '')}-{weight}.otf"
        reduced_font(Path(folder) / f"NotoSansCJK-{weight}.ttc", weight).save(path)
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1])
