"""Renders digests as text, through `templates/`. Nothing is computed here: a number that no figure backs is refused.

`build_post` renders an outlet's post, `finding_text` one finding, `picture_words` a picture's title and foot,
`preview_text` a preview, `render_template` any other template (pages, commands). The modules: `environment` (the Jinja
environment), `text_blocks` (every digit is traced; blocks that do not fit are dropped), `escaping` (of foreign text),
`polls` (questions to readers), `embeds` (Discord's form of a text), `threads`, `digest_data`, `previews`.
"""

from typing import TYPE_CHECKING

from bot.lazy_imports import lazy_attributes

if TYPE_CHECKING:
    from bot.render.digest_posts import PostRenderOptions, build_post, finding_text, picture_words
    from bot.render.embeds import PLAIN, answer_embed, embed_length
    from bot.render.environment import TEMPLATES, render_template
    from bot.render.page_addresses import page_url
    from bot.render.polls import PollSkippedError
    from bot.render.previews import cost, post_lengths, preview_text
    from bot.render.text_blocks import LintError, TooLongError
    from bot.render.threads import PARTS
else:
    __getattr__ = lazy_attributes(__name__, __file__)
