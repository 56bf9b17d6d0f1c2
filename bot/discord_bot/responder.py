"""Answers an interaction: in time, privately if requested, and with a sentence for an error. The buttons for period and
page hold their whole query, so that they work as long as their message exists.

Discord waits 3 s for the first response and then 15 minutes for the answer (interactions/receiving-and-responding).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import aiohttp
import discord
import structlog

from bot import render
from bot.discord_bot.context import Interaction, translator_for
from bot.discord_bot.presenter import WRITTEN, ButtonSpec, Query, RenderedAnswer, query_from_button
from bot.i18n import N_
from bot.logging_setup import error_id
from bot.queries import QueryError
from bot.store import StoreError

PROMPT = 0.8
"""Seconds after which the user is told that the answer takes longer."""
# topics/opcodes-and-status-codes, JSON Error Codes
ACKNOWLEDGED = 40060
UNKNOWN_INTERACTION = 10062
UNKNOWN_WEBHOOK = 10015
CUT_OFF = (aiohttp.ClientError, OSError, discord.DiscordServerError)
"""Errors of a request that Discord may have accepted anyway."""
SILENT = discord.AllowedMentions.none()

log = structlog.get_logger("bot.discord_bot")


@dataclass(slots=True)
class InteractionResponder:
    """One interaction and the state of its answer."""

    interaction: Interaction
    private: bool
    in_place: bool = False
    """The answer replaces the message of the pressed button."""
    deferred: bool = False
    unheard: bool = False
    """It is unknown whether Discord accepted the deferral."""

    @property
    def locale(self) -> str:
        """The user's language."""
        return translator_for(self.interaction).language

    async def answer_query(self, question: Query) -> None:
        """Answer a query; never raises."""
        client = self.interaction.client
        await self.run_and_show(
            question.name, dict(question.options), lambda: client.render_answer(question, self.locale)
        )

    async def run_and_show(self, name: str, options: Mapping[str, str], job: Callable[[], RenderedAnswer]) -> None:
        """Run a job off the event loop and show its result; never raises. `name` and `options` are for the log."""
        try:
            await self._run_and_show(name, options, job)
        except discord.NotFound as error:
            if error.code != UNKNOWN_INTERACTION:
                raise
            log.warning("interaction expired before the answer", question=name)
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            # Sending the answer failed, so an error message would fail too.
            self._log_error("an answer did not get through", error, name, options)

    async def _run_and_show(self, name: str, options: Mapping[str, str], job: Callable[[], RenderedAnswer]) -> None:
        if seconds := self._cooldown_seconds():
            words = render.render_template("discord", "discord/answers/wait.j2", self.locale, seconds=seconds)
            await self.send_error(words.strip())
            return
        work = asyncio.ensure_future(self.interaction.client.run_in_thread(job))
        if not await _finishes_promptly(work):
            await self._defer_response()
        try:
            answer = await work
        except QueryError as error:
            await self.send_error(_error_sentence(error.text, self.locale))
        except StoreError as error:
            await self.send_error(
                self._error_with_id(N_("The archive cannot be read just now."), "database", error, name, options)
            )
        except TimeoutError as error:
            await self.send_error(self._error_with_id(N_("The answer took too long."), "timeout", error, name, options))
        except Exception as error:  # noqa: BLE001 - the top of a slash command: it must not show a traceback
            await self.send_error(
                self._error_with_id(N_("Something went wrong here."), "unexpected", error, name, options)
            )
        else:
            await self._show_answer(answer)

    def _cooldown_seconds(self) -> int:
        interaction = self.interaction
        return interaction.client.cooldowns.seconds_to_wait(
            interaction.user.id, interaction.guild_id, interaction.created_at.timestamp()
        )

    async def _defer_response(self) -> None:
        try:
            with _ignore_acknowledged():
                if self.in_place:
                    await self.interaction.response.defer()
                else:
                    await self.interaction.response.defer(ephemeral=self.private, thinking=True)
        except CUT_OFF as error:
            # Discord may have accepted it, and the user would wait for an answer for ever.
            log.warning("no confirmation that the interaction was deferred", error=type(error).__name__)
            self.unheard = True
        self.deferred = True

    def _never_deferred(self, error: discord.NotFound) -> bool:
        """Whether Discord never got the deferral, so that the answer is still the first response."""
        if not (self.unheard and error.code == UNKNOWN_WEBHOOK):
            return False
        self.deferred = self.unheard = False
        return True

    async def _show_answer(self, answer: RenderedAnswer) -> None:
        """Show the answer; twice if the first result is unknown, since Discord keeps only one answer."""
        try:
            await self._show_once(answer)
        except CUT_OFF:
            await self._show_once(answer)
        except discord.NotFound as error:
            if not self._never_deferred(error):
                raise
            await self._show_once(answer)

    async def _show_once(self, answer: RenderedAnswer) -> None:
        embed, view, response = (
            discord.Embed.from_dict(answer.embed),
            build_view(answer),
            self.interaction.response,
        )
        with _picture_files(answer) as files, _ignore_acknowledged():
            if self.deferred:
                await self.interaction.edit_original_response(
                    embed=embed, attachments=files, view=view, allowed_mentions=SILENT
                )
            elif self.in_place:
                await response.edit_message(embed=embed, attachments=files, view=view, allowed_mentions=SILENT)
            else:
                await response.send_message(
                    embed=embed,
                    files=files,
                    view=view or discord.utils.MISSING,
                    ephemeral=self.private,
                    allowed_mentions=SILENT,
                )

    async def send_error(self, sentence: str) -> None:
        """Show a sentence in place of an answer; a message with the pressed button stays."""
        try:
            await self._sorry_once(sentence)
        except discord.NotFound as error:
            if not self._never_deferred(error):
                raise
            await self._sorry_once(sentence)

    async def _sorry_once(self, sentence: str) -> None:
        with _ignore_acknowledged():
            if not self.deferred:
                await self.interaction.response.send_message(sentence, ephemeral=True, allowed_mentions=SILENT)
            elif self.in_place:
                await self.interaction.followup.send(sentence, ephemeral=True, allowed_mentions=SILENT)
            else:
                await self.interaction.edit_original_response(content=sentence, allowed_mentions=SILENT)

    def _error_with_id(self, sentence: str, event: str, error: Exception, name: str, options: Mapping[str, str]) -> str:
        return _error_sentence(sentence, self.locale, self._log_error(event, error, name, options))

    def _log_error(self, event: str, error: Exception, name: str, options: Mapping[str, str]) -> str:
        number = error_id()
        log.error(event, id=number, question=name, options=dict(options), exc_info=error)
        return number


def build_view(answer: RenderedAnswer) -> discord.ui.View | None:
    """The buttons of an answer. They have no state here: they never time out and use no memory."""
    if not any(button.open for button in answer.buttons):
        return None
    view = discord.ui.View(timeout=None)
    for button in answer.buttons:
        view.add_item(QueryButton(_make_button(button)))
    return view


def _make_button(button: ButtonSpec) -> discord.ui.Button[discord.ui.View]:
    style = discord.ButtonStyle.primary if button.current else discord.ButtonStyle.secondary
    return discord.ui.Button(
        label=button.label, style=style, custom_id=button.id, row=button.row, disabled=not button.open
    )


async def _finishes_promptly(work: asyncio.Future[RenderedAnswer]) -> bool:
    """Whether a job ends soon enough not to defer."""
    done, _ = await asyncio.wait({work}, timeout=PROMPT)
    return bool(done)


def reply_to_button(interaction: Interaction) -> InteractionResponder:
    """The message changes for the user who requested it; others get their own private answer."""
    origin = interaction.message.interaction_metadata if interaction.message else None
    own = origin is not None and origin.user.id == interaction.user.id
    return InteractionResponder(interaction, private=True, in_place=own)


class QueryButton(discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]], template=WRITTEN):
    """One of our buttons, also on a message from before a restart."""

    def __init__(self, button: discord.ui.Button[discord.ui.View]) -> None:
        super().__init__(button)

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction[Any], item: discord.ui.Item[Any], _found: re.Match[str], /
    ) -> QueryButton:
        assert isinstance(item, discord.ui.Button)
        return cls(item)

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Answer the button's query."""
        reply, match = reply_to_button(interaction), re.fullmatch(WRITTEN, self.custom_id)
        assert match
        try:
            query = query_from_button(match)
        except QueryError as error:
            await reply.send_error(str(error))
            return
        await reply.answer_query(query)


async def report_failure(interaction: Interaction, error: Exception) -> None:
    """Report a failure outside of an answer."""
    number = error_id()
    log.error("command failed", id=number, exc_info=error)
    reply = InteractionResponder(interaction, private=True)
    await _unless_answered(reply.send_error(_error_sentence(N_("Something went wrong here."), reply.locale, number)))


async def _unless_answered(saying: Awaitable[None]) -> None:
    try:
        await saying
    except (discord.HTTPException, discord.InteractionResponded, aiohttp.ClientError, OSError) as error:
        log.warning("an error could not be shown", error=type(error).__name__)


def _error_sentence(text: str, locale: str, number: str = "") -> str:
    words = render.render_template("discord", "discord/answers/sorry.j2", locale, sentence=text, id=number)
    return " ".join(words.split())


@contextmanager
def _ignore_acknowledged() -> Iterator[None]:
    """Ignore the error of a repeated response: discord.py retries after a 5xx, even if Discord accepted the first."""
    try:
        yield
    except discord.HTTPException as error:
        if error.code != ACKNOWLEDGED:
            raise


@contextmanager
def _picture_files(answer: RenderedAnswer) -> Iterator[list[discord.File]]:
    picture = answer.picture
    files = [discord.File(BytesIO(picture.content), picture.name, description=picture.alt)] if picture else []
    try:
        yield files
    finally:
        for file in files:
            file.fp.close()
