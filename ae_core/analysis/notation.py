"""How values are written for a reader: powers of ten with real exponents, never 1e-05."""

from __future__ import annotations

import math
import re

from ae_core.config import Kind

SUPERSCRIPTS = {"-": "⁻"} | dict(zip("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹", strict=True))
"""The raised form of what exponents are made of."""
_RAISE = str.maketrans(SUPERSCRIPTS)
_PLAIN_FROM, _PLAIN_TO = 0.001, 9999.0


def power_notation(value: float) -> str:
    """A value that spans decades, such as a penalty weight: 10⁻⁶, 5·10⁻³, 0, 1, 20, 10².

    The mantissa has three significant digits at most. Below ten the power 10⁰, and below a hundred 10¹, would
    only be in the way: such values are written out.
    """
    value = float(value)
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    # Python rounds the mantissa first, so that 9.999 becomes 1.00 of the next decade.
    digits, exponent_text = f"{abs(value):.2e}".split("e")
    exponent = int(exponent_text)
    sign = "−" if value < 0 else ""
    if exponent in (0, 1):
        return f"{sign}{float(digits) * 10**exponent:.3g}"
    mantissa = f"{float(digits):g}"
    power = f"10{str(exponent).translate(_RAISE)}"
    return sign + (power if mantissa == "1" else f"{mantissa}·{power}")


def value_text(value: float) -> str:
    """A measured value beside its name, with three significant digits: 0.0123, 12.3, 1230, 3.21·10⁻⁵.

    Trailing zeros are left out, and it is the rounded value that decides between digits and a power.
    """
    value = float(value)
    if value == 0 or not math.isfinite(value):
        return power_notation(value)
    rounded = float(f"{value:.2e}")
    if not _PLAIN_FROM <= abs(rounded) <= _PLAIN_TO:
        return power_notation(value)
    # All digits are there and none is made up: the last one is at most the sixth decimal.
    digits = f"{abs(rounded):.6f}".rstrip("0").rstrip(".")
    return f"{'−' if value < 0 else ''}{digits}"


def penalty_symbol(kind: Kind) -> str:
    """What the penalty weight of a kind is called."""
    return "λ" if kind == "contractive" else "β"


_POWER = re.compile(f"(?:([0-9.]+)·)?10([{''.join(SUPERSCRIPTS.values())}]+)")
_LOWER = str.maketrans({raised: plain for plain, raised in SUPERSCRIPTS.items()})


def in_plain_digits(name: str) -> str:
    """A model's name, for files and tables, with penalty weights as machines read them: 0.0001 for 10⁻⁴."""
    return _POWER.sub(lambda found: f"{float(f'{found[1] or 1}e{found[2].translate(_LOWER)}'):g}", name)
