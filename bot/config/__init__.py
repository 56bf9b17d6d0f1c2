"""Choices from `config.yaml` and secrets from the environment. Every mistake is listed, none stops the reading.

Sources and outlets declare their own settings as subclasses of `Network` and `Outlet`; `load` is handed those classes,
so that adding a file under `sources/` or `outlets/` needs no edit here. The nouns: `types` (how single ones are
spelled), `base` (what every block is), `schedule` and `schema` (what may be chosen), `loader`.
"""

from bot.config.base import Choice, Headline, Network, Outlet
from bot.config.environment import FOREIGN_SECRETS, PROXY_NAMES, proxy_for, unset_blank
from bot.config.loader import ConfigError, Settings, load
from bot.config.schedule import WEEKDAYS, Poll, ScheduleEntry, Weekday
from bot.config.schema import ClusterChoice, Config, Corrections, Discord, LakeChoice, Publish, Worker
from bot.config.types import DiscordId, Duration, Language, PrivateAddress, on_this_machine, parse_duration

__all__ = [
    "FOREIGN_SECRETS",
    "PROXY_NAMES",
    "WEEKDAYS",
    "Choice",
    "ClusterChoice",
    "Config",
    "ConfigError",
    "Corrections",
    "Discord",
    "DiscordId",
    "Duration",
    "Headline",
    "LakeChoice",
    "Language",
    "Network",
    "Outlet",
    "Poll",
    "PrivateAddress",
    "Publish",
    "ScheduleEntry",
    "Settings",
    "Weekday",
    "Worker",
    "load",
    "on_this_machine",
    "parse_duration",
    "proxy_for",
    "unset_blank",
]
