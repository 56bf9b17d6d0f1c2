"""A poll is posted with the weekly digest; its result is read after it closes, and shown by the next digest."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot import cli, config, deliveries, ledger, pipeline, store
from bot.cli import app_context, outlet_setup, pipeline_commands, preview_commands
from bot.cli import publish_commands as posting
from bot.outlets import LookupInconclusive, Votes
from bot.records import FootfallError, Poll
from bot.render import PollSkippedError, polls
from tests import publishing, worlds
from tests.peers import discord_api
from tests.publishing import Peers

DAYS = tuple(worlds.START + timedelta(days=n) for n in range(24))
WEEK = date(2025, 3, 3)
MONDAY = datetime(2025, 3, 10, 8, tzinfo=UTC)
ASKED = """
polls:
  - name: more
    question: "Will more than {{ f.models_listed | figure }} models of {{ d.title | word }} be listed next week?"
    answers: ["More", "As many", "Fewer"]
    lasts: 5d
"""

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def peers() -> Iterator[Peers]:
    with publishing.peers() as served:
        yield served


class World:
    """A database, the platforms, and a clock that the test sets."""

    def __init__(self, peers: Peers, path: Path, url: str) -> None:
        self.peers, self.path, self.url, self.now = peers, path, url, MONDAY

    def run(self, *argv: str) -> Result:
        done = CliRunner().invoke(cli.cli, ["--config", str(self.path), *argv], standalone_mode=False)
        if done.exception and not isinstance(done.exception, FootfallError):
            raise done.exception
        return done

    def publish(self, day: date, *argv: str) -> Result:
        return self.run("publish", "--period", "week", "--day", day.isoformat(), *argv)

    def rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(self.run("deliveries", "list", "--json").output)["deliveries"]
        return rows

    def digest(self, day: date) -> dict[str, Any]:
        done = self.run("digest", "--period", "week", "--day", day.isoformat(), "--network", "replicate", "--json")
        digest: dict[str, Any] = json.loads(done.output)
        return digest

    def vote(self, x: tuple[int, ...] | None, discord: tuple[int, ...] | None) -> None:
        """Close both polls with so many votes; `None`: that one stays open."""
        if x is not None:
            poll = self.peers.x.polls[str(self.peers.x.posts[0]["id"])]
            poll["voting_status"] = "closed"
            for option, votes in zip(poll["options"], x, strict=True):
                option["votes"] = votes
        if discord is not None:
            self.peers.discord.vote(str(self.peers.discord.messages[1]["id"]), *discord, closed=True)


@pytest.fixture
def world(peers: Peers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    peers.forget()
    url = f"sqlite:///{tmp_path / 'f.db'}"
    publishing.fill(url, DAYS)
    for name, value in {**peers.secrets, "DATABASE_URL": url, "REPLICATE_API_TOKEN": ""}.items():
        monkeypatch.setenv(name, value)
    world = World(peers, publishing.configured(tmp_path, peers, more=ASKED), url)
    for module in (app_context, posting, outlet_setup, preview_commands, pipeline_commands):
        if hasattr(module, "clock"):
            monkeypatch.setattr(module, "clock", lambda: world.now)
    return world


def test_a_poll_goes_with_the_weekly_post_on_both_platforms_and_with_no_other(world: World) -> None:
    assert world.publish(WEEK).exit_code is None or world.rows()
    (post,), (embed, poll) = world.peers.x.posts, world.peers.discord.messages
    question = "Will more than 5 models of Replicate be listed next week?"
    assert post["body"]["poll"] == {"options": ["More", "As many", "Fewer"], "duration_minutes": 5 * 24 * 60}
    assert question in post["sent"] and not post["media"], "on X a poll and a picture exclude each other"
    assert embed["embeds"] and not embed.get("poll")
    assert poll["poll"]["question"]["text"] == question and poll["poll"]["duration"] == 120
    assert poll["content"].startswith("Replicate, week of 3 to 9 March 2025: a poll of readers, not a measurement.")
    assert {(r["outlet"], r["part"], r["kind"], r["state"]) for r in world.rows()} == {
        ("x", 0, "post", "sent"), ("discord", 0, "post", "sent"), ("discord", 1, "poll", "sent")
    }  # fmt: skip
    world.run("publish", "--day", str(DAYS[9]))
    assert not any(row["body"].get("poll") for row in world.peers.x.posts[1:])
    assert sum("poll" in row for row in world.peers.discord.messages) == 1


def test_its_result_is_read_back_after_it_has_closed_and_told_in_the_next_weekly_digest(world: World) -> None:
    world.publish(WEEK)
    world.vote((6, 3, 1), (2, 0, 1))
    before = len(world.peers.x.requests)
    world.now = MONDAY + timedelta(days=4)
    world.run("publish")
    assert len(world.peers.x.requests) == before, "an open poll is nobody's business"
    world.now = MONDAY + timedelta(days=5, hours=1)
    world.run("publish")
    world.now = MONDAY + timedelta(days=7)
    world.publish(WEEK + timedelta(days=7))
    digest = world.digest(WEEK + timedelta(days=7))
    (panel,) = [block for block in digest["panels"] if block["catalogue"] == "polls"]
    figures = {key: figure["value"] for key, figure in panel["figures"].items()}
    assert figures["x_more_votes"] == 10 and figures["x_more_answer_1"] == 6
    assert figures["discord_more_votes"] == 3 and figures["discord_more_answer_3"] == 1
    assert {figure["evidence"] for figure in panel["figures"].values()} == {"a poll of readers, not a measurement"}
    assert all(
        digest["refs"][ref]["url"].startswith("https://") for f in panel["figures"].values() for ref in f["refs"]
    )
    result = world.peers.x.posts[-1]["sent"]
    assert "10 votes on X: More 6, As many 3, Fewer 1 (a poll of readers, not a measurement)." in result
    embed = world.peers.discord.messages[2]["embeds"][0]
    (field,) = [field for field in embed["fields"] if field["name"] == "Poll of readers, not a measurement"]
    assert "3 votes on Discord: More 2, As many 0, Fewer 1 (a poll of readers, not a measurement)." in field["value"]
    assert "Will more than 5 models" in field["value"]
    assert "polls" not in {block["catalogue"] for block in world.digest(WEEK)["panels"]}


def test_a_poll_that_a_wrong_clock_left_open_for_years_is_told_in_its_week(world: World) -> None:
    world.publish(WEEK, "--outlet", "discord")
    opened = store.open_store(world.url)
    with opened.write_transaction() as connection:
        far = datetime(2030, 1, 1, tzinfo=UTC)
        connection.execute(store.polls.update().values(closes=far, ask_at=far))
    opened.close()
    world.vote(None, (2, 0, 1))
    world.now = MONDAY + timedelta(days=6)
    world.run("publish")
    world.now = MONDAY + timedelta(days=7)
    world.publish(WEEK + timedelta(days=7), "--outlet", "discord")
    (panel,) = [b for b in world.digest(WEEK + timedelta(days=7))["panels"] if b["catalogue"] == "polls"]
    assert panel["figures"]["discord_more_votes"]["value"] == 3


def test_a_poll_is_told_in_english_whichever_channels_it_was_asked_in(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arabic = "200000000000000000"  # before the other one in every order
    world.peers.discord.channel(int(arabic))
    channels = f'[{{id: "{arabic}", locale: ar}}, "{publishing.CHANNEL}"]'
    counted = ASKED.replace("listed | figure }} models", "listed | measured }}").replace(
        '"As many"', '"{{ f.uses | measured }}"'
    )
    publishing.configured(tmp_path, world.peers, more=counted, channels=channels)
    world.publish(WEEK, "--outlet", "discord")
    rows = {int(row["channel_id"]): row for row in world.peers.discord.messages if row.get("poll")}
    question = rows[int(arabic)]["poll"]["question"]["text"]
    assert "5 نماذج" in question and "models" not in question
    assert "5 models" in rows[int(publishing.CHANNEL)]["poll"]["question"]["text"]
    for row in rows.values():
        world.peers.discord.vote(str(row["id"]), 1, 2, 3)
    for days in (6, 7):
        world.now = MONDAY + timedelta(days=days)
        world.publish(WEEK + timedelta(days=7), "--outlet", "discord")
    (panel,) = [b for b in world.digest(WEEK + timedelta(days=7))["panels"] if b["catalogue"] == "polls"]
    (result,) = panel["asked"]
    english = rows[int(publishing.CHANNEL)]["poll"]
    assert result["question"] == english["question"]["text"]
    assert [answer["answer"] for answer in result["answers"]] == [
        answer["poll_media"]["text"] for answer in english["answers"]
    ]
    assert (result["votes"], result["channels"], result["read"]) == (12, 2, 2)
    assert "جولة" not in json.dumps(panel, ensure_ascii=False) and "نماذج" not in json.dumps(panel, ensure_ascii=False)


def test_doctor_asks_for_send_polls_only_where_one_will_be_sent(world: World, tmp_path: Path) -> None:
    other = "200000000000000009"
    for channel in (publishing.CHANNEL, other):
        world.peers.discord.channel(int(channel), deny=discord_api.SEND_POLLS)
    weekly = """
schedule:
  - {{name: daily}}
  - {{name: weekly, period: week, destinations: ["{}"]}}
"""
    cases = {
        "": set(),
        ASKED: {publishing.CHANNEL, other},
        ASKED + weekly.format(other): {other},
        ASKED + "    outlets: [x]\n": set(),
        weekly.format(other): set(),
    }
    for more, lacking in cases.items():
        channels = f'["{publishing.CHANNEL}", "{other}"]'
        publishing.configured(tmp_path, world.peers, ("discord",), more=more, channels=channels)
        checks = json.loads(world.run("doctor", "--json").output)
        entries = {
            entry["check"].split()[-1]: entry for entry in checks if entry["check"].startswith("discord: channel")
        }
        assert {place for place, result in entries.items() if not result["ok"]} == lacking, more
        assert all(entries[place]["found"].endswith("lacks Send Polls") for place in lacking)
    for channel in (publishing.CHANNEL, other):
        world.peers.discord.channel(int(channel))


def test_the_site_and_a_terminal_tell_it_too_and_it_recomputes(world: World, tmp_path: Path) -> None:
    world.publish(WEEK)
    world.vote((6, 3, 1), (2, 0, 1))
    world.now = MONDAY + timedelta(days=6)
    world.run("publish")
    world.now = MONDAY + timedelta(days=7)
    world.publish(WEEK + timedelta(days=7))
    world.run("site", str(tmp_path / "site"))
    page = (tmp_path / "site/replicate/week/2025-03-10/index.html").read_text()
    assert "10 votes on X: More 6, As many 3, Fewer 1 (a poll of readers, not a measurement)" in page
    assert "Evidence: a poll of readers, not a measurement" in page
    shown = world.run("preview", "--outlet", "text", "--period", "week", "--day", "2025-03-10").output
    assert "10 votes on X: More 6" in shown and "a poll of readers, not a measurement" in shown
    verdict = world.run("verify", "2025-03-10", "--period", "week", "--network", "replicate")
    assert "match" in verdict.output and "mismatch" not in verdict.output.replace("0 mismatch", "")


def test_what_cannot_be_read_back_stays_unknown_with_its_reason_and_is_told_so(world: World) -> None:
    world.publish(WEEK)
    world.vote(None, (1, 1, 1))
    world.peers.x.polls.clear()
    world.now = MONDAY + timedelta(days=6)
    world.run("publish")
    world.now = MONDAY + timedelta(days=7)
    world.publish(WEEK + timedelta(days=7))
    (panel,) = [b for b in world.digest(WEEK + timedelta(days=7))["panels"] if b["catalogue"] == "polls"]
    votes = panel["figures"]["x_more_votes"]
    assert votes["value"] is None and votes["unknown"] == "X: the answer holds no poll with its votes"
    result = world.peers.x.posts[-1]["sent"]
    assert "On X the votes are unknown (a poll of readers, not a measurement)." in result
    assert panel["figures"]["discord_more_votes"]["value"] == 3


def test_a_count_that_is_not_final_is_not_kept_and_asked_for_again(world: World) -> None:
    world.publish(WEEK, "--outlet", "x")
    opened = store.open_store(world.url)
    kept = pipeline.make_outbox(opened).polls
    poll = world.peers.x.polls[str(world.peers.x.posts[0]["id"])]
    poll["options"][0]["votes"] = 9
    for hours, open_ in ((1, True), (2, True), (3, False)):
        poll["voting_status"] = "open" if open_ else "closed"
        world.now = MONDAY + timedelta(days=5, hours=hours)
        world.run("publish", "--outlet", "x")
        (poll_record,) = kept.closed_polls("replicate", MONDAY, MONDAY + timedelta(days=7))
        assert (poll_record.votes is None) == open_ and ("still being counted" in poll_record.reason) == open_
    assert poll_record.votes == (9, 0, 0)
    opened.close()


def test_a_poll_that_never_becomes_final_is_given_up_as_unknown(world: World) -> None:
    world.publish(WEEK, "--outlet", "x")
    world.now = MONDAY + timedelta(days=9)
    world.run("publish", "--outlet", "x")
    opened = store.open_store(world.url)
    outbox = pipeline.make_outbox(opened)
    (poll,) = outbox.polls.closed_polls("replicate", MONDAY, MONDAY + timedelta(days=7))
    assert poll.votes is None and poll.reason == "closed, but its count was never final"
    assert outbox.polls.due_polls(world.now + timedelta(days=99), ["x"]) == ()
    opened.close()


def test_a_correction_of_a_weekly_post_asks_nothing_again(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = f"sqlite:///{tmp_path / 'late.db'}"
    monkeypatch.setenv("DATABASE_URL", late)
    missing = date(2025, 3, 2)
    publishing.fill(late, tuple(day for day in DAYS if day != missing))
    world.publish(WEEK)
    opened = store.open_store(late)
    ledger.add_snapshot(opened, worlds.snapshot(missing, {f"o/m{n}": n + 1 for n in range(5)}))
    opened.close()
    world.publish(WEEK)
    assert sum("poll" in row for row in world.peers.discord.messages) == 1
    assert sum("poll" in row["body"] for row in world.peers.x.posts) == 1
    assert {row["edition"] for row in world.rows()} == {1, 2}


# --- what may be asked -----------------------------------------------------------------------------------------------


def wording(**more: Any) -> config.PollConfig:
    return config.PollConfig.model_validate({"name": "p", "question": "Which?", "answers": ["This", "That"], **more})


FACTS: dict[str, Any] = {
    "d": {"title": "Replicate", "network": "replicate"},
    "c": {
        "figures": {
            "uses": {"value": 1234567, "unit": "runs", "label": "runs"},
            "models_used": {"value": None, "unknown": "no reading", "unit": "models", "label": "models used"},
        }
    },
}


def test_numbers_come_from_figures_and_carry_their_separators() -> None:
    poll = polls.render_poll(wording(question="More than {{ f.uses | figure }} next week?"), FACTS, "discord")
    assert poll == Poll("More than 1,234,567 next week?", ("This", "That"), timedelta(days=5), "p")


@pytest.mark.parametrize(
    ("outlet", "more", "says"),
    [
        ("x", {"question": "More than 12?"}, "wanted digits only from"),
        ("x", {"question": "More than {{ f.models_used | figure }}?"}, "unknown or not there"),
        ("x", {"question": "{{ f.uses.value + 1 }}?"}, "add in a template"),
        ("x", {"answers": ["a" * 26, "b"]}, "26 characters, wanted 1 to 25"),
        ("discord", {"answers": ["a" * 56, "b"]}, "56 characters, wanted 1 to 55"),
        ("x", {"question": "word " * 40 + "?"}, "wanted 1 to 100"),
        ("x", {"question": "Is it on foo.io?"}, "which X would link"),
        ("x", {"answers": ["Same", "{{ 'Same' | constant }}"]}, "two answers are the same"),
        ("x", {"question": "{{ d.__class__ }}"}, "poll p: "),
    ],
)
def test_what_cannot_be_asked_is_said_in_one_line(outlet: str, more: dict[str, Any], says: str) -> None:
    with pytest.raises(PollSkippedError, match=says) as error:
        polls.render_poll(wording(**more), FACTS, outlet)
    assert "\n" not in str(error.value)


def test_mistakes_in_polls_are_found_when_the_configuration_is_read(tmp_path: Path) -> None:
    text = """
polls:
  - {name: one, question: "More than 12?", answers: [a, b]}
  - {name: one, question: "{{ f.uses ", answers: [a, b], networks: [nowhere]}
  - {name: two, question: "Yes?", answers: [a, b, c, d, e], lasts: 90m}
  - {name: three, question: "Yes?", answers: [a, "{{ f.uses.value * 2 }}"], outlets: [site]}
"""
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(config.ConfigError) as error:
        assert app_context.AppContext(tmp_path / "config.yaml").settings
    word = str(error.value)
    assert "polls.2.answers" in word and "polls.2.lasts" in word
    (tmp_path / "config.yaml").write_text(
        "\n".join(["outlets: {site: {}}", *text.splitlines()[:2], text.splitlines()[-1]])
    )
    with pytest.raises(config.ConfigError) as error:
        assert app_context.AppContext(tmp_path / "config.yaml").settings
    assert "polls.0.outlets: site: has no polls; those that have: discord, mastodon, x" in str(error.value)
    (tmp_path / "config.yaml").write_text("\n".join(text.splitlines()[:4]))
    with pytest.raises(config.ConfigError) as error:
        assert app_context.AppContext(tmp_path / "config.yaml").settings
    text = str(error.value)
    assert "polls.0.question: found 'More than 12?'" in text and "polls.1.question" in text
    assert "polls.1.name: found 'one' twice" in text and "polls.1.networks: nowhere: no such network" in text


def test_of_several_polls_each_week_asks_the_next() -> None:
    habits = pipeline.PostOptions(polls=(wording(name="a"), wording(name="b"), wording(name="c", networks=["other"])))
    weeks = [{"network": "replicate", "period": "week", "day": str(WEEK + timedelta(days=7 * n))} for n in range(4)]
    names = [poll.name for week in weeks if (poll := habits.poll_for(week, "x"))]
    assert sorted(names[:2]) == ["a", "b"] and names[:2] == names[2:]
    assert habits.poll_for({**weeks[0], "period": "day"}, "x") is None
    assert habits.poll_for(weeks[0], "site") is None


def test_votes_for_another_number_of_answers_are_no_result(world: World) -> None:
    world.publish(WEEK, "--outlet", "x")
    opened = store.open_store(world.url)
    outbox = pipeline.make_outbox(opened)
    (delivery,) = outbox.list_deliveries()
    outbox.polls.record_votes(delivery, Votes((1, 2), True), MONDAY)
    outbox.polls.record_votes(delivery, LookupInconclusive("later", None), MONDAY)
    (poll,) = outbox.polls.closed_polls("replicate", MONDAY, MONDAY + timedelta(days=7))
    assert (poll.votes, poll.reason) == (None, "found votes for 2 answers, wanted 3")
    opened.close()


def test_readers_alone_make_no_digest_worth_posting() -> None:
    block = {"catalogue": "polls", "figures": {"x_more_votes": {"value": 3, "label": "votes"}}}
    document = {
        "day": "2025-03-03", "last_day": "2025-03-09", "headline": {"catalogue": "m", "figure": "uses"},
        "catalogues": [{"catalogue": "m", "figures": {"uses": {"value": None, "unknown": "no", "label": "runs"}}}],
        "panels": [block],
    }  # fmt: skip
    assert not deliveries.publish_gate(document, MONDAY + timedelta(days=3), timedelta(hours=6)).publish
