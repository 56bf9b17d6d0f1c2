"""What `config.yaml` says about posts: threads, polls and links."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from bot import config, outlets, render
from bot.records import COMPARISON, Document


@dataclass(frozen=True, slots=True)
class PostOptions:
    """The settings of threads, polls and links in `config.yaml`."""

    threads: Collection[str] = ()
    """Outlets that get all parts of a post, not only the first."""
    polls: Sequence[config.PollConfig] = ()
    site_url: str = ""
    """The public address of the site, for links where they are free; may be empty."""
    limits: Mapping[str, int] = field(default_factory=dict)
    """Outlet to its longest text, where the settings say another than the outlet's format."""

    def page_url(self, document: Document) -> str:
        """The address of a digest's page; empty without a public site."""
        return render.page_url(self.site_url, document)

    def thread_range(self, outlet: str) -> range | None:
        """How many text parts a post may have."""
        return render.PARTS if outlet in self.threads else None

    def poll_for(self, document: Document, outlet: str) -> config.PollConfig | None:
        """The poll of a digest: only weekly digests have one, each week the next of those that fit."""
        network = document["network"]
        named = [p for p in self.polls if not p.outlets or outlet in p.outlets]
        fitting = [p for p in named if not p.networks or network in p.networks]
        without = outlet not in outlets.posting_outlets() or outlets.post_format(outlet).poll is None
        if document["period"] != "week" or network == COMPARISON or not fitting or without:
            return None
        return fitting[date.fromisoformat(document["day"]).toordinal() // 7 % len(fitting)]
