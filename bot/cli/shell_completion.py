"""Shell completion without an installed command: `_BOT_COMPLETE=bash_source python -m bot` prints a script that defines
a command `bot` for this Python and completes its commands, options and model names."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from click import Command
from click.shell_completion import get_completion_class

NAME, VARIABLE = "bot", "_BOT_COMPLETE"
_FUNCTION = {"fish": "function bot; {me} $argv; end\n"}
_ASKS = {
    "bash": ("=bash_complete $1)", "=bash_complete {me})"),
    "zsh": ("=zsh_complete bot)", "=zsh_complete {me})"),
    "fish": ("COMP_CWORD=(commandline -t) bot)", "COMP_CWORD=(commandline -t) {me})"),
}
"""By shell: how click's script calls an installed command, and how ours calls it."""
_INSTALLED = "    (( ! $+commands[bot] )) && return 1\n"
"""The test in zsh's script for an installed command, which would always fail here."""


def completion_script(cli: Command, shell: str) -> str | None:
    """The script for a shell to evaluate; `None` for an unknown shell."""
    completion_class = get_completion_class(shell)
    if completion_class is None or shell not in _ASKS:
        return None
    folder = Path(__file__).resolve().parents[2]
    me = f"env PYTHONPATH={shlex.quote(str(folder))} {shlex.quote(sys.executable)} -m bot"
    asks, instead = _ASKS[shell]
    text = completion_class(cli, {}, NAME, VARIABLE).source().replace(_INSTALLED, "")
    function = _FUNCTION.get(shell, 'bot() {{ {me} "$@"; }}\n')
    return function.format(me=me) + text.replace(asks, instead.format(me=me))
