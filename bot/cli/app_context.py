"""The context of a command (configuration, database, networks, clock), and the options that commands share."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, partial
from itertools import count
from pathlib import Path
from typing import Any

import click
from pydantic import SecretStr

from bot import config, ledger, pipeline, redaction, sources, store
from bot.archive import Archive
from bot.cli import config_mistakes
from bot.lake.layout import LakeSettings
from bot.queries import COLLECT, QueryContext, WatchedNetwork
from bot.queries.registry import DAY, NETWORK, PERIOD, QueryOption, parse_day
from bot.records import COMPARISON, FootfallError, Period, PeriodName
from bot.redaction import clip_text
from bot.sources import EventSource, Source

LATELY = 8
"""Days for which static listings are always stored: the change over a week needs them."""


class UsageError(FootfallError):
    """A command was called with something that is not possible."""

    exit_code = 2


clock = partial(datetime.now, UTC)
"""Now, UTC."""


@dataclass
class AppContext:
    """What commands work with; each part is created when it is first needed."""

    path: Path

    @cached_property
    def settings(self) -> config.LoadedConfig:
        from bot import outlets

        read = config.load(
            self.path,
            sources.settings_types(),
            outlets.settings_types(),
            self.secret_names,
            config_mistakes.headline_mistakes,
            config_mistakes.poll_mistakes,
        )
        redaction.register_secrets(secrets_of(read))
        for line in read.warnings:
            click.echo(line, err=True)
        return read

    @cached_property
    def secret_names(self) -> tuple[str, ...]:
        """The environment variables that hold our secrets."""
        from bot import outlets

        return tuple(dict.fromkeys([*sources.secret_names(), *outlets.secret_names()]))

    @property
    def known_secret_names(self) -> tuple[str, ...]:
        """Those, and the ones that blocks of networks and outlets name."""
        blocks = (*self.settings.config.networks.values(), *self.settings.config.outlets.values())
        return tuple(dict.fromkeys([*self.secret_names, *(key for block in blocks for key in block.secret_names)]))

    def network_secrets(self, name: str) -> dict[str, str]:
        """The secrets that a network may read, of those that are set."""
        wanted = sources.load_network(name, self.settings.config.networks[name]).SECRETS
        return {key: value for key in wanted if (value := self.settings.secret_value(key))}

    @property
    def secret_values(self) -> list[SecretStr]:
        """The values that must never be shown to anyone."""
        return secrets_of(self.settings)

    @cached_property
    def store(self) -> store.Store:
        return store.open_store(self.settings.database_url.get_secret_value(), self.lake_settings)

    @cached_property
    def lake_settings(self) -> LakeSettings:
        chosen = self.settings.config.lake
        place = chosen.place or str(self.settings.config.data / "lake")
        if self.settings.config.cluster and "://" not in place:
            place = str(Path(place).absolute())  # A worker may have another working directory.
        spill = str(self.settings.config.data / "spill")
        return LakeSettings(place, chosen.memory, chosen.exact_callers_up_to, spill, chosen.threads)

    @cached_property
    def executor(self) -> Executor:
        """Runs days in parallel: a cluster if one is configured, otherwise threads."""
        if chosen := self.settings.config.cluster:
            from bot.dask_executor import DaskExecutor, TlsFiles

            shown = TlsFiles(chosen.ca, chosen.cert, chosen.key) if chosen.ca and chosen.cert and chosen.key else None
            return DaskExecutor(chosen.address, shown)
        from concurrent.futures import ThreadPoolExecutor

        return ThreadPoolExecutor(self.settings.config.lake.threads, thread_name_prefix="footfall-days")

    def close(self) -> None:
        """Close the database and the executor, if they were opened."""
        if "executor" in self.__dict__:
            self.executor.shutdown(cancel_futures=True)
        if "store" in self.__dict__:
            self.store.close()

    @cached_property
    def archive(self) -> Archive:
        return Archive(self.store)

    @property
    def post_options(self) -> pipeline.PostOptions:
        """Which outlets post threads, the polls, and the site's address."""
        chosen = self.settings.config
        threads = {name for name, block in chosen.outlets.items() if getattr(block, "thread", False)}
        limits = {
            name: longest for name, block in chosen.outlets.items() if (longest := getattr(block, "characters", 0))
        }
        return pipeline.PostOptions(threads, chosen.polls, getattr(chosen.outlets.get("site"), "url", ""), limits)

    def shown_outlets(self) -> list[str]:
        """The outlets whose posts are shown where none is named: the configured ones, or the examples."""
        from bot import outlets

        enabled = {name for name, block in self.settings.config.outlets.items() if block.enabled}
        configured = [name for name in outlets.posting_outlets() if name in enabled]
        return configured or [name for name in outlets.posting_outlets() if outlets.post_format(name).example]

    def text_outlet(self) -> str:
        """The first of those outlets whose post is a text; that of a terminal if there is none."""
        from bot import outlets

        texts = [name for name in self.shown_outlets() if outlets.post_format(name).form != "embed"]
        return texts[0] if texts else "text"

    @cached_property
    def network_plans(self) -> Mapping[str, pipeline.NetworkPlan]:
        """Every enabled network."""
        chosen = {name: block for name, block in self.settings.config.networks.items() if block.enabled}
        return {name: self.make_plan(name, block) for name, block in chosen.items()}

    def make_plan(self, name: str, block: config.NetworkConfig) -> pipeline.NetworkPlan:
        """The plan of a network with these settings."""
        module = sources.load_network(name, block)
        headline = {"catalogue": block.headline.catalogue, "figure": block.headline.figure}
        closed = sources.is_closed(module, block, self.network_secrets(name))
        return pipeline.NetworkPlan(
            name,
            module.TITLE,
            module.CATALOGUES,
            headline,
            self.settings.config.hidden_names,
            sources.network_panels(module),
            closed,
        )

    def store_static_listings(self, name: str, since: date | None = None) -> None:
        """Store a network's static listings, from a day (or some days ago) up to yesterday."""
        until = clock().date() - timedelta(days=1)
        days = max(LATELY, min((until - since).days + 1, 400)) if since else LATELY
        for listing in sources.static_listings(name, self.settings.config.networks[name], until, days):
            ledger.add_snapshot(self.store, listing)

    @cached_property
    def comparison(self) -> pipeline.NetworkPlan | None:
        """How the networks are compared; `None` if there is only one."""
        return pipeline.comparison_plan(tuple(self.network_plans.values()))

    def network_plan(self, name: str) -> pipeline.NetworkPlan:
        """A network, or the comparison of all by its own name. Raises `UsageError`."""
        if name == COMPARISON:
            if self.comparison is None:
                raise UsageError(f"{name}: found {len(self.network_plans)} networks, wanted at least two to compare")
            return self.comparison
        if name not in self.network_plans:
            known = ", ".join(self.network_plans) or "none is configured"
            raise UsageError(f"{name}: no such network; known: {known}")
        return self.network_plans[name]

    def configured_plan(self, name: str) -> pipeline.NetworkPlan:
        """The plan of a network in `config.yaml`, enabled or not."""
        block = self.settings.config.networks.get(name)
        return self.make_plan(name, block) if block else self.network_plan(name)

    def selected_networks(self, name: str | None) -> list[pipeline.NetworkPlan]:
        """The named network, or each configured one."""
        if name is None and not self.network_plans:
            raise UsageError(f"{self.path}: networks: none is configured")
        return [self.network_plan(name)] if name else list(self.network_plans.values())

    def make_source(self, name: str) -> Source | EventSource:
        executor = self.executor if self.settings.config.cluster else None
        chosen = self.settings.config
        return sources.make_source(
            name, chosen.networks[name], chosen.data, self.network_secrets(name), clock, executor
        )

    @cached_property
    def query_context(self) -> QueryContext:
        watched = {
            name: WatchedNetwork(
                name,
                plan.title,
                plan.catalogues,
                sources.methodology_text(sources.load_network(name, self.settings.config.networks[name])),
                dict(plan.headline),
                plan.closed,
            )
            for name, plan in self.network_plans.items()
        }
        return QueryContext(
            self.store,
            self.archive,
            watched,
            self.settings.config.hidden_names,
            clock,
            self.settings.config.schedule,
            self.post_options.site_url,
            **self._page_choices(),
        )

    def _page_choices(self) -> dict[str, Any]:
        """Which models have a page on the site."""
        chosen = self.settings.config.outlets.get("site")
        return {name: getattr(chosen, name) for name in ("model_pages", "every_model") if hasattr(chosen, name)}

    def require_covered_period(self, plan: pipeline.NetworkPlan, day: date, name: PeriodName) -> Period:
        """The period that holds a day, if the ledger covers it. Raises `UsageError` otherwise."""
        self.query_context.refuse_future(day)
        period = Period.for_day(day, name)
        spans = [s for c in plan.catalogues if (s := ledger.closed_span(self.store, c)) is not None]
        if not spans:
            raise UsageError(f"{plan.network}: nothing was collected yet; {COLLECT}")
        first, last = min(s.first for s in spans), max(s.last for s in spans)
        if period.last < first or period.first > last:
            raise UsageError(f"{plan.network}: {day} is not covered; the ledger has {first} to {last}")
        if period.last > last:
            whole = f"the {name} of {day} ends {period.last}"
            raise UsageError(f"{plan.network}: {whole} and is not covered; the ledger has {first} to {last}")
        return period


def secrets_of(read: config.LoadedConfig) -> list[SecretStr]:
    """The secrets of a configuration, and those in the environment that libraries read by themselves."""
    address = read.database_url.get_secret_value()
    return [
        *read.secrets.values(),
        *map(SecretStr, ([address] if redaction.holds_secret(address) else []) + redaction.secret_environment_values()),
    ]


def pass_app_context(command: Callable[..., Any]) -> Callable[..., Any]:
    """Pass the command its `AppContext`, and close the database afterwards."""
    from functools import wraps

    @wraps(command)
    @click.pass_context
    def run(ctx: click.Context, /, *args: Any, **kwargs: Any) -> Any:
        parts = AppContext(ctx.obj)
        try:
            return ctx.invoke(command, parts, *args, **kwargs)
        finally:
            parts.close()

    return run


def query_option(option: QueryOption) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An option of a query as an option of a command."""
    kinds: dict[str, click.ParamType[Any]] = {"day": DayParam(), "number": click.IntRange(*option.limits)}
    kind = click.Choice(option.choices) if option.choices else kinds.get(option.kind, click.STRING)
    metavar = "NETWORK" if option.kind == "network" else None
    return click.option(
        f"--{option.name}", type=kind, metavar=metavar, default=option.default, show_default=True, help=option.help
    )


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


class DayParam(click.ParamType["date"]):
    """A day as YYYY-MM-DD."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        day = parse_day(value)
        return day or self.fail(f"found {value!r}, wanted a day as YYYY-MM-DD", param, ctx)


network_option, period_option, day_option = map(query_option, (NETWORK, PERIOD, DAY))


def print_json(value: object) -> None:
    import json

    unicode = (sys.stdout.encoding or "").lower().replace("-", "") in ("utf8", "utf16", "utf32")
    click.echo(json.dumps(value, ensure_ascii=not unicode, indent=2))


def print_result(document: object, lines: Iterable[str], as_json: bool) -> None:
    """Print a document as JSON, or the same as lines of text."""
    if as_json:
        print_json(document)
    else:
        for line in lines:
            click.echo(line)


@contextmanager
def progress_bar(title: str, total: int | None = None, summary: str = "") -> Iterator[Callable[[str], None]]:
    """A bar on a terminal, plain lines on standard error elsewhere. Call the yielded function after each step. With a
    `summary`, the number of steps is shown with it, in place of the lines."""
    if not sys.stderr.isatty():
        steps: list[str] = []
        yield steps.append if summary else lambda line: click.echo(line, err=True)
        if summary:
            click.echo(f"{len(steps):,} {summary}", err=True)
        return
    endless: Iterable[Any] | None = None if total is not None else count()
    with click.progressbar(
        endless, total, title, show_pos=True, item_show_func=_shown_step, file=sys.stderr, width=20
    ) as bar:
        yield lambda line: bar.update(1, line)


def _shown_step(line: object) -> str:
    """A step beside its bar, in one line of the terminal."""
    return clip_text(str(line or ""), max(20, shutil.get_terminal_size().columns - 70))
