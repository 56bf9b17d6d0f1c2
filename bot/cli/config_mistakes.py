"""Mistakes in `config.yaml` that the models of its blocks cannot see, because they need metrics or templates."""

from __future__ import annotations

from collections.abc import Iterator

from bot import config, outlets, sources


def headline_mistakes(network: str, block: config.NetworkConfig) -> Iterator[tuple[str, str]]:
    """A headline whose catalogue or figure does not exist: the key, and what was found and wanted."""
    from bot.metrics import METRICS

    known = {"catalogue": [c.key for c in sources.load_network(network, block).CATALOGUES], "figure": list(METRICS)}
    for key, wanted in known.items():
        choice = getattr(block.headline, key)
        if choice not in wanted:
            yield f"headline.{key}", f"found {choice!r}, wanted one of {', '.join(wanted)}"


def poll_mistakes(poll: config.PollConfig) -> Iterator[tuple[str, str]]:
    """An outlet without polls, and a template that cannot be rendered: the key, and what was found and wanted."""
    from bot.render import polls

    polled = [name for name in outlets.posting_outlets() if outlets.post_format(name).poll]
    for name in poll.outlets:
        if name in outlets.outlet_names() and name not in polled:
            yield "outlets", f"{name}: has no polls; those that have: {', '.join(polled)}"
    yield from polls.template_mistakes(poll)
