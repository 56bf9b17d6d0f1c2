"""The Discord interface: slash commands that answer from the archive.

The rule: the bot asks `queries` and shows the answer; it computes nothing, reads no message and blocks no event loop.

From the connection down: `connection` keeps `client` connected, which registers the commands and hears of servers.
`commands` holds the commands (`queries` for everybody, `server`, `member` and `operator`), `autocomplete` what is
offered while an option is typed. `responder` answers an interaction in time, and never with a traceback. `context` is
what all of these share: the bot's services. `presenter` makes an answer an embed with a picture and buttons from a
query, which is short enough for a button. Below: `name_index` (models by name), `chart_cache` and
`command_translations`.
"""

from bot.discord_bot.client import FootfallClient
from bot.discord_bot.commands.member import MEMBER
from bot.discord_bot.commands.operator import OWNER
from bot.discord_bot.commands.queries import COMMANDS
from bot.discord_bot.commands.server import SERVER
from bot.discord_bot.connection import run_bot
from bot.discord_bot.context import BotSettings
from bot.discord_bot.presenter import Query

__all__ = ["COMMANDS", "MEMBER", "OWNER", "SERVER", "BotSettings", "FootfallClient", "Query", "run_bot"]
