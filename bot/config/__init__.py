"""Settings from `config.yaml` and secrets from the environment. All mistakes are reported at once.

Sources and outlets declare their settings as subclasses of `NetworkConfig` and `OutletConfig`, and `load` gets these
classes, so that a new network or outlet needs no edit here. `types` has the types of single values and the base of
every block, `schema` the blocks, and `loader` reads them.
"""

from bot.config.loader import FOREIGN_SECRETS, PROXY_NAMES, ConfigError, LoadedConfig, load, proxy_for, unset_blank
from bot.config.mistakes import MONITORING_VARIABLE, did_you_mean
from bot.config.schema import (
    WEEKDAYS,
    ClusterConfig,
    Config,
    CorrectionsConfig,
    DiscordConfig,
    LakeConfig,
    PollConfig,
    PublishConfig,
    ScheduleEntry,
    SiteChoice,
    WebConfig,
    Weekday,
    WorkerConfig,
)
from bot.config.types import (
    ConfigModel,
    DiscordId,
    Duration,
    HeadlineConfig,
    Language,
    NetworkConfig,
    OutletConfig,
    PrivateAddress,
    PublicApiConfig,
    on_this_machine,
    parse_duration,
)
