"""What every network declares, and what `verify`, `doctor` and the configuration may ask of it."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot import config, sources
from bot.metrics import METRICS
from bot.queries.network_queries import opening_paragraph
from bot.sources import EventSource

OWN = {"title": "Acme", "models": {"file": "list.json", "keys": {"counter": "pulls"}}}
DECLARED = {
    name: (sources.settings_types()[name], OWN if name == "catalogue" else {}) for name in sources.network_names()
}
ON = {"replicate", "opengradient", "chutes", "openrouter"}
"""The networks of the `config.yaml` that comes with Footfall."""


def declared(name: str) -> tuple[Any, config.NetworkConfig]:
    kind, block = DECLARED[name]
    settings = kind.model_validate(block)
    return sources.load_network(name, settings), settings


@pytest.mark.parametrize("name", sorted(DECLARED))
def test_a_network_declares_what_everything_else_reads(name: str) -> None:
    network, settings = declared(name)
    assert network.TITLE and network.CATALOGUES
    assert all(catalogue.network == name for catalogue in network.CATALOGUES)
    assert settings.headline.catalogue in {catalogue.key for catalogue in network.CATALOGUES}
    assert settings.headline.figure in METRICS
    assert opening_paragraph(sources.methodology_text(network)), "the page has a first paragraph"
    assert "**What is counted.**" in sources.methodology_text(network) or name == "opengradient"
    assert set(settings.secret_names) <= set(network.SECRETS)


@pytest.mark.parametrize("name", sorted(DECLARED))
def test_a_network_that_was_never_read_has_a_source_and_no_copies(name: str, tmp_path: Path) -> None:
    network, settings = declared(name)
    source = sources.make_source(name, settings, tmp_path, {}, lambda: datetime(2026, 11, 20, tzinfo=UTC))
    assert isinstance(source, EventSource) or inspect.isgeneratorfunction(source.snapshots)
    assert source.settles_for.total_seconds() >= 0
    ref = {"url": "https://nowhere.example/list", "sha256": "ab" * 32, "at": "2026-11-19T00:10:00+00:00"}
    assert sources.verify_ref(name, settings, tmp_path, ref)["state"] == "not at hand"
    assert sources.compare_with_public(name, settings, ref) == ""
    assert isinstance(sources.is_closed(network, settings, {}), bool)
    assert list(inspect.signature(network.check_reachable).parameters) == ["settings", "data", "secrets"]


def test_only_these_networks_are_on_unless_the_operator_says_so() -> None:
    shipped = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text(encoding="utf-8"))
    assert set(shipped["networks"]) == ON
