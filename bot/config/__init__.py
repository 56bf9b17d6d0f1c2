"""Choices from `config.yaml` and secrets from the environment. Every mistake is listed, none stops the reading.

Sources and outlets declare their own settings as subclasses of `Network` and `Outlet`; `load` is handed those classes,
so that adding a file under `sources/` or `outlets/` needs no edit here. The nouns: `values` (how single ones are
spelled), `choice` (what every block is), `posts` and `blocks` (what may be chosen), `reading`.
"""

from bot.config.blocks import ClusterChoice, Config, Corrections, Discord, LakeChoice, Publish, Worker
from bot.config.choice import Choice, Headline, Network, Outlet
from bot.config.environment import FOREIGN_SECRETS, PROXY_NAMES, proxy_for, unset_blank
from bot.config.posts import WEEKDAYS, Poll, ScheduleEntry, Weekday
from bot.config.reading import ConfigError, Settings, load
from bot.config.values import DiscordId, Duration, Language, PrivateAddress, on_this_machine, parse_duration

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
