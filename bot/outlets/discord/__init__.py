"""Discord: an embed with its card, from a bot, in any number of channels; announcement channels pass it on.

Needs a bot (discord.com/developers, no privileged intent), its token in DISCORD_TOKEN, and the bot invited with the
permissions View Channel, Send Messages, Embed Links, Attach Files, Read Message History and Send Polls
(562949953539072).

Every message carries a nonce, so that for some minutes Discord itself answers a repetition with the message it has.
After that, a look-back through the channel's history tells. Webhooks have no nonce and are not used.
"""

from typing import TYPE_CHECKING

from bot.lazy_imports import lazy_attributes

if TYPE_CHECKING:
    from bot.outlets.discord.outlet import SETTLE, DiscordOutlet, cost, make_outlet
    from bot.outlets.discord.post_format import FORMAT
    from bot.outlets.discord.settings import DiscordSettings as Settings
else:
    __getattr__ = lazy_attributes(__name__, __file__)


TITLE = "Discord"
SECRETS = ("DISCORD_TOKEN",)
