"""One holder at a time."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import leases, store
from tests import databases

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LASTS = timedelta(seconds=60)


def test_a_lease_has_one_holder_until_it_runs_out(db: store.Store) -> None:
    assert leases.acquire_lease(db, "walk", "a", NOW, LASTS)
    assert not leases.acquire_lease(db, "walk", "b", NOW + timedelta(seconds=59), LASTS)
    assert leases.acquire_lease(db, "gateway", "b", NOW, LASTS)
    assert leases.acquire_lease(db, "walk", "b", NOW + timedelta(seconds=60), LASTS)
    assert not leases.acquire_lease(db, "walk", "a", NOW + timedelta(seconds=61), LASTS)


def test_a_holder_may_keep_it_and_give_it_back(db: store.Store) -> None:
    assert leases.acquire_lease(db, "walk", "a", NOW, LASTS)
    assert leases.acquire_lease(db, "walk", "a", NOW + timedelta(seconds=50), LASTS)
    assert not leases.acquire_lease(db, "walk", "b", NOW + timedelta(seconds=100), LASTS)
    leases.release_lease(db, "walk", "b")
    assert not leases.acquire_lease(db, "walk", "b", NOW + timedelta(seconds=100), LASTS)
    leases.release_lease(db, "walk", "a")
    assert leases.acquire_lease(db, "walk", "b", NOW + timedelta(seconds=100), LASTS)


def test_of_many_who_want_it_at_once_one_gets_it(db: store.Store) -> None:
    got: Counter[bool] = Counter()
    start = threading.Barrier(6)

    def want(number: int) -> None:
        start.wait()
        got[leases.acquire_lease(db, "walk", f"worker {number}", NOW, LASTS)] += 1

    threads = [threading.Thread(target=want, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == {True: 1, False: 5}


def test_a_lease_that_a_wrong_clock_took_is_run_out(db: store.Store) -> None:
    """Started with its clock in 2030, and killed."""
    assert leases.acquire_lease(db, "walk", "a", datetime(2030, 1, 1, tzinfo=UTC), LASTS)
    assert leases.acquire_lease(db, "walk", "b", NOW, LASTS)
    assert not leases.acquire_lease(db, "walk", "a", NOW + timedelta(seconds=1), LASTS), (
        "and from here on it is as any other"
    )
    fraction = NOW + timedelta(milliseconds=900)
    assert leases.acquire_lease(db, "gateway", "a", fraction, LASTS)
    assert not leases.acquire_lease(db, "gateway", "b", fraction, LASTS), "one that was taken this very second lasts"


def test_a_lease_is_not_taken_from_its_holder_by_a_clock_that_is_a_little_behind(db: store.Store) -> None:
    assert leases.acquire_lease(db, "walk", "a", NOW, LASTS)
    for behind in (timedelta(milliseconds=700), timedelta(seconds=2), timedelta(minutes=4)):
        assert not leases.acquire_lease(db, "walk", "b", NOW - behind, LASTS), behind
    assert leases.acquire_lease(db, "walk", "b", NOW - timedelta(minutes=6), LASTS), "no two clocks are that far apart"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 90), st.booleans()), max_size=12))
def test_it_behaves_as_a_single_name_and_a_time(steps: list[tuple[str, int, bool]]) -> None:
    db = databases.memory()
    now, holder, until = NOW, "", NOW
    for who, seconds, gives_back in steps:
        now += timedelta(seconds=seconds)
        if gives_back:
            leases.release_lease(db, "walk", who)
            holder, until = ("", now) if who == holder else (holder, until)
            continue
        wanted = holder in ("", who) or until <= now
        assert leases.acquire_lease(db, "walk", who, now, LASTS) == wanted
        holder, until = (who, now + LASTS) if wanted else (holder, until)
    db.close()
