"""Pictures of digests: `draw_card` and `draw_trend` as PNG for posts, `usage_svg`, `concentration_svg` and `trend_svg`
for pages.

A chart is drawn only from a digest document (`docs/digest.md`); its alt text is made from the same figures, in any
language (`alt_text`).
"""

from bot.charts import alt_text
from bot.charts.chart_data import drawable_value
from bot.charts.png import draw_card, draw_trend
from bot.charts.svg import concentration_svg, trend_svg, usage_svg

__all__ = ["alt_text", "concentration_svg", "draw_card", "draw_trend", "drawable_value", "trend_svg", "usage_svg"]
