"""Pages and freshness: /top and /idle have all pages, also after a restart; /status shows the next posts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot import queries
from bot.config import ScheduleEntry
from bot.discord_bot import FootfallClient
from bot.discord_bot.context import Cooldowns
from bot.queries import NotFoundError, QueryError
from tests import query_contexts
from tests.discord_bot.rig import FREE, Rig, buttons, embed, run


def lines(result: Any) -> list[str]:
    return [line for line in (embed(result).description or "").splitlines() if line.strip()]


@pytest.mark.parametrize(("command", "options", "pages"), [("top", {}, 3), ("idle", {}, 14)])
def test_lists_have_pages_that_also_work_after_a_restart(
    tmp_path: Path, command: str, options: dict[str, object], pages: int
) -> None:
    async def scenario(rig: Rig) -> None:
        first = await rig.ask(command, **options)
        assert f"page 1 of {pages}" in (embed(first).footer.text or "")
        assert buttons(first.response)["Page before"]["disabled"] is True
        shown, whole = lines(first), embed(first).description
        await rig.env.restart_bot(FootfallClient(rig.desk, cooldowns=Cooldowns(*FREE)))
        second = await rig.ann.click(first.response, label="Next page")
        assert f"page 2 of {pages}" in (embed(second).footer.text or "")
        assert not set(shown[-9:]) & set(lines(second)), "each row stands on one page"
        back = await rig.ann.click(second.response, label="Page before")
        assert embed(back).description == whole

    run(tmp_path, scenario)


def test_status_names_networks_by_title_and_says_what_is_posted_next(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        entry = ScheduleEntry.model_validate({"name": "daily", "at": "02:30"})
        rig.bot.desk = replace(rig.desk, entries=(entry,))
        fields = {field.name: field.value or "" for field in embed(await rig.ask("status")).fields}
        assert "Public models:" in fields["Replicate"] and "<t:1741746600:f>" in fields["Next"]  # 12 March, 02:30 UTC
        (result,) = queries.status(rig.bot.desk)["next"]
        assert result["at"] == "2025-03-12T02:30:00+00:00"

    run(tmp_path, scenario)


def test_an_error_carries_its_cure_apart_and_faces_without_a_command_line_leave_it_out(tmp_path: Path) -> None:
    with query_contexts.desk(tmp_path, query_contexts.DAYS[:1]) as desk, pytest.raises(NotFoundError) as caught:
        queries.usage(desk, None)
    assert caught.value.text == "replicate: no day digest yet"
    assert caught.value.cure == "run: python -m bot compose --period day"
    assert str(caught.value) == f"{caught.value.text}; {caught.value.cure}"
    assert str(QueryError("only this")) == "only this"

    async def scenario(rig: Rig) -> None:
        text = str((await rig.ask("usage", period="month")).response.content)
        assert text.replace("\\", "") == "replicate: no month digest yet"

    (tmp_path / "more").mkdir()
    run(tmp_path / "more", scenario)
