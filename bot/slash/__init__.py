"""The Discord face: slash commands that answer from the archive. Nothing is computed here: what the command line and
the web would answer is asked for at the same desk and shown as an embed.

The modules, as a question goes: `commands` (what may be asked, and how Discord shows it), `completion` (what is offered
while somebody types), `questions` (a question as a value, short enough for a button), `wording` (its answer as an embed
with picture and buttons), `replies` (in time, in private, never with a traceback), `buttons` (period and page),
`cooldowns`, `tongues` (commands in every language); `subscriptions`, `watches` and `owners` (commands of servers, of
members and of the operator), `settings` and `house` (what these share); `client` holds them together and `running`
keeps it connected.
"""

from bot.slash.client import Footfall
from bot.slash.commands import COMMANDS
from bot.slash.house import House
from bot.slash.owners import OWNER
from bot.slash.questions import Question
from bot.slash.running import run_bot
from bot.slash.subscriptions import SERVER
from bot.slash.watches import MEMBER

__all__ = ["COMMANDS", "MEMBER", "OWNER", "SERVER", "Footfall", "House", "Question", "run_bot"]
