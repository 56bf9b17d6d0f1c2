"""Digests to words, through `templates/`. Nothing is computed here: a number that no figure backs is refused.

`build_post` gives what an outlet gets, `finding_text` one finding in words, `preview_text` what would be posted,
`render_template` any other template (pages, commands). The modules: `environment` (the templates' language),
`text_blocks` (every digit traced; what is dropped when not all fits), `escaping` (foreign text made harmless), `polls`
(questions to readers), `embeds` (Discord's form of a text).
"""

from bot.render.digest_posts import PostRenderOptions, build_post, cost, finding_text, preview_text
from bot.render.embeds import PLAIN, answer_embed, embed_length
from bot.render.environment import TEMPLATES, render_template, trace_values
from bot.render.polls import PollSkippedError
from bot.render.text_blocks import LintError, TooLongError
