"""The command `mcp`: the queries as tools for a language model."""

from __future__ import annotations

import click

from bot.cli.app_context import AppContext, UsageError, pass_app_context

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@click.command()
@click.option("--http", is_flag=True, help="Listen for HTTP at /mcp instead of standard input.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on, with --http.")
@click.option("--port", type=click.IntRange(0, 65535), default=8090, show_default=True, help="The port, with --http.")
@click.option(
    "--name", "names", multiple=True, help="A host name by which it is reached, with --http; may be repeated."
)
@pass_app_context
def mcp(parts: AppContext, http: bool, host: str, port: int, names: tuple[str, ...]) -> None:
    """Answer the questions of language models by the Model Context Protocol, read-only.

    Without options it talks on standard input and output, as a client expects that starts it. docs/mcp.md shows how to
    add it to a client. It needs the packages of requirements-mcp.txt.
    """
    try:
        from bot import mcp_server
    except ImportError as error:
        cure = "install it with `pip install -r requirements-mcp.txt`"
        raise UsageError(f"mcp: {error}; {cure}") from error
    from bot import logging_setup

    if http and host not in LOOPBACK and not names:
        raise UsageError(
            f"mcp: --host {host}: others may reach it there, so name it with --name, such as mcp.example.org"
        )
    logging_setup.configure_logging(parts.secret_values)
    if http:
        mcp_server.serve_http(parts.query_context, host, port, names)
    else:
        mcp_server.serve_stdio(parts.query_context)
