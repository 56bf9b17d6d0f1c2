"""Translations: one gettext catalogue a language. `python -m locales` brings them in step with the code."""
