"""Choices from `config.yaml` and secrets from the environment. Every mistake is listed, none stops the reading.

Sources and outlets declare their own settings as subclasses of `NetworkConfig` and `OutletConfig`; `load` is handed
those classes, so that adding a file under `sources/` or `outlets/` needs no edit here. The nouns: `types` (how single
ones are spelled), `base` (what every block is), `schedule` and `schema` (what may be chosen), `loader`.
"""

from bot.config.base import ConfigModel, HeadlineConfig, NetworkConfig, OutletConfig
from bot.config.environment import FOREIGN_SECRETS, PROXY_NAMES, proxy_for, unset_blank
from bot.config.loader import ConfigError, LoadedConfig, load
from bot.config.schedule import WEEKDAYS, PollConfig, ScheduleEntry, Weekday
from bot.config.schema import (
    ClusterConfig,
    Config,
    CorrectionsConfig,
    DiscordConfig,
    LakeConfig,
    PublishConfig,
    WorkerConfig,
)
from bot.config.types import DiscordId, Duration, Language, PrivateAddress, on_this_machine, parse_duration
