"""Pictures of digests: `card` and `trend` as PNG for posts, `usage_svg`, `concentration_svg` and `trend_svg` for pages.

A picture is made from a digest document alone (`docs/digest.md`), and its alt text from the same figures, in any
language (`alt`).
"""

from bot.charts import alt
from bot.charts.png import card, trend
from bot.charts.series import drawn
from bot.charts.svg import concentration_svg, trend_svg, usage_svg

__all__ = ["alt", "card", "concentration_svg", "drawn", "trend", "trend_svg", "usage_svg"]
