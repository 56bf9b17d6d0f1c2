"""Digests of each story, and what the words of a figure must be."""

from __future__ import annotations

from typing import Any

from tests.render.documents import FINDINGS, STEMS, changed, recorded


def blotted(document: dict[str, Any]) -> None:
    """Make every figure unknown."""
    catalogue = document["catalogues"][0]
    for figure in catalogue["figures"].values():
        figure.update(value=None, unknown="no reading")
    for point in catalogue["history"]:
        point.update(uses=None, models_used=None, models_listed=None, models_added=None)
    catalogue.update(curve=[], top=[])


def blown_up(document: dict[str, Any]) -> None:
    """Make every count a trillion times larger."""
    catalogue = document["catalogues"][0]
    for key in ("models_listed", "models_used", "uses"):
        catalogue["figures"][key]["value"] *= 10**9
    for point in catalogue["history"]:
        for key in ("models_listed", "models_used"):
            point[key] = point[key] and point[key] * 10**9
    catalogue["curve"] = [[10**n, (n + 1) / 13] for n in range(13)]


def one_day(document: dict[str, Any]) -> None:
    catalogue = document["catalogues"][0]
    catalogue["history"] = catalogue["history"][-1:]


def foreign_title(document: dict[str, Any]) -> None:
    document["title"] = r"A network that $costs$ 10$ and writes \frac{1}{2 and has no end to its name at all"


def story(form: str, key: str, series: Any = None, ranks: Any = None, **values: Any) -> dict[str, Any]:
    """A digest that a finding of this kind leads."""

    def lead(document: dict[str, Any]) -> None:
        made = [{"key": key, "text": "", "score": 1.0, "values": FINDINGS[key][0] | values}]
        ladder = {"key": "use_ladder", "text": "", "score": 0.1, "values": FINDINGS["use_ladder"][0]}
        document["catalogues"][0]["findings"] = [*made, ladder]
        document["lead"] = {"form": form, "finding": 0, "series": series or [], "ranks": ranks or []}

    return changed("day-2025-01-12", lead)


FLUX = "black-forest-labs/flux-schnell"


SERIES = [
    {"day": f"2025-01-{day:02}", "uses": uses}
    for day, uses in enumerate([458, 287, None, 744772, 2429713, 1_200_000, 170], 6)
]


RANKS = [
    {"top": place, "ranks": [*ranks, place + 1]}
    for place, ranks in enumerate(
        [[1, 1, None, 2, 1, 1], [2, 3, None, 1, 2, 2], [None, None, None, None, 24, 21], [3, 2, None, 3, 3, 3]]
    )
]


def weekly(document: dict[str, Any]) -> None:
    """Give a week the weeks before it, one of them unknown."""
    weeks = [("2024-12-16", None, 3627), ("2024-12-23", 1588, 3674), ("2024-12-30", 1597, 3718)]
    document["periods"] = [
        {"day": day, "models_used": used, "models_listed": listed}
        for day, used, listed in [*weeks, ("2025-01-06", 1699, 3783)]
    ]


STORIES = {
    "line": story("mover", "model_move", SERIES),
    "dots": story("breadth", "breadth_change"),
    "ladder": story("ladder", "use_ladder"),
    "ranks": story("top", "top_ten_entry", ranks=RANKS, model=FLUX, rank=3, rank_before=21),
    "top": story("top", "top_ten_entry", model=FLUX),
    "periods": changed("week-2025-01-06", weekly),
    "overview": changed("day-2025-01-12", blotted),
}


DOCUMENTS = [recorded(stem) for stem in STEMS] + [
    changed("day-2025-01-12", change) for change in (blotted, blown_up, one_day, foreign_title)
]


NAMED = [*STEMS, "blotted", "blown up", "one day", "foreign title"]


def lines(figure: Any) -> list[Any]:
    from matplotlib.lines import Line2D  # takes long, needed only here

    return list(figure.findobj(Line2D))


def texts(figure: Any) -> list[Any]:
    from matplotlib.text import Text  # takes long, needed only here

    found = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    return [text for text in found if text.get_window_extent().width > 0]


PHONE, LEAST_TEXT = 390, 11
"""The width of a phone, and the smallest text there, in its pixels."""


def assert_readable(figure: Any) -> None:
    figure.draw_without_rendering()
    for text in texts(figure):
        box = text.get_window_extent()
        assert text.get_fontsize() * 100 / 72 * PHONE / 1200 >= LEAST_TEXT, text.get_text()
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= 1200 and box.y1 <= 675, (text.get_text(), box)
    for axes in figure.axes:
        assert len(axes.get_xticks()) <= 3 and len(axes.get_yticks()) <= 3


def assert_apart(labels: list[Any]) -> None:
    """No label covers another."""
    boxes = [label.get_window_extent() for label in labels]
    for place, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[place + 1 :]), labels[place].get_text()
