"""The format of every number and date. Rounding never misleads: less than all is never shown as 100%, more than none is
never shown as 0, and unknown is shown as unknown.

Counts are shown without their noun (`format_count`) or with it (`format_with_noun`). Ratios and points have their sign.
Digits are 0 to 9 in every language, also in Arabic, so that a figure is the same in a post, its picture, the site and a
search.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, localcontext
from math import ceil
from typing import Literal

from babel.dates import format_date, format_interval, format_skeleton
from babel.numbers import format_compact_decimal, format_decimal

from bot import i18n
from bot.i18n import N_

Number = int | float | Decimal

UNKNOWN = N_("unknown")
QUOTIENT = "quotient"
MINUS = "−"

_COMPACT_FROM = 10**6
_IRREGULAR = {
    "addresses": "address",
    "batches": "batch",
    "classes": "class",
    "deliveries": "delivery",
    "paid deliveries": "paid delivery",
    "leaves": "leaf",
    "proxies": "proxy",
    "watches": "watch",
}
_BARE = ("share", "ratio", QUOTIENT, "points", "index")
"""Units that are shown without a noun."""
_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TENTH, _TENTH_PERCENT = Decimal("0.1"), Decimal("0.001")
_DATE = "d MMMM y"
_MARK = "\u200e"
"""Babel's own direction mark beside "%" in Arabic; a number is isolated as a whole instead (`words.isolated`)."""
_DIGITS = 200
"""Significant digits in which numbers are rounded: an on-chain amount has up to 78, and a context of 28 refuses it."""


def format_count(number: Number, locale: str = "en") -> str:
    """1234567 as "1,234,567". A fraction (a median, an effective number) keeps one decimal below 1,000."""
    if isinstance(number, int) and _is_english(locale):
        return f"{number:,}"
    exact = _to_decimal(number)
    if exact == exact.to_integral_value():
        return f"{int(exact):,}" if _is_english(locale) else _format_decimal(exact, "#,##0", locale)
    if abs(exact) < Decimal("0.1"):
        return _format_bound(exact, Decimal("0.1"), "#,##0.0", locale)
    return _format_decimal(exact, "#,##0.0" if abs(exact) < 1000 else "#,##0", locale)


def format_compact(number: Number, locale: str = "en") -> str:
    """8692748 as "8.7 million"; below a million the whole number. With enough decimals to match the leading digits of
    the whole number, which may be shown beside it: 9954233 as "9.95 million" and not as 10."""
    exact = _to_decimal(number)
    if abs(exact) < _COMPACT_FROM:
        return format_count(exact, locale)
    known = i18n.babel_locale(locale)
    form: Literal["long", "short"] = "long" if "long" in known.compact_decimal_formats else "short"  # 869.3万
    with localcontext(prec=_DIGITS):
        scale = Decimal(10) ** _power_of_ten(exact, known.compact_decimal_formats[form])
        for places in range(1, 6):
            if int(round(exact / scale, places)) == int(exact / scale):
                shown = format_compact_decimal(exact, format_type=form, locale=known, fraction_digits=places)
                return shown.replace(_MARK, "")
    return format_count(exact, locale)


def _power_of_ten(exact: Decimal, formats: Mapping[str, Mapping[str, object]]) -> int:
    """The power of ten that a language writes as a word for such a large number."""
    power = max(power for power in map(int, formats["other"]) if power <= abs(exact))
    return len(str(power)) - str(formats["other"][str(power)]).count("0")


def format_signed(number: Number, locale: str = "en") -> str:
    """A difference of counts, with its sign: "+137,830", "−222,625"."""
    sign = "+" if number > 0 else MINUS if number < 0 else ""
    return sign + format_count(number if number >= 0 else -number, locale)


def format_with_noun(number: Number, unit: str, locale: str = "en") -> str:
    """A number with its noun: (929, "models") as "929 models", (1, "models") as "1 model"."""
    return _with_noun(format_count(number, locale), unit, number, locale)


def english_noun(unit: str, number: Number = 2) -> str:
    """An English unit, given in the plural, as used after a number: singular after 1 and -1."""
    if abs(number) != 1 or not unit.endswith("s"):
        return unit
    return _IRREGULAR.get(unit, unit[:-1])


def spell_count(number: Number, locale: str = "en") -> str:
    """Counts below ten as words, as in prose: 2 as "two", 0 as "no", 18 as "18"."""
    whole = number == int(number) and _is_english(locale)
    return _WORDS[int(number)] if whole and 0 <= number < len(_WORDS) else format_count(number, locale)


def format_share(number: Number, locale: str = "en") -> str:
    """0.2456 as "24.6%"; "100%" and "0%" only if exact, otherwise ">99.9%" and "<0.1%"."""
    exact = _to_decimal(number)
    percent = exact * 100
    if percent == percent.to_integral_value():
        return _format_decimal(exact, "#,##0%", locale)
    if _is_english(locale) and 0 < exact < 1:  # 20 times as fast, for tables of thousands
        if exact < _TENTH_PERCENT:
            return "<0.1%"
        return f"{percent.quantize(_TENTH)}%" if exact <= 1 - _TENTH_PERCENT else ">99.9%"
    return _format_part(exact, "#,##0.0%", locale)


def format_ratio(number: Number, locale: str = "en") -> str:
    """A change, signed: 0.0412 as "+4.1%", -0.0412 as "−4.1%", 0 as "0%". More decimals if one would show no change, or
    100% for a fall that did not end at nothing."""
    exact = _to_decimal(number)
    if exact in (0, -1) or abs(exact) >= 10:
        return _format_with_sign(exact, "#,##0%", locale)
    for places in (1, 2, 3, 4):
        shown = round(exact, places + 2)
        if shown not in (0, -1):
            return _format_with_sign(shown, f"#,##0.{'0' * places}%", locale)
    return i18n.translator_for(locale).say(
        "almost {change}", change=_format_with_sign(Decimal(round(exact)), "#,##0%", locale)
    )


def format_magnitude(number: Number, locale: str = "en") -> str:
    """A change without its sign, after a verb with the direction: "rose 4.1%", "fell 4.1%"."""
    return format_ratio(number, locale).replace("+", "").replace(MINUS, "")


def format_points(number: Number, locale: str = "en") -> str:
    """A difference of two ratios, signed: 0.05 as "+5.0 points"."""
    exact = _to_decimal(number) * 100
    if exact == 0:
        return _in_points(_format_with_sign(exact, "#,##0", locale), locale)
    for places in (1, 2, 3, 4):
        shown = round(exact, places)
        if shown:
            return _in_points(_format_with_sign(shown, f"#,##0.{'0' * places}", locale), locale)
    return i18n.translator_for(locale).say(
        "almost {change}", change=_in_points(_format_decimal(Decimal(0), "0", locale), locale)
    )


def format_index(number: Number, locale: str = "en") -> str:
    """0.8731 as "0.873"; 0 and 1 only if exact."""
    exact = _to_decimal(number)
    if exact in (0, 1):
        return _format_decimal(exact, "0", locale)
    return _format_part(exact, "0.000", locale)


def format_amount(number: Number | str, unit: str, locale: str = "en") -> str:
    """Money in its token: ("1234.5", "OPG") as "1,234.5 OPG", up to four decimals."""
    exact = _to_decimal(number)
    least = Decimal("0.0001")
    if exact and abs(exact) < least:
        return f"{_format_bound(exact, least, '#,##0.0000', locale)} {unit}"
    return f"{_format_decimal(exact, '#,##0.####', locale)} {unit}"


def format_day(when: date | str, locale: str = "en") -> str:
    """A date (or its ISO form) as "12 January 2025"."""
    return format_date(_to_date(when), _DATE if _is_english(locale) else "long", i18n.babel_locale(locale))


def format_short_day(when: date, locale: str = "en") -> str:
    """A day without its year, for an axis: "12 Jan"."""
    if _is_english(locale):
        return format_date(when, format="d MMM", locale="en")
    return str(format_skeleton("MMMd", when, locale=i18n.babel_locale(locale)))


def format_day_range(first: date | str, last: date | str, locale: str = "en") -> str:
    """A range of days as "6 to 12 January 2025", in other languages in their form: "6–12 de enero de 2025"."""
    start, end = _to_date(first), _to_date(last)
    if start == end:
        return format_day(end, locale)
    if not _is_english(locale):
        return str(format_interval(start, end, "yMMMd", locale=i18n.babel_locale(locale)))
    short = "d MMMM y" if start.year != end.year else "d MMMM" if start.month != end.month else "d"
    return f"{format_date(start, format=short, locale='en')} to {format_day(end, locale)}"


def format_weekday(when: date | str, locale: str = "en") -> str:
    """The day of the week: "Sunday"."""
    return format_date(_to_date(when), "EEEE", i18n.babel_locale(locale))


def format_month(when: date | str, locale: str = "en") -> str:
    """The month that holds a day: "January 2025"."""
    known = i18n.babel_locale(locale)
    pattern = "LLLL y" if _is_english(locale) else str(known.datetime_skeletons["yMMMM"].pattern)
    return format_date(_to_date(when), pattern, known)


def at_least(shown: str, locale: str = "en") -> str:
    """A formatted number as a lower bound: "at least 929"."""
    return i18n.translator_for(locale).say("at least {n}", n=shown)


def format_figure(figure: Mapping[str, object], locale: str = "en") -> str:
    """A figure of a digest by its unit, without the noun of a counted thing; "unknown" if it is unknown."""
    shown = _format_value(figure, locale)
    return at_least(shown, locale) if figure.get("at_least") else shown


def _format_value(figure: Mapping[str, object], locale: str) -> str:
    number, unit = figure.get("value"), str(figure.get("unit"))
    if number is None:
        return i18n.translator_for(locale).translate_text(UNKNOWN)
    if isinstance(number, str):
        return format_amount(number, unit, locale)
    if not isinstance(number, int | float | Decimal) or isinstance(number, bool):
        raise TypeError(f"figure {figure.get('label')!r}: found {number!r}, wanted a number, a decimal string or null")
    unit = display_unit(unit, str(figure.get("label", "change")))
    formats = {"share": format_share, "ratio": format_ratio, "points": format_points, "index": format_index}
    if unit in formats:
        return formats[unit](number, locale)
    if figure.get("error"):
        return _format_estimate(figure, format_count(number, locale), locale)
    return format_amount(number, unit, locale) if unit.isupper() else format_count(number, locale)


def display_unit(unit: str, label: str) -> str:
    """The unit that decides a number's format. A ratio is a change, shown as a percentage, if its label begins with
    "change", and otherwise a plain quotient, such as runs per listed model."""
    return QUOTIENT if unit == "ratio" and not label.startswith("change") else unit


def format_figure_with_noun(figure: Mapping[str, object], locale: str = "en") -> str:
    """A figure with its noun: "929 models", "24.6%", "unknown"."""
    number, unit = figure.get("value"), str(figure.get("unit"))
    shown = _format_value(figure, locale)
    if figure.get("error") and isinstance(number, int):
        return _format_estimate(figure, format_with_noun(number, unit, locale), locale)
    if isinstance(number, int | float | Decimal) and unit not in _BARE and not unit.isupper():
        shown = _with_noun(shown, unit, number, locale)
    return at_least(shown, locale) if figure.get("at_least") else shown


def _format_estimate(figure: Mapping[str, object], shown: str, locale: str) -> str:
    """An estimated count with its standard error, which is never rounded down: "about 5,239 addresses (±3.3%)"."""
    error = figure["error"]
    edge = ceil(error * 1000) / 1000 if isinstance(error, int | float) else 1.0
    return i18n.translator_for(locale).say("about {count} (±{error})", count=shown, error=format_share(edge, locale))


def _to_decimal(number: Number | str) -> Decimal:
    """The number as people write it: a float in its shortest decimal form."""
    return number if isinstance(number, Decimal) else Decimal(str(number))


def _to_date(when: date | str) -> date:
    return when if isinstance(when, date) else date.fromisoformat(when)


def _is_english(locale: str) -> bool:
    return locale.startswith("en")


def _format_decimal(exact: Decimal, pattern: str, locale: str) -> str:
    """A number in a pattern like "#,##0.0"; with a "%" at the end, as a percentage in the language's form."""
    known = i18n.babel_locale(locale)
    if pattern.endswith("%"):
        pattern = known.percent_formats[None].pattern.replace("#,##0", pattern[:-1])
    with localcontext(prec=_DIGITS):
        return format_decimal(exact, format=pattern, locale=known).replace(_MARK, "")


def _with_noun(shown: str, unit: str, number: Number, locale: str) -> str:
    singular, many = f"{{n}} {english_noun(unit, 1)}", f"{{n}} {unit}"
    if _is_english(locale):
        return f"{shown} {english_noun(unit, number)}"
    return i18n.translator_for(locale).translate_plural_word("unit", singular, many, float(number)).format(n=shown)


def _in_points(shown: str, locale: str) -> str:
    return i18n.translator_for(locale).say("{n} points", n=shown)


def _format_with_sign(exact: Decimal, pattern: str, locale: str) -> str:
    shown = _format_decimal(abs(exact), pattern, locale)
    return f"+{shown}" if exact > 0 else f"{MINUS}{shown}" if exact < 0 else shown


def _format_part(exact: Decimal, pattern: str, locale: str) -> str:
    """A part of 1, as a true bound where it is nearer to 0 or 1 than its decimals show."""
    if 0 < exact < Decimal("0.001"):
        return "<" + _format_decimal(Decimal("0.001"), pattern, locale)
    if Decimal("0.999") < exact < 1:
        return ">" + _format_decimal(Decimal("0.999"), pattern, locale)
    return _format_decimal(exact, pattern, locale)


def _format_bound(exact: Decimal, least: Decimal, pattern: str, locale: str) -> str:
    """A number too small for its decimals, as a true bound."""
    edge = _format_decimal(least, pattern, locale)
    return f"<{edge}" if exact > 0 else f">{MINUS}{edge}"
