"""How every number and date is shown, in one place. Rounding never lies: what is not all is never shown as 100%, what
is not none is never shown as 0, and unknown is said as such.

Counted things come without their noun (`count`) or with it (`counted`). Ratios and points carry their sign.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from math import ceil

from babel.dates import format_date
from babel.numbers import format_compact_decimal, format_decimal

Number = int | float | Decimal

UNKNOWN = "unknown"
MINUS = "−"

_COMPACT_FROM = 10**6
_IRREGULAR = {"addresses": "address", "classes": "class", "batches": "batch", "proxies": "proxy"}
_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_DATE = "d MMMM y"


def count(number: Number, locale: str = "en") -> str:
    """1234567 as "1,234,567". What is not whole (a median, an effective number) keeps one decimal below 1,000."""
    exact = _exact(number)
    if exact == exact.to_integral_value():
        return format_decimal(exact, format="#,##0", locale=locale)
    if abs(exact) < Decimal("0.1"):
        return _bound(exact, Decimal("0.1"), "#,##0.0", locale)
    return format_decimal(exact, format="#,##0.0" if abs(exact) < 1000 else "#,##0", locale=locale)


def compact(number: Number, locale: str = "en") -> str:
    """8692748 as "8.7 million"; below a million the whole number."""
    exact = _exact(number)
    if abs(exact) < _COMPACT_FROM:
        return count(exact, locale)
    for power in (9, 12, 15):
        edge = Decimal(10) ** power
        if edge * Decimal("0.99995") <= abs(exact) < edge:
            exact = edge.copy_sign(exact)
    return format_compact_decimal(exact, format_type="long", locale=locale, fraction_digits=1)


def signed(number: Number, locale: str = "en") -> str:
    """A difference of counts, with its sign: "+137,830", "−222,625"."""
    return ("+" if number > 0 else MINUS if number < 0 else "") + count(number if number >= 0 else -number, locale)


def counted(number: Number, unit: str, locale: str = "en") -> str:
    """A number with its noun: (929, "models") as "929 models", (1, "models") as "1 model"."""
    return f"{count(number, locale)} {noun(unit, number)}"


def noun(unit: str, number: Number = 2) -> str:
    """An English unit, given in the plural, as it stands after a number: singular after 1 and -1."""
    if abs(number) != 1 or not unit.endswith("s"):
        return unit
    return _IRREGULAR.get(unit, unit[:-1])


def spelled(number: Number, locale: str = "en") -> str:
    """Counts below ten in words, as prose has them: 2 as "two", 0 as "no", 18 as "18"."""
    whole = number == int(number) and locale.startswith("en")
    return _WORDS[int(number)] if whole and 0 <= number < len(_WORDS) else count(number, locale)


def share(number: Number, locale: str = "en") -> str:
    """0.2456 as "24.6%"; "100%" and "0%" only where exactly that, else ">99.9%" and "<0.1%"."""
    exact = _exact(number)
    percent = exact * 100
    if percent == percent.to_integral_value():
        return format_decimal(exact, format="#,##0%", locale=locale)
    if 0 < exact < Decimal("0.001"):
        return "<" + format_decimal(Decimal("0.001"), format="#,##0.0%", locale=locale)
    if Decimal("0.999") < exact < 1:
        return ">" + format_decimal(Decimal("0.999"), format="#,##0.0%", locale=locale)
    return format_decimal(exact, format="#,##0.0%", locale=locale)


def ratio(number: Number, locale: str = "en") -> str:
    """A change, signed: 0.0412 as "+4.1%", -0.0412 as "−4.1%", 0 as "0%". More decimals where one would show no
    change, or a fall of 100% that was not a fall to nothing."""
    exact = _exact(number)
    if exact == 0 or exact == -1:
        return _signed(exact, "#,##0%", locale)
    if abs(exact) >= 10:
        return _signed(exact, "#,##0%", locale)
    for places in (1, 2, 3, 4):
        shown = round(exact, places + 2)
        if shown not in (0, -1):
            return _signed(shown, f"#,##0.{'0' * places}%", locale)
    return f"almost {_signed(Decimal(round(exact)), '#,##0%', locale)}"


def magnitude(number: Number, locale: str = "en") -> str:
    """A change without its sign, for after a verb that has the direction: "rose 4.1%", "fell 4.1%"."""
    return ratio(number, locale).replace("+", "").replace(MINUS, "")


def points(number: Number, locale: str = "en") -> str:
    """A difference of two ratios, signed: 0.05 as "+5.0 points"."""
    exact = _exact(number) * 100
    if exact == 0:
        return f"{_signed(exact, '#,##0', locale)} points"
    for places in (1, 2, 3, 4):
        shown = round(exact, places)
        if shown:
            return _signed(shown, f"#,##0.{'0' * places}", locale) + " points"
    return "almost 0 points"


def index(number: Number, locale: str = "en") -> str:
    """0.8731 as "0.873"; 0 and 1 only where exactly that."""
    exact = _exact(number)
    if exact in (0, 1):
        return format_decimal(exact, format="0", locale=locale)
    if 0 < exact < Decimal("0.001"):
        return "<" + format_decimal(Decimal("0.001"), format="0.000", locale=locale)
    if Decimal("0.999") < exact < 1:
        return ">" + format_decimal(Decimal("0.999"), format="0.000", locale=locale)
    return format_decimal(exact, format="0.000", locale=locale)


def amount(number: Number | str, unit: str, locale: str = "en") -> str:
    """Money in its token: ("1234.5", "OPG") as "1,234.5 OPG", up to four decimals."""
    exact = _exact(number)
    least = Decimal("0.0001")
    if exact and abs(exact) < least:
        return f"{_bound(exact, least, '#,##0.0000', locale)} {unit}"
    return f"{format_decimal(exact, format='#,##0.####', locale=locale)} {unit}"


def day(when: date | str, locale: str = "en") -> str:
    """A date (or its ISO form) as "12 January 2025"."""
    moment = when if isinstance(when, date) else date.fromisoformat(when)
    return format_date(moment, format=_DATE if locale.startswith("en") else "long", locale=locale)


def days(first: date | str, last: date | str, locale: str = "en") -> str:
    """A stretch of days as "6 to 12 January 2025" (English), else both dates in full."""
    start, end = (d if isinstance(d, date) else date.fromisoformat(d) for d in (first, last))
    if start == end:
        return day(end, locale)
    if not locale.startswith("en"):
        return f"{day(start, locale)} – {day(end, locale)}"
    short = "d MMMM y" if start.year != end.year else "d MMMM" if start.month != end.month else "d"
    return f"{format_date(start, format=short, locale=locale)} to {day(end, locale)}"


def weekday(when: date | str, locale: str = "en") -> str:
    """The day of the week: "Sunday"."""
    moment = when if isinstance(when, date) else date.fromisoformat(when)
    return format_date(moment, format="EEEE", locale=locale)


def month(when: date | str, locale: str = "en") -> str:
    """The month that holds a day: "January 2025"."""
    moment = when if isinstance(when, date) else date.fromisoformat(when)
    return format_date(moment, format="LLLL y", locale=locale)


def value(figure: Mapping[str, object], locale: str = "en") -> str:
    """A figure of a digest by its unit, without the noun of a counted thing; "unknown" where it is not known."""
    number, unit = figure.get("value"), figure.get("unit")
    if number is None:
        return UNKNOWN
    if isinstance(number, str):
        return amount(number, str(unit), locale)
    if not isinstance(number, int | float | Decimal) or isinstance(number, bool):
        raise TypeError(f"figure {figure.get('label')!r}: found {number!r}, wanted a number, a decimal string or null")
    if unit == "ratio" and not str(figure.get("label", "change")).startswith("change"):
        return count(number, locale)  # a quotient such as runs per listed model, not a change
    shown = {"share": share, "ratio": ratio, "points": points, "index": index}.get(str(unit))
    if shown:
        return shown(number, locale)
    if figure.get("error"):
        return _about(figure, count(number, locale), locale)
    return amount(number, str(unit), locale) if str(unit).isupper() else count(number, locale)


def measured(figure: Mapping[str, object], locale: str = "en") -> str:
    """A figure with its noun: "929 models", "24.6%", "unknown"."""
    number, unit = figure.get("value"), str(figure.get("unit"))
    shown = value(figure, locale)
    if number is None or unit in ("share", "ratio", "points", "index") or unit.isupper():
        return shown
    if figure.get("error") and isinstance(number, int):
        return _about(figure, counted(number, unit, locale), locale)
    return f"{shown} {noun(unit, number)}" if isinstance(number, int | float | Decimal) else shown


def _about(figure: Mapping[str, object], shown: str, locale: str) -> str:
    """An estimated count with its standard error, which is never rounded down: "about 5,239 addresses (±3.3%)"."""
    error = figure["error"]
    edge = ceil(error * 1000) / 1000 if isinstance(error, int | float) else 1.0
    return f"about {shown} (±{share(edge, locale)})"


def _exact(number: Number | str) -> Decimal:
    """The number as people read it: a float by its shortest decimal form."""
    return number if isinstance(number, Decimal) else Decimal(str(number))


def _signed(exact: Decimal, pattern: str, locale: str) -> str:
    shown = format_decimal(abs(exact), format=pattern, locale=locale)
    return f"+{shown}" if exact > 0 else f"{MINUS}{shown}" if exact < 0 else shown


def _bound(exact: Decimal, least: Decimal, pattern: str, locale: str) -> str:
    """A number too small for its decimals, as a bound that is true."""
    edge = format_decimal(least, format=pattern, locale=locale)
    return f"<{edge}" if exact > 0 else f">{MINUS}{edge}"
