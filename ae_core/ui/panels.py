"""The live panels: what the models of A and B make of the drawing, on scales that both share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np

from ae_core.analysis import page_start
from ae_core.analysis.inspection import Inspection
from ae_core.analysis.ladder_range import LadderRange
from ae_core.analysis.notation import value_text
from ae_core.analysis.units import mean_activations
from ae_core.config import Kind
from ae_core.render import maps, unit_pictures
from ae_core.training.observer import IMAGES
from ae_core.ui import library, markup
from ae_core.ui.following import Follower, Parts
from ae_core.ui.keys import Side
from ae_core.ui.shown import Shown
from ae_core.ui.shown_model import Choice
from ae_core.ui.sight import Sight

_UNITS_IN_BARS = 64
_PIXELS = 28
"""Of the maps, which the page enlarges: small pictures arrive sooner."""


class Scales(NamedTuple):
    """How strong the colours of a map are."""

    axes: LadderRange
    """Of `ladder_range`, which all models of a kind share."""
    own: bool
    """Whether each map has a scale of its own."""

    def strength(self, share: float) -> float:
        """How far into its colours a map reaches, by where its model lies on the ladder's axis."""
        return 1.0 if self.own else maps.strength_of(share)


def show(choice: Choice, follower: Follower, seen: Sight | None) -> None:
    """Four panels and the gauges of each side, in a row; empty ones while there is no drawing."""
    if sides := choice.sides:
        markup.show(
            *(
                f"<section class='panels {side}' aria-label='{side}'>{inside}</section>"
                for side, inside in zip(sides, follower(seen).values(), strict=True)
            )
        )


def follower(sides: Mapping[Side, Shown], scales: Scales) -> Follower:
    """How they are drawn of any picture."""
    return partial(_rows, sides, scales)


def _rows(sides: Mapping[Side, Shown], scales: Scales, seen: Sight | None) -> Parts:
    return {f".panels.{side}": _row_once(side, shown, scales, seen) for side, shown in sides.items()}


def _row_once(side: Side, shown: Shown, scales: Scales, seen: Sight | None) -> str:
    def draw() -> str:
        return _row(side, shown, scales, seen)

    return draw() if seen is None else seen.html(("row", side, shown.number, scales.own), draw)


def _row(side: Side, shown: Shown, scales: Scales, seen: Sight | None) -> str:
    if seen is None:
        panels = {name: _heading(name) + f"<p class='empty'>{page_start.EMPTY}</p>" for name in _PARTS}
        panels["values"] = ""
    else:
        inspection = seen.inspect(shown)
        panels = {name: _heading(name) + part(shown, inspection, scales) for name, part in _PARTS.items()}
        panels["values"] = _gauges(side, shown, inspection, scales.axes)
    return "".join(
        f"<div class='panel panel-{name} {markup.key_class(f'panel_{side}_{name}')}'>{panel}</div>"
        for name, panel in panels.items()
    )


@lru_cache(maxsize=32)
def _range_of(models: tuple[Shown, ...]) -> LadderRange:
    return LadderRange.of([shown.checkpoint.metrics for shown in models])


def ladder_range(kind: Kind) -> LadderRange:
    """The axes of a kind's ladder on MNIST, whatever the page shows; damaged files are left out."""
    return _range_of(tuple(library.intact_ladder(kind)))


def _heading(name: str) -> str:
    return f"<h3 class='panel-title'>{markup.symbol(name, page_start.PANELS[name])}</h3>"


def reconstruction(inspection: Inspection) -> str:
    """The reconstruction alone, as HTML."""
    return markup.picture(
        maps.grey_picture(inspection.reconstruction, _PIXELS),
        "Reconstruction of the drawing, 28 by 28 pixels, clamped to [0, 1].",
    )


def _reconstruction(shown: Shown, inspection: Inspection, scales: Scales) -> str:  # noqa: ARG001
    return reconstruction(inspection)


def _error(shown: Shown, inspection: Inspection, scales: Scales) -> str:  # noqa: ARG001
    strength = scales.strength(scales.axes.mse.share(inspection.mse))
    return _heat(inspection.error, strength, "Error of each pixel of the reconstruction")


def _sensitivity(shown: Shown, inspection: Inspection, scales: Scales) -> str:  # noqa: ARG001
    strength = scales.strength(scales.axes.jacobian_sq_norm.share(inspection.jacobian_sq_norm))
    return _heat(inspection.sensitivity_map, strength, "Sensitivity of the code to each pixel")


def _heat(values: np.ndarray, strength: float, what: str) -> str:
    largest = float(values.max())
    return markup.picture(
        maps.heat_map(values, maps.colours_end(values, strength), _PIXELS),
        f"{what}, 28 by 28, from 0 to {largest:.3g}.",
    ) + markup.strength_scale(largest, strength)


def _code(shown: Shown, inspection: Inspection, scales: Scales) -> str:
    code, magnitudes = inspection.code, inspection.code_magnitudes
    mean = mean_activations(shown.statistics)
    largest = float(magnitudes.max())
    channels, height, _ = inspection.code_shape
    strength = scales.strength(scales.axes.code_sq_norm.share(inspection.code_sq_norm))
    if len(code) <= _UNITS_IN_BARS:
        assert inspection.active is not None, "a shown model has statistics"
        end = maps.colours_end(code, strength)
        picture = unit_pictures.bars(
            code, inspection.active, mean, shown.checkpoint.train_config.at_last.sparsity_target, end
        )
        few = min(IMAGES, len(shown.data.images("test")))
        tried = f"{few} test images" if shown.is_moment else "the test set"
        below = (
            f"<p class='note'>top: {end:.2g} · <i class='active'></i>{markup.symbol('active')} "
            f"<i class='quiet'></i>not <i class='mean'></i>mean on {tried} · line: "
            f"{markup.symbol('ρ')}</p>"
        )
        layout = {"columns": len(code), "rows": 1, "tile": 1, "gap": 0, "order": list(range(len(code)))}
        alt = f"Activation of each of {len(code)} units, from 0 to {largest:.3g}."
    else:
        # The busiest channels first, by the test set: a fixed order, in which one sees a code change.
        order = np.argsort(-np.abs(mean).reshape(inspection.code_shape).mean((1, 2)), kind="stable")
        picture = maps.code_map(magnitudes, maps.colours_end(magnitudes, strength), 1, order)
        below = markup.strength_scale(largest, strength)
        rows = -(-channels // maps.TILES_PER_ROW)
        layout = {
            "columns": maps.TILES_PER_ROW,
            "rows": rows,
            "tile": height,
            "gap": maps.TILE_GAP,
            "order": order.tolist(),
        }
        alt = f"Activation of {len(code)} units, from 0 to {largest:.3g}, the busiest channels first."
    # Packed: writing a thousand numbers out takes longer than all else here.
    hover = json.dumps({**layout, "values": maps.packed(code.astype("<f4"))}, separators=(",", ":"))
    return markup.picture(picture, alt, code=hover) + below


def _gauges(side: Side, shown: Shown, inspection: Inspection, axes: LadderRange) -> str:
    active = inspection.active_count or 0
    return (
        f"<h3 class='panel-title'>{side}: {_short(shown)}</h3>"
        + markup.gauge("MSE", "MSE", inspection.mse, axes.mse, value_text(inspection.mse))
        + markup.gauge(
            "‖J‖²",
            "‖J‖²",
            inspection.jacobian_sq_norm,
            axes.jacobian_sq_norm,
            value_text(inspection.jacobian_sq_norm),
        )
        + markup.gauge("active", "active", active, axes.active_units, f"{active} of {len(inspection.code)}")
        + markup.values({"Hoyer": f"{inspection.hoyer:.2f}"})
    )


def _short(shown: Shown) -> str:
    name, remarks = shown.name, shown.checkpoint.train_config.remarks
    if remarks not in name:
        name += remarks
    return markup.escape(name if shown.wound_to is None else f"{name}, step {shown.wound_to:,}")


_PARTS = {
    "reconstruction": _reconstruction,
    "error": _error,
    "code": _code,
    "sensitivity": _sensitivity,
}
