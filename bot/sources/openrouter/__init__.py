"""OpenRouter passes requests on to hundreds of models of many providers. It publishes each night how many tokens its 50
most used models handled on each of the last 30 days, and everything beyond them in one line.

**What is counted.** A token is a piece of text that went in or came out, by the tokenizer of its model; so tokens of
two models are not the same unit to the last digit. OpenRouter states these numbers, so the evidence is *reported*.
Variants of a model, such as `:free` and `:batch`, are one model here. Models under `stealth/` are test models whose
makers are not named. A day is a UTC day.

**Where it comes from.** The export *rankings-daily*: dated files that never change, with their size and SHA-256 in a
manifest, both checked. Each day is taken from the newest file that holds it. The last two or three days change by a few
hundredths of a percent in later files; they then get a new edition. Without a key the days since 20 August 2026 can be
read; with `OPENROUTER_API_KEY`, those since 1 January 2025. The models on offer are those of the public list.

**What is not known.**

* How many models were used: the export names 50 rows a day. "Models used" is *at least* those of them that are listed;
  idle models cannot be named. Ranked models that are not on the list (withdrawn, or served to some accounts only) are
  part of all use and of no figure about listed models.
* A share of the most used models is *at least* what is shown, because a variant of one of them may be in the rest. The
  effective number of models depends on how many models the rest is; its reason says the range.
* 15 June and 15 July 2025 have no numbers. They are unknown and not zero.
* Private models, private endpoints and traffic without retention are not counted by OpenRouter. Requests are not
  published.

Source: [OpenRouter](https://openrouter.ai), licensed under
[CC BY 4.0](https://creativecommons.org/licenses/by/4.0/).
"""

from typing import TYPE_CHECKING

from bot.lazy_imports import lazy_attributes
from bot.records import Catalogue, message

if TYPE_CHECKING:
    from bot.sources.openrouter.settings import OpenRouterSettings as Settings
    from bot.sources.openrouter.source import check_reachable, make_source, ref_checksum, responds
else:
    __getattr__ = lazy_attributes(__name__, __file__)


TITLE = "OpenRouter"
CATALOGUES = (
    Catalogue(
        *("openrouter", "models", "models", "tokens", "reported"),
        evidences=("reported",),
        place="the rankings of OpenRouter",
        ranked=True,
        caveats=(
            message("source_licensed", name="OpenRouter (openrouter.ai)", rest="CC BY 4.0"),
            message("tokenizers_differ"),
        ),
    ),
)
SECRETS = ("OPENROUTER_API_KEY",)
