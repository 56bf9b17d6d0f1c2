"""The slash commands of queries: one for each query of `bot.queries.registry`, with its options."""

from __future__ import annotations

from inspect import Parameter, Signature
from typing import Any

import discord
from discord import app_commands
from discord.app_commands.transformers import RangeTransformer

from bot.discord_bot import autocomplete
from bot.discord_bot.presenter import Query, query_options
from bot.discord_bot.responder import InteractionResponder
from bot.queries.registry import QUERIES, QueryOption

COMPLETIONS = {
    "network": autocomplete.complete_network,
    "day": autocomplete.complete_day,
    "author": autocomplete.complete_author,
    "category": autocomplete.complete_category,
    "model": autocomplete.complete_model,
    "model or network": autocomplete.complete_comparison,
    "metric": autocomplete.complete_metric,
}
"""Autocomplete by kind of option."""
PRIVATE = Parameter("private", Parameter.KEYWORD_ONLY, default=False, annotation=bool)


def _make_command(name: str) -> app_commands.Command[Any, ..., None]:
    """The command of a query. discord.py reads its options from the callback's signature."""

    async def ask(interaction: discord.Interaction[Any], *, private: bool, **options: object) -> None:
        given = {key: str(value) for key, value in options.items() if value is not None}
        await InteractionResponder(interaction, private).answer_query(Query(name, given))

    options = query_options(name)
    interaction = Parameter("interaction", Parameter.POSITIONAL_ONLY)
    ask.__signature__ = Signature([interaction, *map(_parameter, options.values()), PRIVATE])  # type: ignore[attr-defined]
    descriptions = {key: option.description for key, option in options.items()}
    app_commands.describe(**descriptions, private="Show the answer to you alone")(ask)
    app_commands.autocomplete(
        **{key: COMPLETIONS[option.kind] for key, option in options.items() if option.kind in COMPLETIONS}
    )(ask)
    app_commands.choices(**{key: _choices(option) for key, option in options.items() if option.choices})(ask)
    return app_commands.Command(name=name, description=QUERIES[name].summary, callback=ask)


def _parameter(option: QueryOption) -> Parameter:
    kind: Any = str
    if option.kind == "number":
        least, most = option.limits
        kind = RangeTransformer(discord.AppCommandOptionType.integer, min=least, max=most)
    if option.required:
        return Parameter(option.name, Parameter.KEYWORD_ONLY, annotation=kind)
    annotation = kind | None if option.default is None else kind
    return Parameter(option.name, Parameter.KEYWORD_ONLY, default=option.default, annotation=annotation)


def _choices(option: QueryOption) -> list[app_commands.Choice[str]]:
    return [app_commands.Choice(name=app_commands.locale_str(value), value=value) for value in option.choices]


COMMANDS = [_make_command(name) for name in QUERIES]
