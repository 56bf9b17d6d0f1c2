"""Keys of earlier versions in `config.yaml`."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot import config, sources
from bot.cli.app_context import AppContext

BLOCK = "networks:\n  replicate: {download_timeout: 60, record: /srv/all-the-public-replicate-models-1.352.0.tgz}\n"


def test_keys_of_the_npm_package_are_ignored_with_one_line_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(BLOCK)
    chosen = AppContext(path).settings.config.networks["replicate"]
    assert getattr(chosen, "record", "") is None
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[1] for line in lines] == [
        "networks.replicate.download_timeout",
        "networks.replicate.record",
    ]
    assert all("npm package is no longer read" in line for line in lines)


def test_a_key_that_never_was_is_still_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("networks:\n  replicate: {download_timeouts: 60}\n")
    with pytest.raises(config.ConfigError, match="download_timeouts: no such key"):
        config.load(path, sources.settings_types(), {})
