"""Real days of Replicate's record of which nothing is known: no post of their own, and a clause in the next one.

No list closes 13 January 2025, so that day and the next are known together only.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bot import i18n, number_format, pipeline
from bot.cli.app_context import AppContext
from bot.pipeline.publication import make_outbox

TARGETS = {"x": ["@footfall"], "discord": ["200000000000000001"]}
NOW = datetime(2025, 2, 1, tzinfo=UTC)


@pytest.fixture
def parts(watched: Path, tmp_path: Path) -> Iterator[AppContext]:
    shutil.copytree(watched / "data", tmp_path / "data")
    config = (watched / "config.yaml").read_text().replace(str(watched), str(tmp_path))
    (tmp_path / "config.yaml").write_text(config)
    context = AppContext(tmp_path / "config.yaml")
    yield context
    context.close()


def planned(parts: AppContext, day: int) -> tuple[pipeline.PublishDecision, list[str]]:
    """The decision about a day of January 2025, and the state of each of its deliveries."""
    rules = parts.settings.config.publish
    outbox = make_outbox(parts.store)
    desk = pipeline.PublishContext(parts.store, parts.archive, outbox, rules, 0.05)
    when = date(2025, 1, day)
    (decision,) = pipeline.plan_deliveries(desk, parts.network_plan("replicate"), "day", TARGETS, NOW, when)
    return decision, [row.state for row in outbox.list_deliveries() if row.day == when]


@pytest.mark.parametrize("day", [13, 14])
def test_a_day_of_which_nothing_is_known_has_no_post(parts: AppContext, day: int) -> None:
    decision, states = planned(parts, day)
    assert decision.verdict == "silent" and states == ["skipped", "skipped"], decision
    assert "reading at the end of 13 Jan 2025" in decision.reason or "14 Jan 2025" in decision.reason


def test_the_next_known_day_tells_of_them(parts: AppContext) -> None:
    decision, states = planned(parts, 15)
    assert decision.verdict == "planned" and states == ["planned", "planned"]
    digest = parts.archive.find_digest("replicate", "day", date(2025, 1, 15))
    assert digest is not None
    clause = "13 to 14 January 2025 are known only together (no reading at the end of 13 Jan 2025): 17,803,220 runs."
    for language in i18n.LANGUAGES:
        days = number_format.format_day_range("2025-01-13", "2025-01-14", language)
        assert " ".join(days.split()) in pipeline.render_post(digest, "x", locale=language).parts[0], language
    embed = pipeline.render_post(digest, "discord").embed
    assert embed is not None and clause in embed["description"]
    assert digest["unknown_before"]["unknown"] in digest["reasons"], "its reason can be translated"


def test_the_first_day_of_the_watch_and_a_day_after_a_known_one_tell_of_none(parts: AppContext) -> None:
    for day in (date(2024, 12, 18), date(2025, 1, 12)):
        digest = parts.archive.find_digest("replicate", "day", day)
        assert digest is not None and "unknown_before" not in digest
