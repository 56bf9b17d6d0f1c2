"""Hugging Face lists millions of models. Some thousand of them are on offer for inference by a provider, and of these
Footfall watches how often their files were downloaded from the Hub; no key is needed.

**What is counted.** A model is on offer if the Hub lists it for `inference_provider`: all providers, or the one that
`config.yaml` names; with `author`, the models of one organisation instead. Its *downloads* on a day are the difference
of its counter `downloadsAllTime` between two nights. Hugging Face states the counter, so the evidence is *reported*. A
download is a request for one of the files by which the Hub counts (by default `config.json`), by a person, a script or
a test run, without any removal of doubles. It is not an inference and says nothing about use at the provider, so
"models used" are models that were downloaded.

**Where it comes from.** `/api/models`, page by page as the header `Link` says, once a day soon after midnight UTC. A
list of the first hour closes the day before. The pages are kept, so that every figure can be checked against them. The
other counter, `downloads`, covers 30 rolling days; its difference is no day's use and is not read.

**What is not known.**

* Days before the first night that Footfall read; the first night has no use.
* The counters are updated about once a day, and some nights not at all. A night on which none of them moved is unknown;
  the next one has the downloads of both days together.
* A counter of 0 may belong to a model without a file that counts, so it is unknown and not idle.
* Counters have fallen from one day to the next. The use of such a model is unknown on that day; where many fall, the
  list of that night is held.
* Use at the providers: no count of it by model was found that can be read without a key.

Source: [Hugging Face](https://huggingface.co/models). No licence of these numbers was found; they are facts, shown with
their source named.
"""

from typing import TYPE_CHECKING

from bot.lazy_imports import lazy_attributes
from bot.records import Catalogue, message

if TYPE_CHECKING:
    from bot.sources.huggingface.settings import HuggingFaceSettings as Settings
    from bot.sources.huggingface.source import check_reachable, make_source, ref_checksum
else:
    __getattr__ = lazy_attributes(__name__, __file__)


TITLE = "Hugging Face"
CATALOGUES = (
    Catalogue(
        *("huggingface", "models", "models on offer for inference", "downloads", "reported"),
        caveats=(message("source_reported", name="Hugging Face (huggingface.co)"), message("downloads_are_fetches")),
    ),
)
SECRETS: tuple[str, ...] = ()
