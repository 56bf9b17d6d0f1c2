"""Pictures for posts: PNG of 1200x675 pixels, readable on a phone. The picture of a digest follows its lead
(`picture_kind`); `canvas` has what all pictures share.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from bot.charts import canvas, chart_data, overview_chart, picture_alt_text, rank_chart, story_charts
from bot.charts.canvas import DPI, HEIGHT, WIDTH, DrawingArea, PictureWords
from bot.charts.picture_kind import PictureKind, picture_kind
from bot.i18n import translator_for
from bot.records import Document, Picture, restore_messages

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DRAWINGS: Mapping[PictureKind, Callable[[Figure, Document, DrawingArea, str], None]] = {
    "line": story_charts.draw_daily_line,
    "dots": story_charts.draw_model_dots,
    "ladder": story_charts.draw_ladder,
    "ranks": rank_chart.draw_ranks,
    "top": story_charts.draw_top_ten,
    "periods": story_charts.draw_periods,
    "overview": overview_chart.draw_overview,
}


def draw_card(document: Document, locale: str = "en", title: str = "", foot: str = "") -> Picture:
    """The picture of one digest, with words in the language of `locale`, in which `title` and `foot` are. Without a
    title the picture is titled by its network and day."""
    name = f"{document['network']}-{document['period']}-{document['day']}.png"
    drawn = card_png(json.dumps(document), locale, title, foot)
    return Picture(name, drawn, picture_alt_text.describe_picture(document, locale, title))


@lru_cache(maxsize=8)
def card_png(text: str, locale: str = "en", title: str = "", foot: str = "") -> bytes:
    """The card of a document given as JSON; drawn once for all outlets."""
    document: Document = restore_messages(json.loads(text))
    figure = canvas.new_figure()
    when = _network_and_period(document, locale)
    words = PictureWords(title or when, when if title else "", " · ".join(filter(None, ("Footfall", foot))), locale)
    area = canvas.draw_words(figure, words)
    _DRAWINGS[picture_kind(document)](figure, document, area, locale)
    return png_bytes(figure)


def _network_and_period(document: Document, locale: str) -> str:
    voice, block = translator_for(locale), chart_data.leading_catalogue(document)
    network, lists = (voice.translate_word("word", word) for word in (document["title"], block["title"]))
    period = chart_data.period_text(document, locale)
    return voice.say("{network} {catalogue}, {period}.", network=network, catalogue=lists, period=period).rstrip(".。")


def png_bytes(figure: Figure) -> bytes:
    """A figure as a file."""
    from PIL import Image

    drawn, held = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="rgba", dpi=DPI)
    # Without the alpha channel and with less effort a file is as small, in half of the time.
    image = Image.frombuffer("RGBA", (WIDTH, HEIGHT), drawn.getvalue()).convert("RGB")
    image.save(held, "PNG", dpi=(DPI, DPI), compress_level=2)
    return held.getvalue()
