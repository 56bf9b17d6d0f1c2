"""The crash matrix of X and of the site: see `tests.crash_matrix`."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.crash_matrix import Killing, killing, peers, server, together

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # sockets of what was killed
__all__ = ["killing", "peers", "server"]  # the fixtures
SCENARIOS = ("x", "x, a thread", "x, a weekly poll", "x, a correction", "site")


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_worker_killed_anywhere_and_started_again_posts_each_part_once(killing: Killing, name: str) -> None:
    killing.everywhere(name, workers=1)


@pytest.mark.parametrize("name", together(SCENARIOS))
def test_two_workers_after_a_kill_anywhere_post_each_part_once(killing: Killing, name: str) -> None:
    killing.everywhere(name, workers=2)


@pytest.mark.parametrize("minutes", [-3, 3])
@pytest.mark.parametrize("name", ["x", "x, a thread"])
def test_a_kill_on_a_machine_whose_clock_is_wrong_costs_no_second_post(
    killing: Killing, name: str, minutes: int
) -> None:
    killing.apart(name, timedelta(minutes=minutes))


def test_a_point_that_is_never_reached_is_noticed(killing: Killing) -> None:
    """The matrix would prove nothing if processes survived their kill."""
    with pytest.raises(AssertionError, match="was not reached"):
        killing.matrix("x", workers=1).case(10_000, "nowhere")
