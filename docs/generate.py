"""Generates the pages of `docs/` that come from the code: metrics, networks, commands, configuration, API.

`--check` writes nothing and fails if a page is not up to date.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import time, timedelta
from pathlib import Path
from typing import Any, get_args

import click
from pydantic import BaseModel

HERE = Path(__file__).parent
NOTE = "<!-- Made by `make docs` from the code; edit that. -->\n"


def metrics() -> str:
    """Every metric with its definition."""
    from bot.metrics import METRICS

    rows = [
        f"| `{m.key}` | {m.unit} | {', '.join(p for p in ('day', 'week', 'month') if p in m.periods)} | {m.definition} |"
        for m in METRICS.values()
    ]
    head = (
        "Where a metric's unit is `uses`, it is counted in what the catalogue calls one use: runs, inferences, tokens. A `ratio` is\n"
        "one number divided by another: of a change, 0.05 is 5% more; `uses_per_listed` is a plain number, such as runs per model."
    )
    return "\n".join(["# Metrics", "", head, "", "| key | unit | periods | definition |", "|---|---|---|---|", *rows])


def networks() -> str:
    """Every network's methodology, from the docstring of its source."""
    from bot import sources

    parts = ["# Networks"]
    for name in sources.network_names():
        module = sources.load_module(name)
        rows = [f"| `{c.key}` | {c.title} | {c.unit} | {c.evidence} |" for c in module.CATALOGUES]
        table = "\n".join(["| catalogue | lists | unit | evidence |", "|---|---|---|---|", *rows])
        parts += [f"## {module.TITLE} (`{name}`)", sources.methodology_text(module), table]
    return "\n\n".join(parts)


_CORRECTIONS = {
    "edit": "by editing the post",
    "post": "by editing the post; later by a second post, if the headline moved enough",
    "reply": "by editing the post where that is possible; otherwise by a reply to it, if the headline moved enough",
}
_LINKS = {"none": "no link", "address": "its address", "words": "words that carry its address"}
_BODIES = {"text": "a text", "embed": "an embed with fields", "data": "a text, and the figures as data"}


def outlets() -> str:
    """Every outlet: its docstring, and what its posts are."""
    from bot import outlets as registry

    parts = [
        "# Outlets",
        "Where Footfall posts, and what it posts there. [operate.md](operate.md) says how each is set up,\n"
        "[config.md](config.md) has every setting.",
    ]
    for name in registry.outlet_names():
        module = registry.load_module(name)
        parts += [f"## {module.TITLE} (`outlets.{name}`)", (module.__doc__ or "").strip()]
        if name in registry.posting_outlets():
            parts.append("\n".join(["| | |", "|---|---|", *_format_rows(registry.post_format(name))]))
    return "\n\n".join(parts)


def _format_rows(declared: Any) -> Iterator[str]:
    polls = f"questions up to {declared.poll.question}, answers up to {declared.poll.answer}" if declared.poll else ""
    yield f"| a post is | {_BODIES[declared.form]} |"
    yield f"| longest post | {declared.limit:,} ({declared.counted}) |"
    yield f"| picture | {'yes, with its alt text' if declared.pictures else 'no'} |"
    yield f"| link to the digest's page | {_LINKS[declared.links]} |"
    yield f"| polls | {polls or 'no'} |"
    yield f"| corrections | {_CORRECTIONS[declared.correction]} |"
    yield f"| each part arrives | {'exactly once' if declared.exactly_once else 'at least once'} |"


def commands() -> str:
    """Every command with its arguments and options."""
    from bot.cli import SUMMARIES, cli

    context = click.Context(cli, info_name="python -m bot")
    parts = ["# Commands", "Exit codes: 0 done, 1 failed, 2 bad usage or configuration, 3 partly done."]
    for name in SUMMARIES:
        command = cli.get_command(context, name)
        assert command is not None
        lines = click.Context(command, info_name=f"python -m bot {name}").get_help().splitlines()
        parts += [f"## {name}", "```\n" + "\n".join(line.rstrip() for line in lines) + "\n```"]
    return "\n\n".join([*parts, *_in_discord()])


def _in_discord() -> Iterator[str]:
    """The slash commands, by who may use them."""
    from discord.app_commands import Command

    from bot.discord_bot import COMMANDS, MEMBER, OWNER, SERVER

    yield "## In Discord"
    yield "The worker answers slash commands if `DISCORD_TOKEN` is set and `worker.slash` is not false."
    everyone = "For everyone, with the same answers as on the command line"
    owner = "For the accounts of `discord.owners`; without owners, they do not exist. Like `python -m bot deliveries`"
    for title, found in (
        (everyone, COMMANDS),
        ("For every member; only they see the answer", MEMBER),
        ("For members with Manage Server, in a server", SERVER),
        (owner, [one for group in OWNER for one in group.walk_commands()]),
    ):
        rows = [
            f"| `/{one.qualified_name}{''.join(_option(p) for p in one.parameters)}` | {one.description} |"
            for one in found
            if isinstance(one, Command)
        ]
        yield "\n".join([f"{title}:", "", "| command | does |", "|---|---|", *rows])


def _option(option: Any) -> str:
    return f" {option.name}" if option.required else f" [{option.name}]"


def config() -> str:
    """Every key of `config.yaml` and every environment variable."""
    from bot import outlets, sources
    from bot.config import Config

    rows = list(_keys(Config, ""))
    for kind, found in (("networks", sources.settings_types()), ("outlets", outlets.settings_types())):
        for name, block in found.items():
            rows += _keys(block, f"{kind}.{name}.")
    secrets = [
        f"| `{key}` | {name} |" for kind in (sources, outlets) for name in _all(kind) for key in _secrets(kind, name)
    ]
    return "\n".join(
        [
            "# Configuration",
            "",
            "Settings are in `config.yaml`. An unknown key or a key given twice is an error, and all mistakes",
            "are listed at once. Secrets are only in the environment, or in a file `.env` beside the",
            "configuration. If a secret is missing, whatever needs it is disabled, and `doctor` says so. A blank",
            "variable counts as not set. A required key must be set if its block is.",
            "",
            "| key | default | meaning |",
            "|---|---|---|",
            *rows,
            "",
            "| environment variable | for |",
            "|---|---|",
            "| `DATABASE_URL` | the database: `sqlite:///path` or `postgresql://user:password@host/name`; by default `footfall.db` in `data`. Write `?` and `%` in a path or password as `%3F` and `%25` |",
            "| `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY` | a proxy, `http://host:port`, for all requests, and the hosts that bypass it; lower-case names work too |",
            "| `FOOTFALL_CONFIG` | path of the configuration, if it is not `config.yaml` |",
            *secrets,
        ]
    )


def _all(kind: Any) -> tuple[str, ...]:
    found: tuple[str, ...] = kind.network_names() if hasattr(kind, "network_names") else kind.outlet_names()
    return found


def _secrets(kind: Any, name: str) -> tuple[str, ...]:
    found: tuple[str, ...] = kind.load_module(name).SECRETS
    return found


def _keys(block: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in block.model_fields.items():
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from _keys(annotation, f"{prefix}{name}.")
            continue
        if field.default is None and (optional := [one for one in get_args(annotation) if _is_block(one)]):
            yield f"| `{prefix}{name}` | not set | {field.description} |"
            yield from _keys(optional[0], f"{prefix}{name}.")
            continue
        if inner := [one for one in get_args(annotation) if isinstance(one, type) and issubclass(one, BaseModel)]:
            yield f"| `{prefix}{name}` | (below) | {field.description}; a list, each entry with: |"
            yield from _keys(inner[0], f"{prefix}{name}[].")
            continue
        default = "(required)" if field.is_required() else _yaml_cell(field.get_default(call_default_factory=True))
        yield f"| `{prefix}{name}` | {default} | {field.description or ''} |"


def _is_block(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _yaml_cell(value: object) -> str:
    """A default as a user would write it in `config.yaml`."""
    if value is None or value == "":
        return "not set"
    if value in ((), {}):
        return "empty list" if value == () else "empty"
    return f"`{_yaml(value)}`"


def _yaml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}"
        case timedelta():
            minutes = value // timedelta(minutes=1)
            units = (("d", 1440), ("h", 60), ("m", 1))
            return next(f"{minutes // size}{unit}" for unit, size in units if minutes % size == 0)
        case time():
            return f'"{value:%H:%M}"'
        case tuple():
            return f"[{', '.join(map(_yaml, value))}]"
        case dict():
            return f"{{{', '.join(f'{_yaml(key)}: {_yaml(item)}' for key, item in value.items())}}}"
    text = str(value)
    return f'"{text}"' if text.startswith("0x") else text  # YAML would read it as a number


def api() -> str:
    """Every address of the JSON API, as its index lists them."""
    from bot.queries.paging import DEFAULT_LIMIT, MAX_LIMIT
    from bot.queries.registry import API_QUERIES
    from bot.web.middleware import CODES
    from bot.web.openapi import display_path

    rows = [f"| `{display_path(query)}` | {query.summary} |" for query in API_QUERIES.values()]
    return "\n".join(
        [
            "# The JSON API",
            "",
            "`python -m bot web` answers GET and HEAD at these addresses with the documents that the command line",
            "prints with `--json`; `/api/v1` lists them too. Any page may read them.",
            "`/api/v1/openapi.json` describes them in OpenAPI 3.1, as [openapi.json](openapi.json) does. The",
            "same questions as tools for a language model: [mcp.md](mcp.md).",
            "",
            "| address | answers |",
            "|---|---|",
            *rows,
            "",
            "* `network`: the first configured one by default. `day`: a UTC day, `YYYY-MM-DD`; the newest by",
            "  default. `period`: `day`, `week` or `month`, and the one that holds the day.",
            "* `edition`: an older edition of a digest, which stays as it was issued; the newest by default.",
            "* `since`, `until`: the first and the last day of a `trend`. With `since`, `days` has no effect.",
            f"* `limit`, `offset`: which rows of the answer's list; at most {MAX_LIMIT:,}, which is the default except",
            f"  for lists of models, where it is {DEFAULT_LIMIT}. `total` says how many there are, null where the list is",
            "  unknown. `next` is the address of the next page, null after the last; the header `Link` has it too.",
            "* CSV: `.csv` behind an address (`/api/v1/models.csv`), or `Accept: text/csv`. Each row begins with",
            "  its network, day and edition; an empty cell is a null, and the reason stands beside it.",
            "* `schema_version` is 1 in each document. It changes only when a program that reads them must",
            "  change; new keys may come at any time.",
            '* An error is `{"schema_version": 1, "error": {"code", "message"}}`. Codes:',
            f"  {', '.join(f'`{code}` ({status})' for status, code in CODES.items())}.",
            "* Each answer, and each page and file of the site, carries an `ETag` made from its content. Sent",
            "  back as `If-None-Match`, it gets 304 without a body as long as the content is the same, also when",
            "  the site was written anew. Answers may be kept for a minute.",
            "* Texts in answers, such as names of models, come from strangers: show them as text.",
            "* The addresses of before there were versions (`/api/usage`) lead to these with 308 and the same",
            "  parameters.",
        ]
    )


def openapi() -> str:
    """The JSON API in OpenAPI."""
    from bot.web.openapi import describe_api

    return json.dumps(describe_api(), indent=1)


def walks() -> str:
    """The files that a job passes through, in order."""
    from docs.walks import page

    return page()


PAGES: dict[str, Callable[[], str]] = {
    "metrics.md": metrics,
    "networks.md": networks,
    "outlets.md": outlets,
    "commands.md": commands,
    "config.md": config,
    "api.md": api,
    "openapi.json": openapi,
    "walks.md": walks,
}


def main() -> int:
    """Write the pages (all, or those that are named), or check them."""
    stale, named = [], [name for name in sys.argv[1:] if name in PAGES]
    for name, made in ((name, PAGES[name]) for name in named or PAGES):
        note, path = NOTE if name.endswith(".md") else "", HERE / name
        text = note + made().rstrip() + "\n"
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
    if stale:
        print(f"docs: not current: {', '.join(stale)}; run: make docs", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
