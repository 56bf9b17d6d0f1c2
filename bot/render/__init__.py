"""Renders digests as text, through `templates/`. Nothing is computed here: a number that no figure backs is refused.

`build_post` renders an outlet's post, `finding_text` one finding, `preview_text` a preview, `render_template` any other
template (pages, commands). The modules: `environment` (the Jinja environment), `number_lint` (every digit is traced),
`escaping` (of foreign text), `text_blocks` (dropped if they do not fit), `x_threads` (posts of several parts), `polls`
(questions to readers), `embeds` (Discord's form of a text).
"""

from bot.render.digest_posts import PostRenderOptions, build_post, cost, finding_text, preview_text
from bot.render.embeds import PLAIN, answer_embed, embed_length
from bot.render.environment import TEMPLATES, render_template, trace_values
from bot.render.number_lint import LintError
from bot.render.polls import PollSkippedError
from bot.render.text_blocks import TooLongError
