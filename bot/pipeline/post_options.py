"""What `config.yaml` says about posts: threads, polls and links."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from bot import config, render
from bot.records import COMPARISON, Document


@dataclass(frozen=True, slots=True)
class PostOptions:
    """The settings of threads, polls and links in `config.yaml`."""

    threads: Collection[str] = ()
    """Outlets that get all parts of a post, not only the first."""
    polls: Sequence[config.PollConfig] = ()
    site_url: str = ""
    """The public address of the site, for links where they are free; may be empty."""

    def page_url(self, document: Document) -> str:
        """The address of a digest's page; empty without a public site."""
        return render.page_url(self.site_url, document)

    def thread_range(self, outlet: str) -> range | None:
        """How many text parts a post may have."""
        return render.PARTS if outlet in self.threads else None

    def poll_for(self, document: Document, outlet: str) -> config.PollConfig | None:
        """The poll of a digest: only weekly digests have one, each week the next of those that fit."""
        network = document["network"]
        fitting = [p for p in self.polls if outlet in p.outlets and (not p.networks or network in p.networks)]
        if document["period"] != "week" or network == COMPARISON or not fitting:
            return None
        return fitting[date.fromisoformat(document["day"]).toordinal() // 7 % len(fitting)]
