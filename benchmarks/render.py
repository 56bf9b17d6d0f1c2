"""All output of a day's digest (texts for X and Discord, card, pages), compared with such a card in bare matplotlib."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from statistics import median

from benchmarks import Row, seconds
from benchmarks._world import AT, LAST, PLAN, filled
from bot import pipeline, site_builder
from bot.archive import Archive
from bot.charts import png
from bot.queries import QueryContext, WatchedNetwork
from bot.records import Document, Period

ROUNDS = 9
GOAL = 3


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        store = filled(Path(folder), 30)
        archive = Archive(store)
        document = pipeline.compose_digest(store, archive, PLAN, Period.for_day(LAST), AT)
        watched = WatchedNetwork(PLAN.network, PLAN.title, PLAN.catalogues, "", PLAN.headline)
        desk = QueryContext(store, archive, {PLAN.network: watched}, (), lambda: AT)

        def ours() -> None:
            png.card_png.cache_clear()
            for outlet in ("x", "discord"):
                pipeline.render_post(document, outlet)
            site_builder.write_site(desk, Path(folder) / "site", lambda _: None, AT)

        def bare() -> None:
            card(document)

        for work in (ours, bare):
            work()
        taken = [(seconds(ours, 1), seconds(bare, 1)) for _ in range(ROUNDS)]
        store.close()
    took, least = (median(times) for times in zip(*taken, strict=True))
    return [
        Row(
            "posts, card and pages of a day, 10,000 models",
            f"{took * 1000:.0f} ms",
            f"the card in bare matplotlib, {least * 1000:.0f} ms",
            took / least,
            f"within {GOAL}x",
            took / least < GOAL,
        )
    ]


def card(document: Document) -> bytes:
    """A minimal card: title, four numbers, bars under a line, the curve of concentration; nothing is fitted, wrapped or
    kept apart."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    block = document["catalogues"][0]
    figures = block["figures"]
    sheet = Figure(figsize=(12, 6.75), dpi=100)
    FigureCanvasAgg(sheet)
    sheet.text(0.03, 0.9, f"{document['title']} {block['title']}, {document['day']}", fontsize=30, weight="bold")
    for place, key in enumerate(("models_listed", "models_used", "models_for_half", "uses")):
        sheet.text(0.03 + place * 0.24, 0.75, str(figures[key].get("value")), fontsize=43, weight="bold")
        sheet.text(0.03 + place * 0.24, 0.69, key, fontsize=20)
    days = [(row["models_used"] or 0, row["models_listed"] or 0) for row in block["history"]]
    left, right = sheet.add_axes((0.08, 0.1, 0.45, 0.5)), sheet.add_axes((0.6, 0.1, 0.37, 0.5))
    left.bar(range(len(days)), [used for used, _ in days])
    left.plot([listed for _, listed in days], linewidth=5)
    right.plot(*zip(*block["curve"], strict=True), linewidth=5)
    right.set_xscale("log")
    for axes in (left, right):
        axes.tick_params(labelsize=20)
        axes.grid(axis="y")
    held = io.BytesIO()
    sheet.savefig(held, format="png", dpi=100)
    return held.getvalue()


if __name__ == "__main__":
    print(*run(), sep="\n")
