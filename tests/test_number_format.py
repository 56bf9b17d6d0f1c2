"""The format of numbers: rounding never misleads."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot import number_format

SHARES = st.floats(0, 1, allow_nan=False)


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [
        (number_format.format_count(1234567), "1,234,567"),
        (number_format.format_count(12.48), "12.5"),
        (number_format.format_count(0.03), "<0.1"),
        (number_format.format_count(2297.845), "2,298"),
        (number_format.format_compact(8692748), "8.7 million"),
        (number_format.format_compact(999_999), "999,999"),
        (number_format.format_compact(999_960_000), "999.96 million"),
        (number_format.format_compact(9_954_233), "9.95 million"),
        (number_format.format_compact(9_999_999), "9,999,999"),
        (number_format.format_compact(9_954_233, "zh-CN"), "995.4万"),
        (number_format.format_with_noun(1, "models"), "1 model"),
        (number_format.format_with_noun(929, "models"), "929 models"),
        (number_format.english_noun("addresses", 1), "address"),
        (number_format.spell_count(2), "two"),
        (number_format.spell_count(18), "18"),
        (number_format.format_share(0.2456), "24.6%"),
        (number_format.format_share(0.5), "50%"),
        (number_format.format_share(0.4996), "50.0%"),
        (number_format.format_share(0.9996), ">99.9%"),
        (number_format.format_share(3 / 4000), "<0.1%"),
        (number_format.format_share(0), "0%"),
        (number_format.format_share(1), "100%"),
        (number_format.format_ratio(0.0412), "+4.1%"),
        (number_format.format_ratio(-0.0412), "−4.1%"),
        (number_format.format_ratio(0), "0%"),
        (number_format.format_ratio(0.0003), "+0.03%"),
        (number_format.format_ratio(-0.99996), "−99.996%"),
        (number_format.format_ratio(-1), "−100%"),
        (number_format.format_ratio(1e-9), "almost 0%"),
        (number_format.format_magnitude(-0.0412), "4.1%"),
        (number_format.format_points(0.05), "+5.0 points"),
        (number_format.format_points(0), "0 points"),
        (number_format.format_index(0.8731), "0.873"),
        (number_format.format_index(0.99999), ">0.999"),
        (number_format.format_amount("1234.5", "OPG"), "1,234.5 OPG"),
        (number_format.format_amount(Decimal("0.000000000000000001"), "OPG"), "<0.0001 OPG"),
        (number_format.format_day("2025-01-12"), "12 January 2025"),
        (number_format.format_day(date(2025, 1, 12), "de"), "12. Januar 2025"),
        (number_format.format_day_range("2025-01-06", "2025-01-12"), "6 to 12 January 2025"),
        (number_format.format_day_range("2024-12-30", "2025-01-05"), "30 December 2024 to 5 January 2025"),
        (number_format.format_day_range("2025-01-30", "2025-02-02"), "30 January to 2 February 2025"),
        (number_format.format_day_range("2025-01-30", "2025-01-30"), "30 January 2025"),
        (number_format.format_month("2025-01-01"), "January 2025"),
        (number_format.format_weekday("2025-01-12"), "Sunday"),
        (number_format.format_count(1234567, "es-ES"), "1.234.567"),
        (number_format.format_count(1234567, "ar"), "1,234,567"),  # digits 0 to 9 in every language
        (number_format.format_share(0.2456, "tr"), "%24,6"),
        (number_format.format_share(0.2456, "es-ES"), "24,6\xa0%"),
        (number_format.format_share(0.0004, "tr"), "<%0,1"),
        (number_format.format_share(0.9996, "vi"), ">99,9%"),
        (number_format.format_share(0.5, "ar"), "50%"),  # no direction marks: the whole is isolated where it is set in
        (number_format.format_ratio(-0.0412, "tr"), "−%4,1"),
        (number_format.format_points(0.05, "zh-CN"), "+5.0 个百分点"),
        (number_format.format_points(1e-9, "es-ES"), "casi 0 puntos"),
        (number_format.format_compact(8692748, "zh-CN"), "869.3万"),
        (number_format.format_compact(8692748, "ar"), "8.7 مليون"),
        (number_format.format_with_noun(1, "models", "ar"), "نموذج واحد"),
        (number_format.format_with_noun(12, "unheard", "ar"), "12 unheard"),
        (number_format.spell_count(2, "vi"), "2"),
        (number_format.format_day("2025-01-12", "zh-CN"), "2025年1月12日"),
        (number_format.format_day("2025-01-12", "ar"), "12 يناير 2025"),
        (number_format.format_day_range("2025-01-06", "2025-01-12", "zh-CN"), "2025年1月6日至12日"),
        (number_format.format_day_range("2024-12-30", "2025-01-05", "tr"), "30 Ara 2024\u2009–\u20095 Oca 2025"),
        (number_format.format_month("2025-01-01", "es-ES"), "enero de 2025"),
        (number_format.format_weekday("2025-01-12", "vi"), "Chủ Nhật"),
        (number_format.format_figure({"value": None, "unit": "runs"}, "es-ES"), "desconocido"),
    ],
)
def test_numbers_and_dates_read_as_people_write_them(shown: str, wanted: str) -> None:
    assert shown == wanted


@given(SHARES)
@example(0.0004999)
@example(0.99950001)
def test_a_share_says_none_or_all_only_where_that_is_so(number: float) -> None:
    shown = number_format.format_share(number)
    assert (shown == "0%") == (number == 0)
    assert (shown == "100%") == (number == 1)
    assert shown not in ("0.0%", "100.0%")


@given(SHARES)
def test_a_shown_share_is_within_its_rounding_of_the_real_one(number: float) -> None:
    shown = number_format.format_share(number)
    count = float(shown.strip("<>%")) / 100
    if shown[0] == "<":
        assert number < count
    elif shown[0] == ">":
        assert number > count
    else:
        assert abs(count - number) <= 0.0005 + 1e-12


@given(st.floats(-1, 9, allow_nan=False))
def test_a_change_is_never_shown_as_none_or_as_a_fall_to_nothing_unless_it_is(number: float) -> None:
    shown = number_format.format_ratio(number)
    assert (shown == "0%") == (number == 0)
    assert not re.fullmatch(r"[+−]?0\.0*%", shown)
    assert (shown == "−100%") == (number == -1)
    assert number == -1 or not shown.startswith("−100")


def test_a_figure_is_shown_by_its_unit() -> None:
    def shown(value: object, unit: str, label: str = "change of runs") -> str:
        return number_format.format_figure({"value": value, "unit": unit, "label": label})

    assert shown(929, "models") == "929"
    assert shown(0.2456, "share") == "24.6%"
    assert shown(0.0412, "ratio") == "+4.1%"
    assert shown(2297.8, "ratio", "runs per listed model") == "2,298"
    assert (
        number_format.display_unit("ratio", "runs per listed model") == number_format.QUOTIENT
        and number_format.display_unit("ratio", "change of x") == "ratio"
    )
    assert shown(-0.05, "points") == "−5.0 points"
    assert shown(0.9957, "index") == "0.996"
    assert shown("1.5", "OPG") == "1.5 OPG"
    assert number_format.format_figure_with_noun({"value": 1, "unit": "models"}) == "1 model"


def test_an_unknown_figure_is_unknown_and_never_zero() -> None:
    unknown = {"value": None, "unknown": "no reading", "unit": "runs"}
    assert number_format.format_figure(unknown) == number_format.format_figure_with_noun(unknown) == "unknown"


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(TypeError, match="found True"):
        number_format.format_figure({"value": True, "unit": "models", "label": "x"})
