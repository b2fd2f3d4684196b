"""What a linear reader of the code takes the drawing for: small bars, for A and for B."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch

from ae_core.analysis.page_start import READS_AS
from ae_core.analysis.probe import Probe
from ae_core.ui import markup, probes
from ae_core.ui.following import Follower, Parts
from ae_core.ui.keys import Side
from ae_core.ui.shown import Shown
from ae_core.ui.shown_model import Choice
from ae_core.ui.sight import Sight
from ae_core.ui.state import lab

_MOST_BARS = 26
"""Of more classes the likeliest is told in words alone."""
_LONGEST_NAME = 3


class _Reader(NamedTuple):
    """A model, and what its code is read by; None: nothing yet."""

    shown: Shown
    probe: Probe | None


def show(choice: Choice, seen: Sight | None) -> None:
    """The bars."""
    parts = follower(choice.sides, probes.finder(), lab().data.classes)(seen)
    markup.show("<div class='reading'>", *parts.values(), "</div>")


def follower(
    sides: Mapping[Side, Shown], find_probe: Callable[[Shown], Probe | None], classes: Sequence[str]
) -> Follower:
    """How the bars are drawn of any picture."""
    return partial(_bars, {side: _Reader(shown, find_probe(shown)) for side, shown in sides.items()}, classes)


def _bars(readers: Mapping[Side, _Reader], classes: Sequence[str], seen: Sight | None) -> Parts:
    found = {side: _read(reader, seen) for side, reader in readers.items()}
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
    return {
        ".reading": f"<div class='said'><span>{title}</span>{said}</div>"
        f"<div class='digits' style='{columns}' role='img' aria-label='{spoken}'>{digits}</div>"
    }


def _read(reader: _Reader, seen: Sight | None) -> np.ndarray | None:
    """The probability of each digit; None without a drawing or a reader of this model's code."""
    if seen is None or reader.probe is None:
        return None
    code = torch.from_numpy(seen.inspect(reader.shown).code)
    return reader.probe.reader.probabilities(code[None])[0].numpy()


def _in_words(shares: np.ndarray | None, seen: Sight | None, classes: Sequence[str]) -> str:
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
