"""/watch, /unwatch, /watches, /forget-me: a member's watches, with notices in direct messages."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from discord import app_commands
from discord.app_commands import Choice

from bot import i18n
from bot.discord_bot import autocomplete
from bot.discord_bot.commands import _options
from bot.discord_bot.context import FootfallBot, Interaction
from bot.discord_bot.name_index import SHOWN, is_token
from bot.queries import NotFoundError, QueryContext, QueryError
from bot.records import Catalogue, Document, SafeName, message
from bot.store import StoreError
from bot.subscriptions import ModelWatch

USUAL = 50.0
"""Default percentage by which a model must change."""
_ID = "#"


def watch_document(desk: QueryContext, model_watch: ModelWatch) -> Document:
    """A watch as the document of an answer."""
    watched = desk.watched.get(model_watch.network)
    return {
        "model": model_watch.model,
        "title": watched.title if watched else model_watch.network,
        "share": model_watch.share,
    }


def resolve_model(client: FootfallBot, name: str, network: str | None) -> tuple[Catalogue, SafeName]:
    """A model by name, on the given network or on the first that has it. Raises `QueryError`."""
    if is_token(name):
        known = client.index.get_names().by_token(name)
        if known is None:
            raise QueryError(message("this model is not known any more; ask again by its name"))
        name, network = known.model, known.network
    return client.desk.find_model(name, network)[1:]


def refuse_nameless(document: Document, catalogue: Catalogue, title: str) -> None:
    """Raises `QueryError` if the newest digest had use and none of it names a model: there would be no notices."""
    block = next((block for block in document["catalogues"] if block["catalogue"] == catalogue.key), None)
    share = block["figures"].get("share_attributed") if block else None
    if share and share["value"] == 0:
        raise QueryError(f"none of the use on {title} names its model, so nothing can be told of a single one")


@app_commands.command(description="Get a direct message when a model wakes up, goes quiet or moves")
@app_commands.describe(
    model="A model's name",
    share="Percent of the day before that its use must move by; 50 by default",
    network="Its network; the first one that has it by default",
)
@app_commands.autocomplete(model=autocomplete.complete_model, network=autocomplete.complete_network)
async def watch(
    interaction: Interaction,
    model: str,
    share: app_commands.Range[float, 1.0, 10_000.0] = USUAL,
    network: str | None = None,
) -> None:
    client, account = interaction.client, str(interaction.user.id)
    locale = i18n.nearest_language(interaction.locale.value)

    def job() -> Document:
        catalogue, name = resolve_model(client, model, network)
        title = client.desk.watched[catalogue.network].title
        if catalogue.network in client.bot_settings.closed:
            raise QueryError(message("record_ended", name=title))
        with suppress(NotFoundError):
            refuse_nameless(client.desk.find_digest(catalogue.network, "day"), catalogue, title)
        kept, new = client.repositories.watches.save_watch(
            account, locale, catalogue, name, share / 100, client.desk.clock()
        )
        return {"question": "watched", "new": new, "watch": watch_document(client.desk, kept)}

    await _options.run_and_reply(interaction, "watch", job)


async def complete_watched_model(interaction: Interaction, typed: str) -> list[Choice[str]]:
    """The models that the member watches."""
    client, account = interaction.client, str(interaction.user.id)
    try:
        kept = await client.run_in_thread(lambda: client.repositories.watches.account_watches(account))
    except (StoreError, TimeoutError):
        return []
    folded = typed.strip().casefold()
    fitting = [watch for watch in kept if folded in watch.model.casefold()]
    return [Choice(name=autocomplete._clip_text(watch.model), value=f"{_ID}{watch.id}") for watch in fitting[:SHOWN]]


@app_commands.command(description="End the watch of a model")
@app_commands.describe(model="One of the models that you watch")
@app_commands.autocomplete(model=complete_watched_model)
async def unwatch(interaction: Interaction, model: str) -> None:
    client, account = interaction.client, str(interaction.user.id)

    def job() -> Document:
        mine = client.repositories.watches.account_watches(account)
        chosen = [
            watch for watch in mine if model == f"{_ID}{watch.id}" or watch.model.casefold() == model.strip().casefold()
        ]
        ended = [watch for watch in chosen if client.repositories.watches.end_watch(account, watch.id)]
        if not ended:
            raise QueryError(message("not_watching", name=f"{SafeName(model)!s:.100}"))
        return {"question": "unwatched", "watch": watch_document(client.desk, ended[0]), "left": len(mine) - len(ended)}

    await _options.run_and_reply(interaction, "unwatch", job)


@app_commands.command(description="The models that you watch")
async def watches(interaction: Interaction) -> None:
    client, account = interaction.client, str(interaction.user.id)

    def job() -> Document:
        watch_documents = [
            watch_document(client.desk, account_watch)
            for account_watch in client.repositories.watches.account_watches(account)
        ]
        return {"question": "watches", "watches": watch_documents, "most": client.bot_settings.bounds.per_member}

    await _options.run_and_reply(interaction, "watches", job)


@app_commands.command(name="forget-me", description="Delete everything that is kept about you")
async def forget_me(interaction: Interaction) -> None:
    client, user = interaction.client, interaction.user.id

    def job() -> Document:
        gone = client.repositories.watches.erase_member(account=str(user))
        client.cooldowns.forget_user(user)
        return {"question": "forgotten", "watches": gone.watches, "messages": gone.messages}

    await _options.run_and_reply(interaction, "forget-me", job)


WATCHES: tuple[app_commands.Command[Any, ..., None], ...] = (watch, unwatch, watches, forget_me)
"""The commands of members for themselves, usable everywhere."""
