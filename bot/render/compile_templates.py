"""`python -m bot.render.compile_templates`: compile every template, where nobody may write compiled files later."""

from __future__ import annotations

from bot.render.environment import TEMPLATES, get_environment


def compile_templates() -> None:
    """Compile each template for pages and for all other outlets. Raises `LintError`."""
    for path in sorted(TEMPLATES.rglob("*.j2")):
        for outlet in ("site", "text"):
            get_environment(outlet).get_template(path.relative_to(TEMPLATES).as_posix())


if __name__ == "__main__":
    compile_templates()
