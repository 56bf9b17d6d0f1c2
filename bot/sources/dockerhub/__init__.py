"""Docker Hub offers open models as images in its namespace `ai`, for Docker Model Runner and whoever else pulls them.
It shows, without a key, how often each was pulled since it was registered.

**What is counted.** A model is a repository of the namespace whose content is a model; other repositories are left
out. Its *pulls* on a day are the difference of its counter between two nights, all tags together. Docker states the
counter and nobody outside can check it, so the evidence is *reported*. A pull is a download: by a person, a script or a
mirror, once or many times. It is not a run, so "models used" are models that were pulled.

**Where it comes from.** `/v2/namespaces/ai/repositories`, a documented address, read once a day soon after midnight
UTC: two pages. A list of the first hour closes the day before. The pages are kept, so that every figure can be checked
against them.

**What is not known.**

* Days before the first night that Footfall read: there is no history anywhere, and the first night has no use.
* What exactly adds one pull is not documented: each tag, each retry, each look at a manifest may.
* Counters come from a cache of unknown age, so some pulls of a day may stand in the next one. A night on which no
  counter moved is unknown; the next one has the pulls of both days together.
* A counter that fell was restated: the use of that model is unknown on that day.
* A repository that moves from page to page while the list is read: the list is read again until the number of names is
  the one that Docker Hub states, and is unknown if it never is.

Source: [Docker Hub](https://hub.docker.com/u/ai). No licence of these numbers was found; they are facts, read through
the documented address within its limits, as Docker's terms ask.
"""

from typing import TYPE_CHECKING

from bot.lazy_imports import lazy_attributes
from bot.records import Catalogue, message

if TYPE_CHECKING:
    from bot.sources.dockerhub.settings import DockerHubSettings as Settings
    from bot.sources.dockerhub.source import check_reachable, make_source, ref_checksum
else:
    __getattr__ = lazy_attributes(__name__, __file__)


TITLE = "Docker Hub"
CATALOGUES = (
    Catalogue(
        *("dockerhub", "models", "models", "pulls", "reported"),
        caveats=(message("source_reported", name="Docker Hub (hub.docker.com)"), message("pulls_are_downloads")),
    ),
)
SECRETS: tuple[str, ...] = ()
