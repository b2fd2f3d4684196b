"""Values as they are written for a reader, read back by a parser of its own."""

import math
import re
import unicodedata

import pytest

from ae_core.analysis.notation import in_plain_digits, power_notation, value_text
from ae_core.config import LADDERS

EXAMPLES = {
    0.0: "0",
    1e-6: "10⁻⁶",
    5e-3: "5·10⁻³",
    2e-2: "2·10⁻²",
    1e-1: "10⁻¹",
    1.0: "1",
    0.5: "5·10⁻¹",
    100.0: "10²",
    2.5e-4: "2.5·10⁻⁴",
    10.0: "10",
    20.0: "20",
    12.34: "12.3",
    1.2345e-4: "1.23·10⁻⁴",
    9.994e-4: "9.99·10⁻⁴",
    9.996e-4: "10⁻³",
    9.999: "10",
    99.99: "10²",
    -5e-3: "−5·10⁻³",
    -3.0: "−3",
    1e12: "10¹²",
    5e-324: "4.94·10⁻³²⁴",
}


def read_back(text):
    """The value of a text: superscripts by their values in Unicode's tables."""
    with_power = re.fullmatch(r"(−?)(?:([\d.]+)·)?10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", text)
    if with_power is None:
        return float(text.replace("−", "-"))
    sign, mantissa, raised = with_power.groups()
    exponent = "".join("-" if one == "⁻" else str(unicodedata.digit(one)) for one in raised)
    return float(f"{'-' if sign else ''}{mantissa or 1}e{exponent}")


@pytest.mark.parametrize(("value", "text"), EXAMPLES.items())
def test_a_value_that_spans_decades_is_written_with_its_power(value, text):
    assert power_notation(value) == text
    assert power_notation(-value) == ("0" if value == 0 else text[1:] if value < 0 else f"−{text}")


@pytest.mark.parametrize("exponent", range(-12, 13))
@pytest.mark.parametrize("mantissa", [1.0, 1.005, 2.0, 3.14159, 9.994, 9.996, -1.0, -7.77])
def test_what_is_written_is_the_value_to_three_digits(mantissa, exponent):
    value = mantissa * 10.0**exponent
    for text in (power_notation(value), value_text(value)):
        assert read_back(text) == pytest.approx(value, rel=5.1e-3)
        assert read_back(text) == pytest.approx(float(f"{value:.3g}"), rel=1e-12)
        assert "e" not in text
        assert len(re.sub(r"\D", "", re.sub("10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", "", text)).strip("0")) <= 3


@pytest.mark.parametrize("weights", LADDERS.values())
def test_every_rung_keeps_a_name_of_its_own(weights):
    assert len({power_notation(weight) for weight in weights}) == len(weights)
    assert all(read_back(power_notation(weight)) == weight for weight in weights)


@pytest.mark.parametrize(
    ("value", "text"),
    {
        0.0: "0",
        0.012345: "0.0123",
        12.345: "12.3",
        1234.5: "1230",
        0.5: "0.5",
        42.0: "42",
        0.001: "0.001",
        0.00123456: "0.00123",
        0.0009996: "0.001",
        0.000999: "9.99·10⁻⁴",
        9990.0: "9990",
        9994.0: "9990",
        9999.0: "10⁴",
        12345.0: "1.23·10⁴",
        3.2109e-5: "3.21·10⁻⁵",
        -0.0123: "−0.0123",
        -3.21e-5: "−3.21·10⁻⁵",
    }.items(),
)
def test_a_measured_value_has_plain_digits_as_long_as_they_are_short(value, text):
    assert value_text(value) == text


@pytest.mark.parametrize("write", [power_notation, value_text])
def test_what_is_no_number_stays_what_it_is(write):
    assert [write(value) for value in (math.nan, math.inf, -math.inf)] == ["nan", "inf", "-inf"]


def test_machines_read_a_name_with_the_weight_in_plain_digits():
    assert in_plain_digits("10⁻⁴") == "0.0001"
    assert in_plain_digits("sparse 5·10⁻³ no. 2") == "sparse 0.005 no. 2"
    assert in_plain_digits("10² (file)") == "100 (file)"
    assert in_plain_digits("0") == "0"
    assert in_plain_digits("mine (uploaded)") == "mine (uploaded)"
