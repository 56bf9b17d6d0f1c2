"""Pictures of digests: `draw_card` and `draw_trend` as PNG for posts, `usage_svg`, `concentration_svg` and `trend_svg`
for pages.

A chart is drawn only from a digest document (`docs/digest.md`); its alt text is made from the same figures, in any
language (`describe_picture`, `alt_text`). `picture_kind` chooses the picture of a digest.
"""

from bot.charts import alt_text
from bot.charts.chart_data import drawable_value
from bot.charts.picture_alt_text import describe_picture
from bot.charts.png import draw_card, draw_trend
from bot.charts.svg import concentration_svg, trend_svg, usage_svg

__all__ = [
    "alt_text",
    "concentration_svg",
    "describe_picture",
    "draw_card",
    "draw_trend",
    "drawable_value",
    "trend_svg",
    "usage_svg",
]
