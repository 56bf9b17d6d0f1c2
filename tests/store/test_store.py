from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from bot import store
from bot.store import StoreError


def test_migrations_make_the_tables_that_the_code_uses(bare: str) -> None:
    with closing(store.open_store(bare)) as opened, opened.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), store.tables) == []


def test_migrating_twice_changes_nothing(db: store.Store) -> None:
    db.migrate()
    with db.read_transaction() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM alembic_version")) == 1


def test_the_migrations_are_named_as_they_follow_each_other() -> None:
    script = ScriptDirectory(str(store.MIGRATIONS))
    assert store.known_revisions() == [each.revision for each in script.walk_revisions()][::-1]


def test_a_database_of_this_version_is_opened_without_the_tool_that_migrates(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/a.db"
    opens = f"import sys; from bot import store; store.open_store('{address}'); print('alembic' in sys.modules)"
    completeds = [
        subprocess.run([sys.executable, "-c", opens], capture_output=True, text=True, check=True) for _ in range(2)
    ]
    assert [completed.stdout.strip() for completed in completeds] == ["True", "False"]


def test_a_database_of_a_newer_version_is_refused_in_one_line(url: str) -> None:
    database = store.open_store(url)
    with database.write_transaction() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(StoreError, match=r"is of a newer version \(revision 9999\)") as refused:
        store.open_store(url)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("sqlite:////proc/nowhere/footfall.db", "cannot be made"),
        ("mysql://host/name", "found mysql, wanted sqlite or postgresql"),
        ("nonsense", "is not a database address"),
        ("postgresql://someone:hunter2@/x?host=/nowhere", "cannot be opened"),
    ],
)
def test_a_database_that_cannot_be_opened_gets_one_line_without_its_password(address: str, text: str) -> None:
    with pytest.raises(StoreError, match=text) as refused:
        store.open_store(address)
    assert "hunter2" not in str(refused.value) and "\n" not in str(refused.value)


def test_a_file_that_is_no_database_gets_one_line(tmp_path: Path) -> None:
    path = tmp_path / "footfall.db"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreError, match="not a database"):
        store.open_store(f"sqlite:///{path}")


def test_a_failed_transaction_leaves_nothing(db: store.Store) -> None:
    with pytest.raises(RuntimeError), db.write_transaction() as connection:  # noqa: PT012
        connection.execute(store.catalogues.insert().values(network="n", name="c"))
        raise RuntimeError
    with db.read_transaction() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(store.catalogues)) == 0
