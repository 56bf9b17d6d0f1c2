"""The Discord interface: slash commands that answer from the archive.

The bot calls `queries` and shows the answer; it computes nothing, reads no message and blocks no event loop.

From the connection down: `connection` keeps `client` connected, which registers the commands and handles server events.
`commands` holds the commands (`queries` for everybody, `server`, `member`, `operator`, `help`), `autocomplete` the
choices for an option. `responder` answers an interaction in time, and never with a traceback. `context` has the bot's
services, which all of these share. `presenter` renders an answer as an embed with a picture and buttons. Below:
`name_index` (models, authors and categories by name), `chart_cache` and `command_translations`.
"""

from bot.discord_bot.client import FootfallClient
from bot.discord_bot.commands.help import MEMBER
from bot.discord_bot.commands.operator import OWNER
from bot.discord_bot.commands.queries import COMMANDS
from bot.discord_bot.commands.server import SERVER
from bot.discord_bot.connection import run_bot
from bot.discord_bot.context import BotSettings
from bot.discord_bot.presenter import Query

__all__ = ["COMMANDS", "MEMBER", "OWNER", "SERVER", "BotSettings", "FootfallClient", "Query", "run_bot"]
