"""The LLMs that OpenGradient serves in enclaves, and one canonical name for each.

No public list can be read at run time (`/v1/models` was removed on 23 Mar 2026), so this is a copy of the gateway's
registry with its date. Models that joined or left later are set in `config.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta

from bot.records import Listing, SafeName, Snapshot, SourceRef, message, model_identity, start_of_day
from bot.sources.opengradient.settings import OpenGradientSettings

AS_OF = "2026-09-21"
"""The registry is of this day or later: hermes-4-70b left it on that day."""
SOURCE = "https://github.com/OpenGradient/tee-gateway/blob/0110742/tee_gateway/model_registry.py"
"""71 entries: 61 text models, 10 image models."""

TEXT = {
    "openai": """gpt-4.1 gpt-4.1-mini gpt-4.1-nano o3 o4-mini gpt-5 gpt-5-mini gpt-5.2 gpt-5.4 gpt-5.4-mini
        gpt-5.4-nano gpt-5.5 gpt-5.6-sol gpt-5.6-terra gpt-5.6-luna gpt-6-astra""",
    "anthropic": """claude-sonnet-4-5 claude-sonnet-4-6 claude-sonnet-5 claude-haiku-4-5 claude-opus-4-5
        claude-opus-4-6 claude-opus-4-7 claude-opus-4-8 claude-opus-5 claude-fable-5 claude-fable-5-1""",
    "google": """gemini-2.5-flash gemini-2.5-pro gemini-2.5-flash-lite gemini-3-flash-preview gemini-3.1-pro-preview
        gemini-2.5-flash-image gemini-3.1-flash-image gemini-3.5-flash gemini-3.5-flash-lite gemini-3.6-flash
        gemini-3.7-flash gemini-3.8-flash""",
    "x-ai": """grok-4.6 grok-4.5 grok-4.3 grok-4.20-reasoning grok-4.20-non-reasoning grok-4 grok-4-fast grok-4-1-fast
        grok-4-1-fast-non-reasoning grok-code-fast-1 grok-3 grok-3-mini""",
    "bytedance": """seed-1.6 seed-1.8 seed-2.0-lite dola-seed-2.0-mini deepseek-v4-flash deepseek-v4-pro glm-5.2""",
    "openrouter": "hy4-preview hermes-4-405b hy3",
}
IMAGES = {
    "openai": "gpt-image-2 gpt-image-2.5-flare gpt-image-2.5-sunburst",
    "x-ai": "grok-2-image grok-imagine-image-2.0",
    "bytedance": "seedream-4.0 seedream-5.0-lite seedance-4.5 seedance-5.0",
    "zai": "glm-image",
}
"""By provider, as the registry names it."""

RETIRED = frozenset(
    {
        *("grok-4", "grok-4-fast", "grok-4-1-fast", "grok-4-1-fast-non-reasoning", "grok-code-fast-1"),
        *("grok-3", "grok-3-mini"),
    }
)
"""Still in the registry, but redirected to a newer model: offered by name only."""

ALIASES = {
    "gpt-4.1-2025-04-14": "gpt-4.1",
    "gpt-5.6": "gpt-5.6-sol",
    "gpt-image-2.5": "gpt-image-2.5-flare",
    "claude-fable-5.1": "claude-fable-5-1",
    "claude-haiku-4-5-20251001": "claude-haiku-4-5",
    "claude-opus-4-5-20251101": "claude-opus-4-5",
    "grok-4.5-latest": "grok-4.5",
    "grok-4.1-fast": "grok-4-1-fast",
    "grok-3-beta": "grok-3",
    "grok-3-mini-beta": "grok-3-mini",
    "grok-2-image-1212": "grok-2-image",
    "grok-2-image-latest": "grok-2-image",
    "grok-imagine-image": "grok-2-image",
    "grok-imagine-image-2026-03-02": "grok-2-image",
    "hy3:floor": "hy3",
    "hy4": "hy4-preview",
}
"""Aliases that the gateway accepts, without prefix."""

_PREFIX = re.compile(r"(openai|anthropic|google|x-ai|bytedance|nous|nousresearch|tencent|zai)/")
"""The prefixes of SDK ids (opengradient 1.1.4, `TEE_LLM`) and of the gateway's own calls."""
_SEED = re.compile(r"seed-1-6-[0-9]{6}")


def canonical_name(raw: str) -> SafeName:
    """The registry's name for a model; a name that the registry does not know stays as it is."""
    name = raw[match.end() :] if (match := _PREFIX.match(raw)) else raw
    if _SEED.fullmatch(name):
        return SafeName("seed-1.6")
    return model_identity(ALIASES.get(name, name))


def llm_listings(added: Iterable[str] = (), removed: Iterable[str] = ()) -> tuple[Listing, ...]:
    """The models on offer, by name. `added` are `provider/name`, `removed` are names, both from `config.yaml`."""
    gone = {canonical_name(name) for name in removed}
    listed = {
        SafeName(model): Listing(SafeName(model), SafeName(provider), category=SafeName(category))
        for category, providers in (("text", TEXT), ("image", IMAGES))
        for provider, models in providers.items()
        for model in models.split()
    }
    for each in added:
        provider, _, model = each.rpartition("/")
        listed.setdefault(canonical_name(model), Listing(canonical_name(model), model_identity(provider)))
    return tuple(listed[name] for name in sorted(listed) if name not in gone)


def static_listings(settings: OpenGradientSettings, until: date, days: int = 1) -> tuple[Snapshot, ...]:
    """The list of LLMs from the code, as of the end of each of the `days` up to `until`."""
    since = date.fromisoformat(AS_OF)
    listed = llm_listings(settings.added_llms, settings.removed_llms)
    gone = sum(listing.model in RETIRED for listing in listed)
    note = message("llm_registry", day=since, n=gone)
    ref = SourceRef(SOURCE, start_of_day(since))
    wanted = (until - timedelta(days=n) for n in range(days, -1, -1))
    return tuple(
        Snapshot("opengradient", "llm", start_of_day(day + timedelta(days=1)), ref, listed, note=note, closes=day)
        for day in wanted
        if day >= since
    )
