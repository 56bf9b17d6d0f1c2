"""The Discord face: slash commands that answer from the archive. Nothing is computed here: what the command line and
the web would answer is asked for at the same desk and shown as an embed.

The modules, as a question goes: `queries` (what may be asked, and how Discord shows it), `name_index` (what is
offered while somebody types), `query` (a question as a value, short enough for a button), `presenter` (its answer as
an embed with picture and buttons), `responder` (in time, in private, never with a traceback), `buttons` (period and
page), `cooldowns`, `command_translations` (commands in every language); `server`, `member` and `operator` (commands
of servers, of members and of the operator), `_options` and `settings` (what these share); `client` holds them
together and `connection` keeps it connected.
"""

from bot.discord_bot.client import FootfallClient
from bot.discord_bot.commands.member import MEMBER
from bot.discord_bot.commands.operator import OWNER
from bot.discord_bot.commands.queries import COMMANDS
from bot.discord_bot.commands.server import SERVER
from bot.discord_bot.connection import run_bot
from bot.discord_bot.query import Query
from bot.discord_bot.settings import BotSettings

__all__ = ["COMMANDS", "MEMBER", "OWNER", "SERVER", "BotSettings", "FootfallClient", "Query", "run_bot"]
