"""Hosted PostgreSQL: behind a pool of transactions, in other encodings, with options in its URL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from bot import database_copy, leases, ledger, store
from bot.store import StoreError
from tests import databases
from tests.peers.pgbouncer import pooled
from tests.peers.postgres import Postgres
from tests.worlds import ONE, snapshot

NOW = datetime(2026, 3, 4, tzinfo=UTC)


@pytest.fixture
def pool(postgres: Postgres) -> Iterator[str]:
    with pooled(postgres.bare()) as address:
        yield address


def count_models(opened: store.Store) -> int:
    with opened.read_transaction() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(store.models)) or 0


def test_a_pool_of_transactions_is_migrated_filled_and_read_again_and_again(pool: str) -> None:
    """A statement prepared on one server connection would be missing, or duplicate, on the next."""
    sessions = [store.open_store(pool) for _ in range(4)]
    for number in range(12):
        ledger.add_snapshot(
            sessions[number % 4], snapshot(NOW.date() + number * ONE, {f"o/m{n}": number * n for n in range(5)})
        )
    with ThreadPoolExecutor(4) as together:
        assert set(together.map(count_models, sessions * 10)) == {5}
    for each in sessions:
        each.close()


def test_without_that_setting_the_same_pool_fails(pool: str) -> None:
    """Prepared statements do not work behind the pool of the test above."""
    sessions = [store.open_store(f"{pool}&prepare_threshold=0") for _ in range(4)]
    with pytest.raises(StoreError, match="prepared statement"), ThreadPoolExecutor(4) as together:
        list(together.map(count_models, sessions * 10))
    for each in sessions:
        each.close()


def test_behind_a_pool_one_at_a_time_is_one_at_a_time(pool: str) -> None:
    """The lock belongs to the transaction: another session with the same server connection waits too, and an unreleased
    lock would block it for ever."""
    sessions, inside, most = [store.open_store(pool) for _ in range(4)], [0], [0]
    counting = threading.Lock()

    def alone(opened: store.Store) -> None:
        with opened.write_transaction() as connection:
            store.advisory_lock(connection, "test")
            with counting:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            connection.execute(sa.text("SELECT pg_sleep(0.01)"))
            with counting:
                inside[0] -= 1

    with ThreadPoolExecutor(4) as together:
        list(together.map(alone, sessions * 5))
    assert most == [1]
    held = [
        leases.acquire_lease(opened, "w", f"worker {n}", NOW, timedelta(hours=1)) for n, opened in enumerate(sessions)
    ]
    assert held == [True, False, False, False]
    for each in sessions:
        each.close()


def test_a_database_is_copied_through_a_pool(pool: str, postgres: Postgres) -> None:
    source, target, back = store.open_store(pool), store.open_store(postgres.bare()), databases.memory()
    ledger.add_snapshot(source, snapshot(NOW.date(), {f"o/m{n}": n for n in range(2000)}))
    for start, end in ((source, target), (target, back)):
        assert database_copy.copy_database(start, end, lambda _line: None)["models"] == 2000
    for each in (source, target, back):
        each.close()


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_cannot_keep_every_text_is_one_line_with_the_cure(postgres: Postgres, encoding: str) -> None:
    url = postgres.bare(encoding)
    for address in (url, f"{url}&application_name=x"):
        with pytest.raises(StoreError) as refused:
            store.open_store(address)
        text = str(refused.value)
        assert f": its encoding is {encoding}, wanted UTF8; make a new one with `createdb --encoding UTF8" in text
        assert "\n" not in text


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("prepare_threshold=often", "prepare_threshold: wanted a whole number, or none"),
        ("connect_timeout=soon", "connect_timeout: wanted a number of seconds"),
        ("autocommit=true", "autocommit: found it set, wanted it left out"),
        ("sslmode=disable&sslmode=require", "sslmode: found 2 values, wanted one"),
    ],
)
def test_an_option_of_the_address_that_means_nothing_is_one_line(postgres: Postgres, options: str, text: str) -> None:
    with pytest.raises(StoreError, match=f"^DATABASE_URL: {text}"):
        store.open_store(f"{postgres.bare()}&{options}")


@pytest.mark.parametrize(
    "options", ["prepare_threshold=5", "prepare_threshold=None", "connect_timeout=3&application_name=footfall"]
)
def test_options_of_the_address_have_the_type_that_the_driver_wants(postgres: Postgres, options: str) -> None:
    opened = store.open_store(f"{postgres.bare()}&{options}")
    assert count_models(opened) == 0
    opened.close()
