"""One package a platform. The rule: an outlet gets one part for one destination and answers the one question that
matters: did it go out, and may it be tried again? It reads no database, renders no text, chooses no day and never
sleeps.

`types` has an outlet's input and results, `post_format` what a post is, `http_calls` a bounded HTTP client; the
functions here find the outlets and make one by its name. Importing an outlet loads no heavy library. To add an outlet,
add a package or module here. It declares `TITLE`, `Settings` (its keys in `config.yaml`), `SECRETS` (the environment
variables that it reads), `FORMAT` (what a post is), `SETTLE` (how long until a look-back can be trusted) and `cost` (a
part's estimated cost), and `make_outlet` makes it; its docstring is its page in the docs. An outlet that is not posted
to part by part, such as the site, has only the first three.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from types import ModuleType

from pydantic import SecretStr

from bot import config
from bot.lazy_imports import LazyMapping
from bot.outlets.post_format import PollFormat, PostFormat
from bot.outlets.types import (
    REASON_LIMIT,
    AccountRefused,
    BulkOutlet,
    CrosspostOutlet,
    Found,
    Job,
    LookupInconclusive,
    NotFound,
    Outcome,
    OutcomeUnknown,
    Outlet,
    OutletError,
    Part,
    PollOutlet,
    ReceiptShowingOutlet,
    Refused,
    RetryLater,
    Sent,
    Timed,
    Votes,
    part_marker,
    redact_reason,
)

_SHARED = frozenset({"http_calls", "post_format", "types"})
"""Modules that outlets share. They are not imported to look for a `TITLE`, because httpx takes time to import."""


def outlet_names() -> tuple[str, ...]:
    """Every outlet, by name: the modules and packages of `bot.outlets` that declare a `TITLE`."""
    names = {module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])} - _SHARED
    return tuple(sorted(name for name in names if hasattr(load_module(name), "TITLE")))


def load_module(name: str) -> ModuleType:
    """An outlet's module: `TITLE`, `Settings`, `SECRETS`, `FORMAT`, `SETTLE`, `cost` and `make_outlet`."""
    return importlib.import_module(f"{__package__}.{name}")


@cache
def post_format(name: str) -> PostFormat:
    """What a post on an outlet is. Raises `KeyError` if nothing is posted there part by part."""
    if name not in posting_outlets():
        raise KeyError(f"there are no posts for {name}; known: {', '.join(posting_outlets())}")
    declared: PostFormat = load_module(name).FORMAT
    return declared


def corrects_by_post(name: str) -> bool:
    """Whether a post that can no longer be edited is corrected by a second one. Elsewhere it is edited or left."""
    return name in posting_outlets() and post_format(name).correction != "edit"


@cache
def posting_outlets() -> tuple[str, ...]:
    """The outlets that get posts part by part."""
    return tuple(name for name in outlet_names() if hasattr(load_module(name), "FORMAT"))


def settings_types() -> Mapping[str, type[config.OutletConfig]]:
    """What `config.yaml` may say under `outlet_names`."""
    return LazyMapping(outlet_names(), lambda name: load_module(name).Settings)


def secret_names() -> tuple[str, ...]:
    """Every environment variable that an outlet reads."""
    return tuple(key for name in outlet_names() for key in load_module(name).SECRETS)


def make_outlet(
    name: str,
    settings: config.OutletConfig,
    output_folder: Path,
    secrets: Mapping[str, SecretStr],
    clock: Callable[[], datetime],
) -> Outlet:
    """An outlet ready to post. `output_folder` is the folder that the site and the pictures are written to. Raises
    `OutletError` with the missing `SECRETS`, before anything is asked of the platform."""
    module = load_module(name)
    names = {*module.SECRETS, *settings.secret_names}
    missing = sorted(key for key in names if key not in {*secrets, *settings.unused_secrets})
    if missing:
        raise OutletError(f"{name}: {', '.join(missing)} not set in the environment; without that nothing is posted")
    outlet: Outlet = module.make_outlet(
        settings, output_folder, {key: secrets[key] for key in names & secrets.keys()}, clock
    )
    return outlet
