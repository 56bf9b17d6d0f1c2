"""The shipped alerts, tested by Prometheus's own tool: each fires when it must and is silent otherwise."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

RULES = Path(__file__).parents[1] / "deploy" / "alerts.yml"
WORKER = 'job="footfall", instance="a:9464"'
"""promtool begins at the epoch, so `time()` is the seconds since then."""
DAY = 86400
HEALTHY = {
    f"up{{{WORKER}}}": "1+0x4000",
    f"footfall_start_timestamp_seconds{{{WORKER}}}": "0+0x4000",
    f"footfall_heartbeat_timestamp_seconds{{{WORKER}}}": "0+60x4000",
    f"footfall_leader{{{WORKER}}}": "1+0x4000",
    f"footfall_database_up{{{WORKER}}}": "1+0x4000",
    f'footfall_behind_schedule_seconds{{{WORKER}, entry="daily"}}': "0+0x4000",
    f'footfall_outlet_ready{{{WORKER}, outlet="x"}}': "1+0x4000",
    f'footfall_outlet_paused{{{WORKER}, outlet="x"}}': "0+0x4000",
    f'footfall_deliveries{{{WORKER}, outlet="x", state="sent"}}': "1+0x4000",
    f'footfall_source_up{{{WORKER}, network="n"}}': "1+0x4000",
    f'footfall_day_deadline_timestamp_seconds{{{WORKER}, network="n"}}': f"{DAY + 3600}+0x4000",
    f'footfall_newest_digest_age_seconds{{{WORKER}, network="n", period="day"}}': "3600+0x4000",
    f'footfall_round_failures_total{{{WORKER}, step="round"}}': "0+0x4000",
    f'footfall_side_restarts_total{{{WORKER}, side="slash"}}': "0+0x4000",
    f'footfall_held_days{{{WORKER}, network="n", catalogue="models"}}': "0+0x4000",
    f'footfall_disk_free_bytes{{{WORKER}, folder="data"}}': "5e9+0x4000",
    f"footfall_disk_days_left{{{WORKER}}}": "700+0x4000",
}
"""A healthy worker, with a sample per minute."""


@dataclass(frozen=True)
class Case:
    """A fault, or something that only looks like one."""

    alert: str
    series: dict[str, str | None]
    """In place of the healthy series, by the beginning of their names; `None`: missing."""
    fires: int | None
    """Minutes after which it must have fired; `None`: never."""
    silent: int
    """Minutes until which it must be silent."""
    why: str

    def samples(self) -> dict[str, str]:
        left = {name: text for name, text in HEALTHY.items() if not any(name.startswith(key) for key in self.series)}
        return left | {
            key if "{" in key else next(name for name in HEALTHY if name.startswith(key)): text
            for key, text in self.series.items()
            if text is not None
        }


GONE: dict[str, str | None] = dict.fromkeys(("up", "footfall_"))
DEAD = GONE | {f"up{{{WORKER}}}": "1+0x30 0+0x3900", f"footfall_leader{{{WORKER}}}": "1+0x30 stale"}
TWO = 'job="footfall", instance="b:9464"'
CASES = (
    Case("FootfallTargetDown", DEAD, 45, 30, "the only worker is dead"),
    Case("FootfallTargetDown", {f"up{{{TWO}}}": "0+0x3900"}, 15, 0, "one that stands by is dead"),
    Case("FootfallTargetDown", {'up{job="other"}': "0+0x3900"}, None, 60, "somebody else's target"),
    Case("FootfallNobodyWorks", DEAD, 50, 30, "the only worker is dead"),
    Case("FootfallNobodyWorks", GONE, 20, 0, "there never was a worker"),
    Case("FootfallNobodyWorks", {"footfall_leader": "0+0x3900"}, 20, 0, "all stand by"),
    Case("FootfallNobodyWorks", {f"footfall_leader{{{TWO}}}": "0+0x3900"}, None, 60, "one of two stands by"),
    Case("FootfallNobodyWorks", {"footfall_leader": "1+0x5 0+0x5 1+0x3900"}, None, 60, "one takes over from another"),
    Case("FootfallStill", {"footfall_heartbeat": "0+60x10 600+0x3900"}, 60, 30, "it hangs"),
    Case("FootfallStill", {"footfall_heartbeat": None}, 40, 25, "it hangs in its first round"),
    Case("FootfallStill", {"footfall_heartbeat": "2e9+0x3900"}, 10, 0, "it hung when its clock was put back"),
    Case("FootfallRestarts", {"footfall_start": "0+300x3900"}, 30, 2, "it ends again and again"),
    Case("FootfallRestarts", {"footfall_start": "0+0x10 600+0x3900"}, None, 60, "it was restarted once"),
    Case("FootfallDatabaseAway", {"footfall_database_up": "0+0x3900"}, 10, 0, "it is away"),
    Case("FootfallDatabaseAway", {"footfall_database_up": "0+0x3 1+0x3900"}, None, 60, "it was away for a moment"),
    Case("FootfallBehind", {"footfall_behind": "0+60x3900"}, 390, 300, "it is late"),
    Case("FootfallBehind", {"footfall_behind": "0+60x200 0+0x3900"}, None, 600, "it was late"),
    Case("FootfallOutletNotReady", {"footfall_outlet_ready": "0+0x3900"}, 15, 5, "its keys are missing"),
    Case("FootfallOutletPaused", {"footfall_outlet_paused": "1+0x3900"}, 10, 0, "it is paused"),
    Case(
        "FootfallUnknownDelivery",
        {f'footfall_deliveries{{{WORKER}, outlet="x", state="unknown"}}': "1+0x3900"},
        130,
        60,
        "nobody can tell",
    ),
    Case(
        "FootfallRefused",
        {f'footfall_newest_refusal_timestamp_seconds{{{WORKER}, outlet="x"}}': "_x60 3600+0x3900"},
        62,
        58,
        "the first refusal ever",
    ),
    Case(
        "FootfallRefused",
        {f'footfall_newest_refusal_timestamp_seconds{{{WORKER}, outlet="direct"}}': "0+0x3900"},
        None,
        60,
        "a member closed direct messages",
    ),
    Case("FootfallDayAtRisk", {"footfall_source_up": "1+0x1410 0+0x3900"}, 1425, 1405, "out before midnight"),
    Case("FootfallDayAtRisk", {"footfall_source_up": "1+0x1441 0+0x3900"}, 1450, 1440, "out just after midnight"),
    Case("FootfallDayAtRisk", {"footfall_source_up": "0+0x300 1+0x3900"}, None, 1500, "it came back in time"),
    Case(
        "FootfallDayAtRisk",
        {"footfall_source_up": "0+0x3900", "footfall_day_deadline": None},
        None,
        1500,
        "a network whose days can be read later",
    ),
    Case("FootfallSourceOut", {"footfall_source_up": "1+0x10 0+0x3900"}, 110, 90, "it is out"),
    Case("FootfallSourceOut", {"footfall_source_up": "0+0x40 1+0x3900"}, None, 200, "it was out for a moment"),
    Case("FootfallDigestOld", {"footfall_newest_digest": "0+60x3900"}, 2200, 2100, "there is no newer one"),
    Case("FootfallFailing", {"footfall_round_failures": "0+1x3900"}, 30, 3, "it fails each minute"),
    Case("FootfallFailing", {"footfall_round_failures": "0+0x10 1+0x3900"}, None, 120, "it failed once"),
    Case("FootfallSideFalls", {"footfall_side_restarts": "0+1x3900"}, 30, 3, "it ends each minute"),
    Case("FootfallSideFalls", {"footfall_side_restarts": "0+0x10 1+0x3900"}, None, 120, "it ended once"),
    Case("FootfallDayHeld", {"footfall_held_days": "1+0x3900"}, 130, 110, "a day is held"),
    Case("FootfallDayHeld", {"footfall_held_days": "1+0x60 0+0x3900"}, None, 300, "a day was held and confirmed"),
    Case("FootfallDiskFilling", {"footfall_disk_days_left": "20+0x3900"}, 70, 50, "it is full in 20 days"),
    Case("FootfallDiskFull", {"footfall_disk_free": "1e8+0x3900"}, 15, 5, "little is left"),
)


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


@dataclass(frozen=True)
class Expectations:
    """What must hold of some samples: minute, alert, and number of alerts."""

    name: str
    samples: dict[str, str]
    counts: list[tuple[int, str, int]]

    @property
    def unit_tests(self) -> dict[str, Any]:
        """The content of a file of promtool's."""
        group = {
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in self.samples.items()],
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{alert}", alertstate="firing"}}) or vector(0)',
                    "eval_time": f"{minute}m",
                    "exp_samples": [{"labels": "{}", "value": count}],
                }
                for minute, alert, count in self.counts
            ],
        }
        return {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [group]}


def verdict(expected: list[Expectations], folder: Path) -> str:
    """What promtool says about each file that does not hold; one process takes all of them."""
    paths = [folder / f"{number}, {each.name}.yml" for number, each in enumerate(expected)]
    for path, each in zip(paths, expected, strict=True):
        path.write_text(json.dumps(each.unit_tests), encoding="utf-8")
    promtool = shutil.which("promtool")
    assert promtool, "make tools installs it"
    done = subprocess.run(
        [promtool, "test", "rules", *map(str, paths)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False,
    )  # fmt: skip
    parts = done.stdout.split("Unit Testing:")[1:]
    assert len(parts) == len(expected), done.stdout
    failures = [part for part in parts if "SUCCESS" not in part]
    assert bool(failures) == bool(done.returncode), done.stdout
    return "".join(failures)


def expectations(case: Case) -> Expectations:
    fires = [] if case.fires is None else [(case.fires, case.alert, 1)]
    return Expectations(f"{case.alert}: {case.why}", case.samples(), [(case.silent, case.alert, 0), *fires])


def test_each_alert_fires_when_it_must_and_not_before(tmp_path: Path) -> None:
    assert verdict([expectations(case) for case in CASES], tmp_path) == ""


def test_an_alert_that_fires_too_early_or_too_late_is_named(tmp_path: Path) -> None:
    """The cases would prove nothing if one could fail among the others."""
    early, late, right = (expectations(case) for case in CASES[:3])
    early.counts[0] = (45, "FootfallTargetDown", 0)
    late.counts[1] = (5, "FootfallTargetDown", 1)
    failures = verdict([early, late, right], tmp_path)
    assert early.name in failures and late.name in failures and right.name not in failures
    assert failures.count("got:") == 2


def test_where_nothing_is_wrong_every_alert_is_silent(tmp_path: Path) -> None:
    counts = [(minute, rule["alert"], 0) for rule in rules() for minute in (0, 60, 1000)]
    assert verdict([Expectations("healthy", HEALTHY, counts)], tmp_path) == ""


def test_every_alert_is_tried() -> None:
    names = {rule["alert"] for rule in rules()}
    assert {case.alert for case in CASES if case.fires is not None} == names


def test_the_series_of_the_cases_are_the_ones_that_the_alerts_read() -> None:
    """`tests/worker/test_worker.py` compares the series that alerts read with the worker's real ones."""
    text = " ".join(rule["expr"] for rule in rules())
    assert [name for name in HEALTHY if name.partition("{")[0] not in text] == []
