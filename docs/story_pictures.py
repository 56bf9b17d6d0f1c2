"""Pictures of stories, one for each kind of news: `python -m docs.story_pictures`, after `make pictures`.

They are made from Replicate's bundled record and written to `docs/pictures/stories/`, with the page that shows them,
`docs/pictures.md`. Only the digests that they need are composed; each kind of news is looked up in its digest, so that
a day on which another story leads is an error.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path

from PIL import Image

from bot import pipeline
from bot.charts.picture_kind import PictureKind, picture_kind
from bot.cli.app_context import AppContext
from bot.records import Document, Period, PeriodName, Picture

ROOT = Path(__file__).parent.parent
FOLDER, PAGE = ROOT / "docs" / "pictures" / "stories", ROOT / "docs" / "pictures.md"
NOW = datetime(2025, 4, 1, 9, tzinfo=UTC)
EARLIER = 7
"""Periods composed before the one that is shown: weeks and ranks look back at them."""
COLOURS, LARGEST = 64, 60_000

HEAD = """# Pictures of posts

The picture of a post follows its story. These are made from Replicate's bundled record by
`python -m docs.story_pictures`, which also writes this page. Under each picture is its alt text.
"""


@dataclass(frozen=True)
class Story:
    """A digest whose picture is shown."""

    name: str
    heading: str
    kind: PictureKind
    day: date
    period: PeriodName = "day"
    locale: str = "en"


STORIES = (
    Story("mover", "A model that came and went", "line", date(2024, 12, 22)),
    Story("total", "An unusual day of the whole network", "line", date(2024, 12, 15)),
    Story("record", "Most runs since", "line", date(2025, 1, 12)),
    Story("ranks", "New among the ten most used", "ranks", date(2024, 12, 7)),
    Story("breadth", "Use spread: one dot for each model", "dots", date(2025, 1, 6)),
    Story("new", "What new models became: one dot for each", "dots", date(2024, 12, 23)),
    Story("ladder", "A quiet day", "ladder", date(2025, 1, 10)),
    Story("week", "A week", "periods", date(2024, 12, 9), "week"),
    Story("unknown", "A day that is not known", "overview", date(2025, 1, 13)),
    Story("ranks-ar", "In Arabic", "ranks", date(2024, 12, 7), locale="ar"),
    Story("breadth-zh", "In Chinese", "dots", date(2025, 1, 6), locale="zh-CN"),
)


def digests_of(parts: AppContext, stories: Sequence[Story]) -> list[Document]:
    """The digest of each story, composed after those that it looks back at."""
    plan, wanted = parts.network_plan("replicate"), set[Period]()
    for story in stories:
        period = Period.for_day(story.day, story.period)
        for _ in range(EARLIER + 1):
            wanted.add(period)
            period = Period.for_day(period.first - timedelta(days=1), story.period)
    for period in sorted(wanted, key=lambda period: period.first):
        pipeline.compose_digest(parts.store, parts.archive, plan, period, NOW)
    found = [parts.archive.find_digest("replicate", story.period, story.day) for story in stories]
    return [digest for digest in found if digest is not None]


def small_png(picture: Picture) -> bytes:
    """The same picture in a palette. Raises `ValueError` where it is still too large."""
    image = Image.open(BytesIO(picture.content)).quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    held = BytesIO()
    image.save(held, "PNG", optimize=True)
    if len(held.getvalue()) > LARGEST:
        raise ValueError(f"a picture has {len(held.getvalue())} bytes, wanted at most {LARGEST}")
    return held.getvalue()


def write_stories(parts: AppContext, stories: Sequence[Story]) -> None:
    """The pictures, and the page that shows them with their alt texts."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    sections = [HEAD]
    for story, document in zip(stories, digests_of(parts, stories), strict=True):
        if picture_kind(document) != story.kind:
            raise ValueError(f"{story.name}: found the picture {picture_kind(document)}, wanted {story.kind}")
        picture = pipeline.draw_picture(document, story.locale)
        path = FOLDER / f"{story.name}.png"
        path.write_bytes(small_png(picture))
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")
        sections.append(f"## {story.heading}\n\n![{story.heading}](pictures/stories/{path.name})\n\n> {picture.alt}\n")
    PAGE.write_text("\n".join(sections), encoding="utf-8")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("DATABASE_URL", f"sqlite:///{folder}/footfall.db")
        parts = AppContext(ROOT / "config.yaml")
        pipeline.collect(parts.store, "replicate", parts.make_source("replicate"), None, lambda _line: None)
        write_stories(parts, STORIES)
        parts.close()


if __name__ == "__main__":
    sys.exit(main())
