"""What a person takes away of one drawing under some models: a table, and a report as one HTML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from ae_core.analysis import glossary
from ae_core.analysis.notation import in_plain_digits, power_notation
from ae_core.render import maps

if TYPE_CHECKING:
    import pandas

    from ae_core.analysis.inspection import Inspection
    from ae_core.analysis.metrics import Metrics
    from ae_core.checkpoints import Checkpoint
    from ae_core.checkpoints.history import History
    from ae_core.config import Kind

_TEMPLATE = Path(__file__).with_name("report.html.jinja")
_MSE = "mean squared error of the reconstruction, clamped to [0, 1]"


@dataclass(frozen=True)
class Exhibit:
    """A model's name, configuration and values on the test set, and what it makes of the drawing."""

    label: str
    kind: Kind
    penalty_weight: float
    sparsity_target: float | None
    remarks: str
    """What sets its training apart besides that: `TrainConfig.remarks`."""
    metrics: Metrics
    inspection: Inspection

    @classmethod
    def of(cls, label: str, checkpoint: Checkpoint[Metrics], inspection: Inspection) -> Exhibit:
        """A model from its checkpoint, under the name that the page gives it."""
        return cls(
            label=label,
            kind=checkpoint.model_config.kind,
            penalty_weight=checkpoint.train_config.at_last.penalty_weight,
            sparsity_target=checkpoint.train_config.at_last.sparsity_target,
            remarks=checkpoint.train_config.remarks,
            metrics=checkpoint.metrics,
            inspection=inspection,
        )

    @property
    def code_map_values(self) -> np.ndarray:
        """Magnitude of the code, shape (channels, height, width)."""
        return self.inspection.code_magnitudes

    @property
    def name_in_tables(self) -> str:
        """The label with its penalty weight as machines read it: 0.0001 for 10⁻⁴."""
        return in_plain_digits(self.label)

    def describe(self) -> str:
        """The model in words: a shipped one is named by its weight alone."""
        weight = power_notation(self.penalty_weight)
        model = f"{self.kind} model, penalty weight {weight}{self.remarks}"
        return model if self.label == weight else f"{self.label}, a {model}"


def tabulate(exhibits: Sequence[Exhibit]) -> pandas.DataFrame:
    """One row per model: the drawing's values, then those of the test set; None where one is undefined."""
    import pandas  # takes a while, and the page starts without a table

    # Python's own numbers: a column of counts stays one where a count is missing.
    return pandas.DataFrame([_row(exhibit) for exhibit in exhibits], dtype=object)


def _row(exhibit: Exhibit) -> dict[str, object]:
    seen = exhibit.inspection
    of_drawing = {
        "model": exhibit.name_in_tables,
        "kind": exhibit.kind,
        "penalty_weight": exhibit.penalty_weight,
        "sparsity_target": exhibit.sparsity_target,
        "mse": seen.mse,
        "active_units": seen.active_count,
        "hoyer": seen.hoyer,
        "jacobian_sq_norm": seen.jacobian_sq_norm,
        "relative_sensitivity": seen.relative_sensitivity,
    }
    of_test_set = {
        name if name.startswith("test") else f"test_{name}": exhibit.metrics.value_of(name)
        for name in glossary.ON_THE_TEST_SET
    }
    return of_drawing | of_test_set


def to_csv(exhibits: Sequence[Exhibit]) -> str:
    """The table as comma-separated values, with a heading; an undefined value is an empty cell."""
    return tabulate(exhibits).to_csv(index=False, lineterminator="\r\n")


def histories_to_csv(histories: Mapping[str, History]) -> str:
    """How the models of these names were trained: a row for each report, with a heading."""
    import pandas

    rows = [{"model": name} | row._asdict() for name, history in histories.items() for row in history]
    return pandas.DataFrame(rows).to_csv(index=False, lineterminator="\r\n")


def to_html(exhibits: Sequence[Exhibit], written: date) -> str:
    """The drawing under all models as one page that needs nothing else: no script, no link, no font."""
    labels = [exhibit.label for exhibit in exhibits]
    weights = [power_notation(exhibit.penalty_weight) for exhibit in exhibits]
    table = tabulate(exhibits).assign(model=labels, penalty_weight=weights)
    return _template().render(
        kind=exhibits[0].kind,
        written=written.isoformat(),
        labels=labels,
        drawing=_url(maps.grey_picture(exhibits[0].inspection.x)),
        maps=[(title, _url(maps.grid([pictures]))) for title, pictures in _maps(exhibits).items()],
        columns=list(table),
        rows=table.to_numpy().tolist(),
        meanings={"mse": _MSE, **glossary.meanings()},
    )


def _maps(exhibits: Sequence[Exhibit]) -> dict[str, list[np.ndarray]]:
    """The pictures of each row, one per model, by the row's title, which says their common scale."""
    seen = [exhibit.inspection for exhibit in exhibits]
    errors = [one.error for one in seen]
    codes = [exhibit.code_map_values for exhibit in exhibits]
    sensitivities = [one.sensitivity_map for one in seen]
    largest_error = float(max(error.max() for error in errors))
    of_code, of_sensitivity = maps.LogScale.over(codes), maps.LogScale.over(sensitivities)
    return {
        "Reconstruction": [maps.grey_picture(one.reconstruction) for one in seen],
        f"Error of each pixel, from 0 to {largest_error:.3g}": [
            maps.heat_map(error, largest_error) for error in errors
        ],
        f"Code, activation from {of_code.smallest:.3g} to {of_code.largest:.3g} on a log scale": [
            maps.code_map(of_code.share(code), 1.0) for code in codes
        ],
        "Sensitivity of the code to each pixel, ‖∂h/∂xᵢ‖, from "
        f"{of_sensitivity.smallest:.3g} to {of_sensitivity.largest:.3g} on a log scale": [
            maps.heat_map(of_sensitivity.share(one), 1.0) for one in sensitivities
        ],
    }


def _url(picture: np.ndarray) -> str:
    return maps.data_url(maps.to_png(picture))


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATE.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cell"] = _cell
    return environment.get_template(_TEMPLATE.name)


def _cell(value: object) -> str:
    if value is None:
        return "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
