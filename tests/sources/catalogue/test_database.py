"""What a query on somebody else's database may do, on SQLite and on PostgreSQL."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import psycopg
import pytest

from bot.records import SourceError
from bot.sources.catalogue.database import QueryLimits, query_rows
from tests.peers.postgres import Postgres

LIMITS = QueryLimits(seconds=10, rows=1000, size=10_000)


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        with sqlite3.connect(tmp_path / "list.db") as tables:
            tables.executescript("CREATE TABLE m (name text, pulls int); INSERT INTO m VALUES ('a', 1), ('b', 2);")
        tables.close()
        return f"sqlite:///{tmp_path / 'list.db'}"
    postgres: Postgres = request.getfixturevalue("postgres")
    url = postgres.bare()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE m (name text, pulls int); INSERT INTO m VALUES ('a', 1), ('b', 2);")
        connection.execute("CREATE SEQUENCE s")
    return url


def test_a_query_is_read(address: str) -> None:
    query = "SELECT name, pulls FROM m WHERE name >= 'a' ORDER BY name"
    assert query_rows(address, query, {}, "db", LIMITS) == [{"name": "a", "pulls": 1}, {"name": "b", "pulls": 2}]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n", "more than 1,000 rows"),
        ("SELECT name, hex(zeroblob(20000)) FROM m|SELECT name, repeat('x', 40000) FROM m", "more than 10,000 bytes"),
        ("SELECT nothing FROM m", "nothing"),
        ("SELECT name FROM m WHERE name = :day", "the query names :day; known: none for a list"),
    ],
)
def test_a_query_beyond_its_limits_is_refused(address: str, query: str, wanted: str) -> None:
    chosen = query.split("|")[-1 if address.startswith("postgres") else 0]
    with pytest.raises(SourceError, match=wanted) as error:
        query_rows(address, chosen, {}, "db", LIMITS)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    "query",
    [
        "INSERT INTO m VALUES ('c', 3) RETURNING name|SELECT nextval('s')",
        "DELETE FROM m RETURNING name|WITH gone AS (DELETE FROM m RETURNING name) SELECT name FROM gone",
        "PRAGMA user_version = 5|SELECT name FROM m FOR UPDATE",
    ],
)
def test_a_query_cannot_write(address: str, query: str) -> None:
    chosen = query.split("|")[-1 if address.startswith("postgres") else 0]
    with pytest.raises(SourceError, match=r"read-only|readonly"):
        query_rows(address, chosen, {}, "db", LIMITS)
    assert len(query_rows(address, "SELECT name FROM m", {}, "db", LIMITS)) == 2


def test_a_slow_query_is_ended(address: str) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) AS uses FROM n"
    began = time.monotonic()
    with pytest.raises(SourceError, match=r"^db: (not complete within 1 s|.*statement timeout)"):
        query_rows(address, endless, {}, "db", QueryLimits(seconds=1, rows=10, size=100))
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("sqlite://", "names no file"),
        ("sqlite:////nowhere/list.db", "unable to open"),
        ("nonsense", "is no address of a database"),
        ("nosuch://u:secret-word@h/d", "nosuch: no such driver"),
        ("mysql+pymysql://u:secret-word@h/d", "needs the package pymysql"),
        ("postgresql://u:secret-word@127.0.0.1:1/d", "OperationalError"),
    ],
)
def test_an_address_that_does_not_work_is_one_line_without_its_password(address: str, wanted: str) -> None:
    with pytest.raises(SourceError, match=wanted) as error:
        query_rows(address, "SELECT 1", {}, "db", LIMITS)
    assert "secret-word" not in str(error.value) and len(str(error.value).splitlines()) == 1
