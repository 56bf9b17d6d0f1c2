"""The entries of `schedule` and the questions of `polls`."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from bot.config.types import ConfigModel, Duration, Text, TimeOfDay
from bot.records import PeriodName

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[str, ...] = get_args(Weekday)


class ScheduleEntry(ConfigModel):
    """One regular post."""

    name: str = Field(min_length=1, max_length=60, description="name in the logs and in `schedule`; each name once")
    period: PeriodName = Field("day", description="day, week or month; each run publishes the newest one that is over")
    at: TimeOfDay = Field(time(2, 30), description='time of day as "HH:MM"')
    zone: str = Field("UTC", description="IANA time zone of `at`, such as Europe/Zurich")
    weekday: Weekday | None = Field(None, description="for a weekly post: monday to sunday; monday by default")
    day: int | None = Field(
        None, ge=1, le=28, description="for a monthly post: day of the month, 1 to 28; 1 by default"
    )
    networks: tuple[str, ...] = Field((), description="networks to publish; all configured ones by default")
    outlets: tuple[str, ...] = Field((), description="outlets to post to; all configured ones by default")
    destinations: tuple[Text, ...] = Field(
        (), description="channels and accounts to post to; all destinations of these outlets by default"
    )

    @property
    def isoweekday(self) -> int:
        """The weekday of a weekly post, Monday 1 to Sunday 7."""
        return WEEKDAYS.index(self.weekday or "monday") + 1

    @field_validator("zone")
    @classmethod
    def _require_known_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("wanted an IANA time zone, such as UTC or Europe/Zurich") from error
        return zone

    @model_validator(mode="after")
    def _fits_its_period(self) -> ScheduleEntry:
        if self.weekday and self.period != "week":
            raise ValueError(f"weekday is for period: week, found period: {self.period}")
        if self.day and self.period != "month":
            raise ValueError(f"day is for period: month, found period: {self.period}")
        return self


class PollConfig(ConfigModel):
    """A question to readers that goes with the weekly post; see docs/operate.md."""

    name: str = Field(
        pattern=r"^[a-z][a-z0-9_]{0,29}$", description="name of the poll, the same from week to week; each name once"
    )
    networks: tuple[str, ...] = Field(
        (), description="networks whose weekly post has the poll; all configured ones by default"
    )
    outlets: tuple[Literal["x", "discord"], ...] = Field(("x", "discord"), description="outlets that post the poll")
    question: str = Field(min_length=1, max_length=600, description="a template over the digest, with `d`, `c` and `f`")
    answers: tuple[Annotated[str, Field(min_length=1, max_length=300)], ...] = Field(
        min_length=2, max_length=4, description="2 to 4 templates; X shows 25 characters of each, Discord 55"
    )
    lasts: Duration = Field(
        timedelta(days=5),
        ge=timedelta(hours=1),
        le=timedelta(days=7),
        description="how long the poll is open, in whole hours; the digest of the week in which it closes reports the "
        "result",
    )

    @field_validator("lasts")
    @classmethod
    def _whole_hours(cls, lasts: timedelta) -> timedelta:
        if lasts % timedelta(hours=1):
            raise ValueError("wanted whole hours: Discord counts in them")
        return lasts
