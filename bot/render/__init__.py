"""Digests to words, through `templates/`. Nothing is computed here: a number that no figure backs is refused.

`posts` gives what an outlet gets, `finding_text` one finding in words, `preview` what would be posted, `rendered` any
other template (pages, commands). The modules: `environment` (the templates' language), `lint` (every digit traced),
`names` (foreign text made harmless), `pieces` (what is dropped when not all fits), `threads` (several parts instead),
`polls` (questions to readers), `weigh` (limits and prices).
"""

from bot.render.answers import PLAIN, answer_embed
from bot.render.digests import Options, embed_length, finding_text, posts, preview
from bot.render.environment import TEMPLATES, rendered, traced
from bot.render.lint import LintError
from bot.render.pieces import TooLongError
from bot.render.polls import UnaskedError
from bot.render.weigh import cost, weight

__all__ = [
    "PLAIN",
    "TEMPLATES",
    "LintError",
    "Options",
    "TooLongError",
    "UnaskedError",
    "answer_embed",
    "cost",
    "embed_length",
    "finding_text",
    "posts",
    "preview",
    "rendered",
    "traced",
    "weight",
]
