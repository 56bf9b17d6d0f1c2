"""Posts about a held day, and what an operator sees and does: from the ledger to the outbox."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot import ledger, pipeline, store
from bot.archive import Archive
from bot.cli import cli
from bot.config import PublishConfig
from bot.records import FootfallError, Period, Receipt, message, start_of_day
from tests import databases, publishing, worlds
from tests.held import USE, counts, day, half, told
from tests.publishing import Peers
from tests.worlds import CATALOGUE, ONE, snapshot

PLAN = pipeline.NetworkPlan("replicate", "Replicate", (CATALOGUE,), {"catalogue": "models", "figure": "uses"})
TARGETS = {"x": ("@footfall",)}
HELD = 8
"""The day whose list is half as long."""
Run = Callable[..., Result]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[pipeline.PublishContext]:
    """Eight posted days, and a ninth that is held."""
    opened = store.open_store(databases.sqlite(tmp_path / "footfall.db", _hold))
    yield _context(opened)
    opened.close()


def _context(opened: store.Store) -> pipeline.PublishContext:
    outbox = pipeline.make_outbox(opened)
    return pipeline.PublishContext(opened, Archive(opened), outbox, PublishConfig.model_validate({}), 0.01)


def _hold(opened: store.Store) -> None:
    told(opened, HELD)
    publish(_context(opened), HELD)
    ledger.add_snapshot(opened, snapshot(day(HELD), half(HELD)))


def publish(desk: pipeline.PublishContext, number: int, hours: int = 1) -> list[pipeline.PublishDecision]:
    """Publish what is due some hours after the start of a day."""
    return pipeline.plan_deliveries(desk, PLAN, "day", TARGETS, start_of_day(day(number)) + timedelta(hours=hours))


def verdicts(done: list[pipeline.PublishDecision]) -> dict[int, str]:
    return {(publish_decision.period.first - worlds.START).days: publish_decision.verdict for publish_decision in done}


def figures(desk: pipeline.PublishContext, number: int) -> dict[str, Any]:
    document = desk.archive.find_digest("replicate", "day", day(number))
    assert document is not None
    figures: dict[str, Any] = document["catalogues"][0]["figures"]
    return figures


def test_a_held_day_waits_with_its_reason_also_after_the_deadline(desk: pipeline.PublishContext) -> None:
    for hours in (1, 12, 23):
        publish_decision = publish(desk, HELD + 1, hours)[-1]
        assert (
            publish_decision.period.first == day(HELD)
            and publish_decision.verdict == "waiting"
            and "the list came 50% short" in publish_decision.reason
        )
        assert "python -m bot confirm --network replicate --day 2025-03-09" in publish_decision.reason
    assert desk.outbox.planned_days("replicate", "day", "x", "@footfall")[1] == day(HELD - 1)
    assert figures(desk, HELD)["uses"]["value"] is None


def test_once_confirmed_by_hand_it_is_posted_with_its_figures(desk: pipeline.PublishContext) -> None:
    publish(desk, HELD + 1)
    ledger.record_decision(desk.store, CATALOGUE, day(HELD), "confirmed")
    assert verdicts(publish(desk, HELD + 1, 10))[HELD] == "planned"
    assert figures(desk, HELD)["models_listed"]["value"] == 30


def test_a_repaired_day_leaves_the_next_post_to_tell_it(desk: pipeline.PublishContext) -> None:
    publish(desk, HELD + 1)
    ledger.add_snapshot(desk.store, snapshot(day(HELD + 1), counts(HELD + 1)))
    done = verdicts(publish(desk, HELD + 2, 12))
    assert done[HELD + 1] == "silent", "nothing of its use is known by itself"
    document = desk.archive.find_digest("replicate", "day", day(HELD + 1))
    assert document is not None
    gaps = " ".join(document["catalogues"][0]["gaps"])
    assert "A reading is left out: the list came 50% short at the end of 9 Mar 2025; later readings did not" in gaps
    assert f"9 Mar 2025 to 10 Mar 2025 taken together: {2 * USE:,} runs" in gaps
    assert "did not confirm it" in figures(desk, HELD)["uses"]["unknown"], "the draft is composed again"


def test_a_day_that_is_confirmed_too_late_is_archived_and_not_posted(desk: pipeline.PublishContext) -> None:
    for number in range(HELD + 1, HELD + 5):
        publish(desk, number, 20)
        ledger.add_snapshot(desk.store, snapshot(day(number), half(number)))
    done = verdicts(publish(desk, HELD + 5))
    assert done[HELD + 4] == "planned"
    assert desk.outbox.planned_days("replicate", "day", "x", "@footfall")[1] == day(HELD + 4)
    for number in range(HELD, HELD + 5):
        assert figures(desk, number)["uses"]["value"] == sum(range(2, 61, 2)), number
    sent = {row.day: row.state for row in desk.outbox.list_deliveries()}
    assert sent[day(HELD)] == "skipped"


def test_an_issued_digest_gets_an_edition_when_a_verdict_changes(desk: pipeline.PublishContext) -> None:
    ledger.add_snapshot(desk.store, snapshot(day(HELD + 1), counts(HELD + 1)))
    publish(desk, HELD + 2, 12)
    document = desk.archive.find_digest("replicate", "day", day(HELD + 1))
    assert document is not None
    now = datetime.fromisoformat("2025-03-11T12:00:00Z")
    desk.archive.add_receipt(document, Receipt("x", "@footfall", 0, "1", "https://x.com/1", now))
    ledger.record_decision(desk.store, CATALOGUE, day(HELD), "confirmed")
    publish(desk, HELD + 2, 13)
    again = desk.archive.find_digest("replicate", "day", day(HELD + 1))
    assert again is not None and again["edition"] == 2
    assert "models_added" in {change["figure"] for change in again["changes"]}


def test_a_verdict_composes_only_the_digests_that_rest_on_it(desk: pipeline.PublishContext) -> None:
    for number in range(1, HELD):
        pipeline.compose_digest(desk.store, desk.archive, PLAN, Period.for_day(day(number)), start_of_day(day(HELD)))
    assert pipeline.outdated_periods(desk.store, desk.archive, PLAN, "day") == ()
    pipeline.compose_digest(desk.store, desk.archive, PLAN, Period.for_day(day(HELD)), start_of_day(day(HELD + 1)))
    assert [period.first for period in pipeline.outdated_periods(desk.store, desk.archive, PLAN, "day")] == [day(HELD)]
    assert len(pipeline.compose_outdated(desk.store, desk.archive, PLAN, "day", start_of_day(day(HELD + 1)))) == 1
    assert pipeline.outdated_periods(desk.store, desk.archive, PLAN, "day") == ()


# --- the operator ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def peers() -> Iterator[Peers]:
    with publishing.peers() as served:
        yield served


@pytest.fixture
def run(peers: Peers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command over nine days, the last of which is held; returns its result with the exit code."""
    peers.forget()
    url = f"sqlite:///{tmp_path / 'f.db'}"
    opened = store.open_store(url)
    told(opened, HELD + 1, d8=half(HELD))
    opened.close()
    for name, value in {**peers.secrets, "DATABASE_URL": url, "REPLICATE_API_TOKEN": ""}.items():
        monkeypatch.setenv(name, value)
    path = publishing.configured(tmp_path, peers)

    def command(*argv: str) -> Result:
        done = CliRunner().invoke(cli, ["--config", str(path), *argv], standalone_mode=False)
        if isinstance(done.exception, FootfallError):
            done.exit_code = done.exception.exit_code
        elif done.exception:
            raise done.exception
        else:
            done.exit_code = done.return_value or 0
        return done

    return command


REASON = "the list came 50% short at the end of 9 Mar 2025; not confirmed yet"


def test_confirm_shows_what_is_held_and_confirms_it(run: Run, peers: Peers) -> None:
    assert run("confirm").output == f"replicate models 2025-03-09: held: {REASON}\n"
    assert "waiting" in run("publish", "--day", "2025-03-09").output and not peers.posts("x")
    assert "nothing would be published: the list came" in run("publish", "--day", "2025-03-09", "--dry-run").output
    done = run("confirm", "--day", "2025-03-09")
    assert done.exit_code == 0
    assert "composed day 2025-03-09 again: edition 1, not posted yet" in done.output
    assert "replicate models 2025-03-09: confirmed: the list came 50% short" in done.output
    assert done.output.endswith("no day is held\n")
    assert run("publish", "--day", "2025-03-09").exit_code == 0
    assert len(peers.posts("x")) == len(peers.posts("discord")) == 1


def test_a_rejection_is_for_good_until_it_is_taken_back(run: Run) -> None:
    (row,) = json.loads(run("confirm", "--day", "2025-03-09", "--reject", "--json").stdout)
    assert (row["state"], row["by_hand"]) == ("rejected", True)
    (row,) = json.loads(run("confirm", "--day", "2025-03-09", "--undo", "--json").stdout)
    assert (row["state"], row["by_hand"], row["reason"]) == ("held", False, REASON)


@pytest.mark.parametrize(
    "argv", [("--day", "2025-03-05"), ("--reject",), ("--undo",), ("--day", "2025-03-09", "--reject", "--undo")]
)
def test_confirm_refuses_what_it_cannot_do(run: Run, argv: tuple[str, ...]) -> None:
    done = run("confirm", *argv)
    assert done.exit_code == 2 and len(str(done.exception).splitlines()) == 1


def test_status_and_doctor_show_a_held_day_and_digest_and_compose_know_it(run: Run) -> None:
    assert f"  held: {REASON}\n" in run("status").output
    (row,) = (r for r in json.loads(run("status", "--json").output)["catalogues"] if r["catalogue"] == "models")
    assert row["held"] == [{"day": "2025-03-09", "unknown": REASON}]
    checks = run("doctor", "--json").output
    assert "replicate: models of 2025-03-09" in checks and "python -m bot confirm --network replicate" in checks
    assert "2025-03-09: edition 1, not posted yet" in run("compose", "--day", "2025-03-09").output
    assert REASON in run("digest", "--day", "2025-03-09").output


def test_a_held_day_is_told_in_every_language(desk: pipeline.PublishContext) -> None:
    from bot.render import document_translation as sentences

    (reason,) = (held.reason for held in ledger.held_days(desk.store, CATALOGUE))
    assert reason == REASON
    for locale in ("ar", "es-ES", "tr", "vi", "zh-CN"):
        for text in (reason, message("reading_left_out", reason=reason)):
            sentence = sentences.translate_sentence(text, locale)
            assert sentence is not None and not any(part.foreign for part in sentence), (locale, text)


def test_the_last_days_of_a_period_are_what_is_held(desk: pipeline.PublishContext) -> None:
    ledger.add_snapshot(desk.store, snapshot(day(HELD) + 7 * ONE, half(HELD + 7)))
    assert (
        ledger.hold_reason(desk.store, CATALOGUE, Period.for_day(day(HELD), "week")) is not None
    )  # 9 March is a Sunday
    assert ledger.hold_reason(desk.store, CATALOGUE, Period.for_day(day(HELD - 1), "day")) is None
