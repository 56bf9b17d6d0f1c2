"""Finds the outlets and makes them by name. Importing an outlet loads no heavy library."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from types import ModuleType

from pydantic import SecretStr

from bot import config
from bot.outlets.types import Outlet, OutletError


def outlet_names() -> tuple[str, ...]:
    """Every outlet, by name: the modules and packages of `bot.outlets` that declare a `TITLE`."""
    names = (module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return tuple(sorted(name for name in names if hasattr(load_module(name), "TITLE")))


def load_module(name: str) -> ModuleType:
    """An outlet's module: `TITLE`, `Settings`, `SECRETS`, `SETTLE`, `cost` and `make_outlet`."""
    return importlib.import_module(f"{__package__}.{name}")


def settings_types() -> dict[str, type[config.OutletConfig]]:
    """The settings of each outlet in `config.yaml`."""
    return {name: load_module(name).Settings for name in outlet_names()}


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
    """An outlet that is ready to post. `output_folder` is the folder of the site and the pictures. Raises `OutletError`
    with the missing `SECRETS`, before any request to the platform."""
    module = load_module(name)
    missing = [key for key in module.SECRETS if key not in secrets]
    if missing:
        raise OutletError(f"{name}: {', '.join(missing)} not set in the environment; without that nothing is posted")
    outlet: Outlet = module.make_outlet(settings, output_folder, {key: secrets[key] for key in module.SECRETS}, clock)
    return outlet
