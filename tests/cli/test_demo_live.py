"""The live networks of the demo: filled where they answer, one line where they do not."""

from __future__ import annotations

import re
import socket
import time
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bot.cli import app_context, pipeline_commands
from tests.peers.chutes_api import ChutesApi
from tests.peers.served import serving

NOW = datetime(2026, 9, 8, 3, tzinfo=UTC)


def test_the_demo_fills_what_answers_and_says_in_a_line_what_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (app_context, pipeline_commands):
        monkeypatch.setattr(module, "clock", lambda: NOW)
    with serving(ChutesApi()) as server, socket.create_server(("127.0.0.1", 0)) as silent:
        config = tmp_path / "config.yaml"
        config.write_text(
            "networks:\n  replicate: {headline: {catalogue: models, figure: models_used}}\n"
            f"  chutes: {{api: {server.url}, headline: {{catalogue: models, figure: models_used}}}}\n"
            f"  openrouter: {{api: 'http://127.0.0.1:{silent.getsockname()[1]}', "
            "headline: {catalogue: models, figure: uses}}\n"
            f"data: {tmp_path}/data\nout: {tmp_path}/out\noutlets: {{site: {{}}}}\nschedule: []\n"
        )
        parts = app_context.AppContext(config)
        try:
            began = time.monotonic()
            assert pipeline_commands._answering(parts, ["chutes", "openrouter"]) == {"chutes"}
            # The silent host is asked beside the other and given up after PROBED seconds, not its own time-out of 60.
            assert time.monotonic() - began < 30
            pipeline_commands._demo_live(parts)
            newest = parts.archive.newest_digest("chutes")
        finally:
            parts.close()
    shown = capsys.readouterr().out
    assert newest is not None and date.fromisoformat(newest["day"]) >= date(2026, 9, 6)
    assert re.search(r"== What X would get for 2026-09-0[67] ==", shown)
    assert "Left out, because no public address answers within 3 s: OpenRouter" in shown
