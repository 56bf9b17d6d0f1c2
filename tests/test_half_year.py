"""Half a year on a clock that only the test moves: sources and platforms fail, the worker is killed and started again,
clocks change, a leap day passes. Then each day, week and month has exactly one post at each destination, or a recorded
reason why not, and each poll its result in the next weekly digest, or a reason.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from bot import charts, config, pipeline, schedule_times, store, worker
from bot.archive import Archive
from bot.config import PublishConfig, ScheduleEntry
from bot.deliveries import Delivery, OutboxPass, OutletHandle, PollRecord
from bot.outlets import (
    AccountRefused,
    Found,
    LookupInconclusive,
    NotFound,
    Outcome,
    OutcomeUnknown,
    Part,
    Refused,
    RetryLater,
    Sent,
    Votes,
)
from bot.records import CheckResult, Period, PeriodName, Picture, Snapshot, SourceError
from bot.worker.state import WorkerState
from tests.worlds import CATALOGUE, ONE, snapshot

FIRST = date(2023, 9, 30)
LAST = date(2024, 4, 14)
"""198 days to publish, with 29 February 2024 and both of Zurich's clock changes among them."""
PERIODS: tuple[PeriodName, ...] = ("day", "week", "month")
PLACES = (("site", "site"), ("text", "channel"))
ENTRIES = (
    ScheduleEntry.model_validate({"name": "early", "at": "02:30"}),
    ScheduleEntry.model_validate({"name": "zurich", "at": "02:30", "zone": "Europe/Zurich"}),
    ScheduleEntry.model_validate({"name": "weekly", "period": "week", "at": "02:30", "zone": "Europe/Zurich"}),
    ScheduleEntry.model_validate({"name": "monthly", "period": "month", "at": "02:30", "zone": "Europe/Zurich"}),
)
TARGETS: Mapping[str, pipeline.Targets] = {
    "early": {"site": ("site",)},
    "zurich": {"text": ("channel",)},
    "weekly": {"x": ("account",)},
    "monthly": {"x": ("account",)},
}
HABITS = pipeline.PostOptions(
    polls=(
        config.PollConfig.model_validate(
            {"name": "runs", "question": "More than {{ f.uses | figure }} next week?", "answers": ["More", "Fewer"]}
        ),
    )
)
VOTES = (5, 2)
ROUNDS = ((0, 45), (2, 35), (6, 10), (13, 0))
"""When the worker runs, each day (UTC)."""

FAULTS = (
    "away",
    "lost after",
    "lost before",
    "refuses one",
    "killed before",
    "killed after",
    "slow to show",
    "stopped",
)


class Killed(BaseException):
    """A kill of the process, like SIGKILL: nothing catches this."""


@dataclass
class Clock:
    now: datetime

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Weather:
    """What goes wrong on each day, drawn before the half-year begins."""

    source_out: set[date] = field(default_factory=set)
    worker_off: set[date] = field(default_factory=set)
    outlet: dict[tuple[date, str], str] = field(default_factory=dict)
    """Day and outlet to its fault on that day."""


SPECIAL = (date(2023, 10, 28), date(2023, 10, 29), date(2024, 2, 29), date(2024, 3, 30), date(2024, 3, 31))
"""The days around Zurich's clock changes, and the leap day: without faults, so that they are published."""
FAIR = {day + n * ONE for day in SPECIAL for n in range(3)}


def weather(seed: int) -> Weather:
    chance, weather = random.Random(seed), Weather()
    day = FIRST + 3 * ONE
    while day < LAST - 5 * ONE:
        kind = chance.random()
        length = chance.choice((1, 1, 1, 2, 4))
        stretch = {day + n * ONE for n in range(length)} - FAIR
        kind = 1.0 if day in FAIR else kind
        if kind < 0.07:
            weather.source_out |= stretch
        elif kind < 0.12:
            weather.worker_off |= stretch
        elif kind < 0.45:
            weather.outlet[day, chance.choice(("text", "site"))] = chance.choice(FAULTS)
        day += ONE
    more, faults = random.Random(seed + 1), itertools.cycle(FAULTS)
    for n in range((LAST - FIRST).days - 9):
        day = FIRST + (n + 3) * ONE
        if day not in FAIR and (day.weekday() == 0 or day.day == 1) and more.random() < 0.5:
            weather.outlet[day, "x"] = next(faults)
    return weather


@dataclass
class Network:
    """A source that only reports the present: a day whose midnight it missed stays unknown."""

    clock: Clock
    weather: Weather
    start: date = FIRST
    settles_for: timedelta = timedelta()

    def snapshots(self, wanted: Period | None) -> Iterator[Snapshot]:
        today = self.clock().date()
        if today in self.weather.source_out:
            raise SourceError("little: found no answer, wanted the list")
        number = (today - self.start).days
        if self.clock().hour == 0:
            yield snapshot(today - ONE, {f"o/m{n}": number * (n + 1) for n in range(4)})


@dataclass
class Platform:
    """The posts that readers see. It accepts duplicates, so that only our code can prevent them."""

    name: str
    clock: Clock
    weather: Weather
    accepted: list[tuple[str, str, datetime]] = field(default_factory=list)
    """Destination, marker, when."""
    calls: Counter[tuple[date, str]] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)
    """Faults that took effect."""
    closes: dict[str, datetime] = field(default_factory=dict)
    """The end of each poll, by its post."""

    def _fault(self) -> str:
        """Today's fault, on the first two calls of the day that it may affect."""
        today = self.clock().date()
        fault = self.weather.outlet.get((today, self.name), "")
        self.calls[today, fault] += 1
        return fault if self.calls[today, fault] <= (8 if fault in ("away", "slow to show") else 1) else ""

    def post(self, part: Part, destination: str) -> Outcome:
        fault = self._fault()
        self.met[fault] += 1
        if fault == "away" and self.clock().hour < 12:
            return RetryLater("503", self.clock() + timedelta(minutes=30))
        if fault == "refuses one":
            return Refused("the channel is gone")
        if fault == "stopped":
            return AccountRefused("402: no credits")
        if fault == "killed before":
            raise Killed
        if fault == "lost before":
            return OutcomeUnknown("time-out")
        self.accepted.append((destination, part.marker, self.clock()))
        if part.poll:
            self.closes[f"{self.name}-{len(self.accepted)}"] = self.clock() + part.poll.lasts
        if fault == "killed after":
            raise Killed
        if fault in ("lost after", "slow to show"):
            return OutcomeUnknown("time-out")
        return Sent(f"{self.name}-{len(self.accepted)}", f"https://{self.name}.example/{len(self.accepted)}")

    def find(self, part: Part, destination: str) -> Found:
        fault = self.weather.outlet.get((self.clock().date(), self.name), "")
        if fault == "slow to show" and self.clock().hour < 12:
            return LookupInconclusive("503", self.clock() + timedelta(minutes=10))
        shown = [
            n for n, (place, marker, _) in enumerate(self.accepted, 1) if (place, marker) == (destination, part.marker)
        ]
        return Sent(f"{self.name}-{shown[0]}", f"https://{self.name}.example/{shown[0]}") if shown else NotFound()

    def edit(self, part: Part, destination: str, platform_id: str) -> Outcome:
        return Sent(platform_id, f"https://{self.name}.example/{platform_id.rpartition('-')[2]}")

    def votes(self, destination: str, platform_id: str) -> Votes | LookupInconclusive:
        if self.clock().toordinal() % 11 == 0:
            return LookupInconclusive("503", self.clock() + timedelta(hours=20))
        if platform_id not in self.closes:
            return LookupInconclusive("no poll there", None)
        return Votes(VOTES, self.clock() >= self.closes[platform_id])

    def check(self, polled: Collection[str] = ()) -> list[CheckResult]:
        return [CheckResult(self.name, True, "works")]

    def close(self) -> None:
        pass


@dataclass
class HalfYear:
    """The worker through half a year, in as many processes as it takes."""

    url: str
    seed: int
    clock: Clock = field(init=False)
    platforms: dict[str, Platform] = field(init=False)
    processes: int = 0

    def __post_init__(self) -> None:
        self.clock = Clock(datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC) + ONE)
        self.weather = weather(self.seed)
        self.platforms = {name: Platform(name, self.clock, self.weather) for name in ("text", "site", "x")}
        self.plan = pipeline.NetworkPlan("replicate", "Little", (CATALOGUE,), {"catalogue": "models", "figure": "uses"})

    def process(self) -> tuple[worker.WorkCycle, store.Store]:
        """A new process: only the database and the world stay."""
        self.processes += 1
        name = f"worker {self.processes}"
        opened = store.open_store(self.url) if self.processes == 1 else store.Store(self.url)
        archive, outbox = Archive(opened), pipeline.make_outbox(opened)
        desk = pipeline.PublishContext(opened, archive, outbox, PublishConfig.model_validate({}), 0.01, HABITS)
        ready = {n: OutletHandle(p, timedelta(minutes=1), lambda _: Decimal(0)) for n, p in self.platforms.items()}
        bench = worker.WorkerContext(
            opened,
            desk,
            [(self.plan, Network(self.clock, self.weather))],
            ENTRIES,
            TARGETS,
            lambda: OutboxPass(
                outbox,
                ready,
                pipeline.DigestContentProvider(archive, outbox, habits=HABITS),
                self.clock,
                name,
                timedelta(minutes=15),
            ),
            self.clock,
            timedelta(minutes=15),
        )
        return worker.WorkCycle(bench, WorkerState(), name), opened

    def rounds(self, day: date) -> tuple[tuple[int, int], ...]:
        """The times of a day's cycles. Without faults, the later ones would have nothing to do."""
        faulty = {day for day, _ in self.weather.outlet} | self.weather.source_out | self.weather.worker_off
        if day in self.weather.worker_off:
            return ()
        return ROUNDS if faulty & {day, day - ONE} or day == FIRST + ONE else ROUNDS[:2]

    def pass_by(self) -> None:
        """Run the whole year."""
        step, opened = self.process()
        day = FIRST + ONE
        while day <= LAST + ONE:
            for hour, minute in self.rounds(day):
                self.clock.now = max(self.clock.now, datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC))
                try:
                    step.run_cycle()
                except Killed:
                    opened.close()
                    step, opened = self.process()
            day += ONE
        opened.close()


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> HalfYear:
    half_year = HalfYear(f"sqlite:///{tmp_path_factory.mktemp('half_year') / 'footfall.db'}", seed=12)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(charts, "draw_card", lambda *_: Picture("card.png", b"", "a card"))  # drawn elsewhere
        half_year.pass_by()
    return half_year


@pytest.fixture(scope="module")
def told(lived: HalfYear) -> dict[tuple[date, str, str], list[Delivery]]:
    """The deliveries of daily posts, by day and destination."""
    return posts_of(lived, "day")


def posts_of(lived: HalfYear, period: str) -> dict[tuple[date, str, str], list[Delivery]]:
    """The deliveries of posts of one kind of period, by its first day and destination."""
    opened = store.open_store(lived.url)
    posts = defaultdict(list)
    for delivery in pipeline.make_outbox(opened).list_deliveries():
        if delivery.kind == "post" and delivery.period == period:
            posts[delivery.day, delivery.outlet, delivery.destination].append(delivery)
    opened.close()
    return posts


Told = dict[tuple[date, str, str], list[Delivery]]


def days() -> list[date]:
    return [FIRST + n * ONE for n in range((LAST - FIRST).days + 1)]


def seen(lived: HalfYear, deliveries: Told) -> Counter[tuple[date, str, str]]:
    """The posts that readers saw, by day and destination."""
    markers = {delivery.marker: key for key, rows in deliveries.items() for delivery in rows}
    all_ = [marker for platform in lived.platforms.values() for _, marker, _ in platform.accepted]
    return Counter(markers[marker] for marker in all_ if marker in markers)


def test_each_day_has_one_post_at_each_destination_or_a_reason_why_not(lived: HalfYear, told: Told) -> None:
    shown = seen(lived, told)
    wrong = []
    for day in days():
        for place in PLACES:
            rows = told[day, *place]
            count = shown[day, *place]
            settled = [delivery for delivery in rows if delivery.state == "sent"]
            reasoned = rows and all(delivery.reason for delivery in rows if delivery.state != "sent")
            if not ((count == 1 and len(settled) == 1) or (count == 0 and not settled and reasoned)):
                wrong.append((day.isoformat(), place, count, [(delivery.state, delivery.reason) for delivery in rows]))
    assert not wrong


def excuses(lived: HalfYear, period: Period, outlet: str) -> list[str]:
    """The faults that leave a period without a post. Any other period must have one."""
    excuses, dark = [], lived.weather.source_out | lived.weather.worker_off
    if {period.first, period.last + ONE} & dark:
        excuses.append("nobody saw how it began or ended")
    after = [period.last + n * ONE for n in range(1, 4)]
    if any(lived.weather.outlet.get((day, outlet)) == "refuses one" for day in after):
        excuses.append("a post was refused")
    return excuses


def test_no_day_is_without_a_post_but_for_what_nobody_could_know_or_was_refused(lived: HalfYear, told: Told) -> None:
    shown = seen(lived, told)
    missing = [(day, place[0]) for day in days() for place in PLACES if not shown[day, *place]]
    excused = {key: excuses(lived, Period(key[0], key[0]), key[1]) for key in missing}
    assert not [key for key, why in excused.items() if not why]
    assert {why for each in excused.values() for why in each} == {
        "nobody saw how it began or ended",
        "a post was refused",
    }


def test_every_fault_of_the_half_year_was_met(lived: HalfYear, told: Told) -> None:
    met = sum((lived.platforms[name].met for name in ("text", "site")), Counter())
    assert met.keys() >= set(FAULTS)
    assert lived.platforms["x"].met.keys() >= set(FAULTS)
    assert lived.weather.source_out and lived.weather.worker_off
    kills = sum(
        platform.met[fault] for platform in lived.platforms.values() for fault in ("killed before", "killed after")
    )
    assert lived.processes == 1 + kills
    reasons = " ".join(delivery.reason for rows in told.values() for delivery in rows)
    assert "nothing is known" in reasons and "missed" in reasons and "the channel is gone" in reasons


def test_the_leap_day_and_the_days_of_clock_changes_are_published(lived: HalfYear, told: Told) -> None:
    shown = seen(lived, told)
    assert all(shown[day, *place] == 1 for day in SPECIAL for place in PLACES)


def test_nothing_goes_out_before_its_time(lived: HalfYear, told: Told) -> None:
    markers = {delivery.marker: key for key, rows in told.items() for delivery in rows}
    for platform in lived.platforms.values():
        for _, marker, at in platform.accepted:
            if marker not in markers:
                continue
            day, outlet, _ = markers[marker]
            entry = ENTRIES[0] if outlet == "site" else ENTRIES[1]
            due = next(run for run in schedule_times.next_runs(entry, at - 3 * ONE, 9) if run.date() > day)
            assert at >= due


def test_every_receipt_is_of_something_that_readers_saw(lived: HalfYear) -> None:
    opened = store.open_store(lived.url)
    archive = Archive(opened)
    kept = [r for day in days() for name in PERIODS for r in archive.digest_receipts("replicate", name, day)]
    shown = {
        (p.name, f"{p.name}-{n}", place)
        for p in lived.platforms.values()
        for n, (place, _, _) in enumerate(p.accepted, 1)
    }
    assert kept and {(r.outlet, r.platform_id, r.destination) for r in kept} <= shown
    opened.close()


# --- weeks and months ------------------------------------------------------------------------------------------------


def periods(name: PeriodName) -> list[Period]:
    """Those that begin within the half-year and are over within it."""
    every = {Period.for_day(day, name) for day in days()}
    return sorted(period for period in every if period.first >= FIRST + 2 * ONE and period.last <= LAST)


@pytest.mark.parametrize(("name", "count"), [("week", 28), ("month", 5)])
def test_each_week_and_month_has_one_post_or_a_reason_why_not(lived: HalfYear, name: PeriodName, count: int) -> None:
    deliveries = posts_of(lived, name)
    shown, wrong, silent = seen(lived, deliveries), [], 0
    assert len(periods(name)) == count
    for period in periods(name):
        rows, posts = deliveries[period.first, "x", "account"], shown[period.first, "x", "account"]
        settled = [delivery for delivery in rows if delivery.state == "sent"]
        reasoned = rows and all(delivery.reason for delivery in rows) and excuses(lived, period, "x")
        silent += not posts
        if not (posts == len(settled) == 1 or (posts == len(settled) == 0 and reasoned)):
            wrong.append((period.first.isoformat(), posts, [(delivery.state, delivery.reason) for delivery in rows]))
    assert not wrong
    assert 0 < silent < count / 2


def test_weekly_posts_go_out_at_their_time_in_zurich_on_both_sides_of_its_clock_changes(lived: HalfYear) -> None:
    posts = posts_of(lived, "week")
    markers = {delivery.marker: key[0] for key, rows in posts.items() for delivery in rows}
    entry = ENTRIES[2]
    hours = set()
    for _, marker, at in lived.platforms["x"].accepted:
        if marker in markers:
            due = next(
                run
                for run in schedule_times.next_runs(entry, at - 8 * ONE, 9)
                if run.date() > markers[marker] + 6 * ONE
            )
            assert due <= at
            hours.add(due.hour)
    assert hours == {0, 1}, "02:30 in Zurich is 01:30 UTC in winter and 00:30 in summer"


def test_every_week_that_was_posted_asked_its_poll_once(lived: HalfYear) -> None:
    posts = posts_of(lived, "week")
    shown = seen(lived, posts)
    posted = {day for (day, *_), count in shown.items() if count}
    days = [poll.day for poll in polls_of(lived)]
    assert len(days) == len(set(days)) > 14 and set(days) <= posted
    opened = store.open_store(lived.url)
    for day in sorted(posted - set(days)):
        document = Archive(opened).find_digest("replicate", "week", day)
        assert document is not None
        figure = document["catalogues"][0]["figures"]["uses"]
        assert figure["value"] is None and figure["unknown"], "the question shows this figure"
    opened.close()


def polls_of(lived: HalfYear) -> tuple[PollRecord, ...]:
    """Every posted poll, oldest first."""
    opened = store.open_store(lived.url)
    begins, ends = (datetime(year, 1, 1, tzinfo=UTC) for year in (2023, 2026))
    polls = pipeline.make_outbox(opened).polls.closed_polls("replicate", begins, ends)
    opened.close()
    return polls


def test_every_poll_of_the_half_year_is_told_in_the_digest_of_its_week_or_has_a_reason(lived: HalfYear) -> None:
    opened = store.open_store(lived.url)
    archive, number = Archive(opened), 0
    polls = [poll for poll in polls_of(lived) if Period.for_day(poll.closes.date(), "week").last <= LAST - ONE]
    for poll_record in polls:
        document = archive.find_digest("replicate", "week", Period.for_day(poll_record.closes.date(), "week").first)
        assert document is not None, poll_record
        (panel,) = [block for block in document["panels"] if block["catalogue"] == "polls"]
        votes = panel["figures"]["x_runs_votes"]
        assert votes["evidence"] == "a poll of readers, not a measurement"
        if votes["value"] is None:
            assert poll_record.votes is None and votes["unknown"] == poll_record.reason != "", (poll_record, votes)
        else:
            assert (poll_record.votes, votes["value"]) == (VOTES, sum(VOTES))
            number += 1
    opened.close()
    assert number > 0.9 * len(polls) > 10
