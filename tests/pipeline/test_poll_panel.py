"""The panel of a weekly digest for the polls that closed in its week."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from bot import deliveries
from bot.pipeline import polls
from bot.records import Poll

WEEK = date(2025, 3, 3)
MONDAY = datetime(2025, 3, 10, 8, tzinfo=UTC)


def asked(day: date, votes: tuple[int, int]) -> deliveries.PollRecord:
    poll = Poll("Will it?", ("Yes", "No"), timedelta(days=7), "more")
    return deliveries.PollRecord("discord", "1", day, "week", poll, MONDAY, votes, MONDAY, "", "https://x")


def test_two_polls_of_one_name_that_close_in_one_week_are_both_told() -> None:
    document: dict[str, Any] = {"panels": [], "refs": []}
    polls.add_poll_panel(document, [asked(WEEK, (1, 2)), asked(WEEK + timedelta(days=7), (5, 4))])
    entries = {key: figure["value"] for key, figure in document["panels"][0]["figures"].items()}
    first, second = "discord_more_2025-03-03", "discord_more_2025-03-10"
    assert (entries[f"{first}_votes"], entries[f"{second}_votes"], len(entries)) == (3, 9, 6)


def test_a_poll_that_closes_alone_has_plain_keys() -> None:
    document: dict[str, Any] = {"panels": [], "refs": []}
    polls.add_poll_panel(document, [asked(WEEK, (1, 2))])
    assert set(document["panels"][0]["figures"]) == {f"discord_more_{key}" for key in ("votes", "answer_1", "answer_2")}
