"""What a linear reader of the code takes the drawing for: small bars, for A and for B."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from ae_core.analysis.inspection import Seen
from ae_core.analysis.page_start import READS_AS
from ae_core.ui import markup, probes
from ae_core.ui.keys import Side
from ae_core.ui.library import Shown
from ae_core.ui.shown_model import Choice
from ae_core.ui.state import lab

_MOST_BARS = 26
"""Of more classes the likeliest is told in words alone."""
_LONGEST_NAME = 3


def show(choice: Choice, seen: Seen | None) -> None:
    """The bars; while the pen is down the pen's script renews them."""
    markup.show(f"<div class='reading'>{bars(choice, seen)}</div>")


def bars(choice: Choice, seen: Seen | None) -> str:
    """The bars as HTML."""
    found = {side: _read(shown, seen) for side, shown in choice.sides.items()}
    classes = lab().data.classes
    said = "".join(
        f"<span>{side}: <b>{html.escape(_in_words(shares, seen, classes))}</b></span>"
        for side, shares in found.items()
    )
    title = markup.symbol("reads", READS_AS)
    bars = len(classes) if len(classes) <= _MOST_BARS else 0
    digits = "".join(_digit(digit, classes[digit], found) for digit in range(bars))
    columns = f"grid-template-columns: repeat({max(bars, 1)}, 1fr)"
    alt = "; ".join(f"{side}: {_in_words(shares, seen, classes)}" for side, shares in found.items())
    spoken = html.escape(alt, quote=True)
    return (
        f"<div class='said'><span>{title}</span>{said}</div>"
        f"<div class='digits' style='{columns}' role='img' aria-label='{spoken}'>{digits}</div>"
    )


def _read(shown: Shown, seen: Seen | None) -> np.ndarray | None:
    """The probability of each digit; None without a drawing or a reader of this model's code."""
    probe = None if seen is None else probes.find_probe(shown)
    if seen is None or probe is None:
        return None
    code = torch.from_numpy(lab().inspect(shown, seen).code)
    return probe.reader.probabilities(code[None])[0].numpy()


def _in_words(shares: np.ndarray | None, seen: Seen | None, classes: Sequence[str]) -> str:
    if shares is None:
        return "nothing" if seen is None else "no reader yet"
    digit = int(shares.argmax())
    return f"{classes[digit]} ({shares[digit]:.0%})"


def _digit(digit: int, name: str, found: Mapping[Side, np.ndarray | None]) -> str:
    columns = "".join(
        f"<i class='{side}' style='height:{0 if shares is None else 100 * shares[digit]:.1f}%'></i>"
        for side, shares in found.items()
    )
    return f"<div><div class='bars'>{columns}</div>{html.escape(name[:_LONGEST_NAME])}</div>"
