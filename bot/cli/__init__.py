"""The command line. Exit codes: 0 done, 1 failed, 2 bad usage or configuration, 3 partly done.

Heavy libraries are imported inside the command that needs them, so that `--help` stays fast.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import redirect_stderr
from keyword import iskeyword
from pathlib import Path
from typing import TextIO, cast

import click

from bot import __version__
from bot.gc_pause import garbage_collection_paused

COMMANDS = {
    "pipeline_commands": ("demo", "collect", "compose", "verify"),
    "query_commands": (
        *("digest", "show", "usage", "inventory", "model", "top", "idle", "trend"),
        *("compare", "new", "records", "author", "category"),
        *("why", "networks", "method", "status", "about"),
    ),
    "preview_commands": ("preview", "site", "web"),
    "mcp_command": ("mcp",),
    "publish_commands": ("publish", "deliveries", "send-test"),
    "trial_commands": ("try",),
    "lake_commands": ("lake",),
    "service_commands": ("run", "schedule", "migrate", "copy-to"),
    "health_command": ("health",),
    "rehearse_command": ("rehearse",),
    "admin_commands": ("doctor", "confirm", "proof", "sources", "metrics", "config"),
}
"""Module of this package to the commands it holds."""

SUMMARIES = {
    "demo": "Run the whole pipeline on a real network's public record; no keys.",
    "collect": "Read the networks and store what they list and count.",
    "try": "Read one network once and show what came; nothing is kept.",
    "compose": "Compute digests from what was collected.",
    "confirm": "Show the days whose list is held as implausible; confirm or reject one.",
    "verify": "Recompute a digest and compare it with what was published.",
    "proof": "Explain one settlement: log, blob, Merkle root, each leaf.",
    "digest": "A digest, as text or JSON.",
    "show": "The same as digest.",
    "usage": "How much a network was used, by how many of its models.",
    "inventory": "How many models are on offer, and how that changed; also by category and author.",
    "model": "One model: use, rank, share, last 30 days.",
    "top": "The most used models, or the largest movers.",
    "idle": "Models on offer that nobody used.",
    "trend": "One metric, day by day.",
    "compare": "Two models or two networks side by side.",
    "new": "The models that came to the list, and whether they were used since.",
    "records": "The highest and lowest days since the watch began.",
    "author": "The models of one author over time.",
    "category": "The models of one category over time.",
    "why": "Which models moved a day's usage.",
    "networks": "All networks side by side for one week.",
    "method": "What a metric counts.",
    "status": "How fresh everything is.",
    "about": "What Footfall is and which networks it watches.",
    "preview": "Show exactly what would be posted, with its cost.",
    "publish": "Post what is due.",
    "deliveries": "Show what was sent, what was not, and why.",
    "send-test": "Post a message that says it is a test.",
    "site": "Write the archive site.",
    "web": "Serve the archive site and the JSON API.",
    "mcp": "Answer the questions of language models (Model Context Protocol).",
    "run": "Run the worker: collect, compose and publish on schedule.",
    "health": "Say whether the worker or the web server here is healthy, or how the sources are.",
    "lake": "Maintain the files of single events: compact, verify, prune.",
    "schedule": "Show when the next posts go out.",
    "migrate": "Update the database's tables to this version.",
    "copy-to": "Copy the database to another one.",
    "doctor": "Check everything, with a fix for each problem.",
    "rehearse": "Try a network out: what answers, and what would be published; saves a transcript.",
    "sources": "List the networks.",
    "metrics": "List the metrics.",
    "config": "Show the settings in force.",
}


class LazyCommandGroup(click.Group):
    """A group that imports a command's module only when the command or its help is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(SUMMARIES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for module, names in COMMANDS.items():
            if cmd_name in names:
                name = cmd_name.replace("-", "_") + ("_" if iskeyword(cmd_name) else "")
                return _import_command(module, name)
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(ctx, args[0]) is None:
            from difflib import get_close_matches

            close = get_close_matches(args[0], SUMMARIES, n=3, cutoff=0.5)
            meant = f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(SUMMARIES)}"
            ctx.fail(f"{args[0]}: no such command; {meant}")
        return super().resolve_command(ctx, args)


def _import_command(module: str, name: str) -> click.Command:
    """A command of a module of this package."""
    with garbage_collection_paused():  # looking for garbage takes a tenth of the time of imports
        command: click.Command = getattr(importlib.import_module(f"bot.cli.{module}"), name)
    return command


@click.group(cls=LazyCommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="Footfall %(version)s")
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    default=Path("config.yaml"),
    envvar="FOOTFALL_CONFIG",
    show_default=True,
    help="The configuration file.",
)
@click.pass_context
def cli(ctx: click.Context, config_path: Path) -> None:
    """Footfall: how many AI models are on offer, and how many anyone uses."""
    ctx.obj = config_path


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and end the process with its exit code. Nothing secret goes to standard error."""
    from bot import redaction

    prepare_process()
    shell, _, wanted = os.environ.get("_BOT_COMPLETE", "").partition("_")
    if wanted == "source":
        sys.exit(_completion(shell))
    redaction.register_secrets(redaction.secret_environment_values())
    with redirect_stderr(cast(TextIO, redaction.RedactedStream(sys.stderr))):
        sys.exit(_run(arguments))


def _completion(shell: str) -> int:
    from bot.cli.shell_completion import completion_script

    text = completion_script(cli, shell)
    click.echo(text or f"{shell}: no completion for this shell; known: bash, zsh, fish", err=text is None, nl=not text)
    return 0 if text else 2


def _run(arguments: Sequence[str] | None) -> int:
    """Run one command, report any error, and return the exit code."""
    try:
        code = cli.main(args=list(arguments) if arguments is not None else None, prog_name="bot", standalone_mode=False)
    except click.ClickException as error:
        click.echo(_usage_error_line(error), err=True)
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        return 1
    except Exception as error:  # noqa: BLE001  the top of a command
        from bot.records import FootfallError

        if isinstance(error, FootfallError):
            click.echo(str(error), err=True)
            return error.exit_code
        # As Python reports it, but in one piece: written bit by bit, a secret could be split and missed.
        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
        return 1
    return code if isinstance(code, int) else 0


def prepare_process() -> None:
    """Unset blank environment variables, also for libraries, and let the streams write `?` for a character that the
    terminal's encoding lacks."""
    for name in [name for name, value in os.environ.items() if not value.strip()]:
        del os.environ[name]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _usage_error_line(error: click.ClickException) -> str:
    """A usage error as one line; without any command, the whole help."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return error.message
    message = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    return f"{message.rstrip('.')}; see: {context.command_path} --help" if context else message
