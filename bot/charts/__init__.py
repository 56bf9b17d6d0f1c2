"""Pictures: `draw_card` of a digest and `draw_lines` of an answer as PNG; `usage_svg`, `uses_svg`,
`concentration_svg`, `trend_svg` and `compared_svg` for pages.

A chart is drawn only from digest documents (`docs/digest.md`) and answers; its alt text is made from the same figures,
in any language (`describe_picture`, `alt_text`). `picture_kind` chooses the picture of a digest.
"""

from typing import TYPE_CHECKING

from bot.lazy_imports import lazy_attributes

if TYPE_CHECKING:
    from bot.charts import alt_text
    from bot.charts.answer_charts import LineChart, NamedLine, draw_lines, is_drawable
    from bot.charts.chart_data import drawable_value, history_days
    from bot.charts.picture_alt_text import describe_picture
    from bot.charts.png import draw_card
    from bot.charts.svg import compared_svg, concentration_svg, series_letter, trend_svg, usage_svg, uses_svg
else:
    __getattr__ = lazy_attributes(__name__, __file__)
