"""What a person takes away: one drawing under some models as a picture, a table, or a page of its own."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ae_core import glossary, maps
from ae_core.checkpoints import Checkpoint
from ae_core.inspection import Inspection

_MARGIN = 24
_LINE = 26


@dataclass(frozen=True)
class Exhibit:
    """A model, and what it makes of the drawing."""

    label: str
    checkpoint: Checkpoint
    inspection: Inspection

    @property
    def code_map_values(self) -> np.ndarray:
        """Magnitude of the code, as its channels and places."""
        return self.inspection.code.unflatten(0, self.checkpoint.model.code_shape).abs().numpy()


def figures_png(exhibit: Exhibit) -> bytes:
    """The drawing's maps under one model side by side, with their scales and figures, as a PNG."""
    seen = exhibit.inspection
    code = exhibit.code_map_values
    largest_error, largest_code = seen.error.max().item(), float(code.max())
    largest_sensitivity = seen.sensitivity_map.max().item()
    panels = [
        ("Drawing", maps.grey_picture(seen.x.numpy()), ["as the model sees it"]),
        ("Reconstruction", maps.grey_picture(seen.reconstruction.numpy()), [f"MSE {seen.mse:.6f}"]),
        ("Error", maps.heat_map(seen.error.numpy(), largest_error), [f"0 to {largest_error:.3g}"]),
        (
            "Code",
            maps.code_map(code, largest_code),
            [f"0 to {largest_code:.3g}", f"{seen.active_count} of {len(seen.code)} active"],
        ),
        (
            "Sensitivity",
            maps.heat_map(seen.sensitivity_map.numpy(), largest_sensitivity),
            [f"0 to {largest_sensitivity:.3g}", f"squared Jacobian norm {seen.jacobian_sq_norm:.4g}"],
        ),
    ]
    side = maps.MAP_PIXELS
    height = 5 * _LINE + max(picture.shape[0] for _, picture, _ in panels) + 2 * _MARGIN
    sheet = Image.new("RGB", (len(panels) * (side + _MARGIN) + _MARGIN, height), "white")
    draw = ImageDraw.Draw(sheet)
    heading, text = ImageFont.load_default(20), ImageFont.load_default(16)
    draw.text((_MARGIN, _MARGIN // 2), f"Autoencoder Lab: {_described(exhibit)}", "black", heading)
    top = _MARGIN + _LINE
    for index, (title, picture, lines) in enumerate(panels):
        left = _MARGIN + index * (side + _MARGIN)
        draw.text((left, top), title, "black", heading)
        sheet.paste(Image.fromarray(picture), (left, top + _LINE + 4))
        for number, line in enumerate(lines):
            draw.text((left, top + _LINE + picture.shape[0] + 10 + number * _LINE), line, "black", text)
    return maps.to_png(np.asarray(sheet))


def _described(exhibit: Exhibit) -> str:
    weight = f"{exhibit.checkpoint.train_config.penalty_weight:g}"
    model = f"{exhibit.checkpoint.model_config.kind} model, penalty weight {weight}"
    # A shipped model is named by its weight alone.
    return model if exhibit.label == weight else f"{exhibit.label}, a {model}"


_COLUMNS = (
    "model",
    "kind",
    "penalty_weight",
    "sparsity_target",
    "mse",
    "active_units",
    "hoyer",
    "jacobian_sq_norm",
    "relative_sensitivity",
)


def figures_table(exhibits: Sequence[Exhibit]) -> list[dict[str, object]]:
    """One row per model: the drawing's values, then those of the test set; None where one is undefined."""
    rows = []
    for exhibit in exhibits:
        seen, train = exhibit.inspection, exhibit.checkpoint.train_config
        values = (
            exhibit.label,
            exhibit.checkpoint.model_config.kind,
            train.penalty_weight,
            train.sparsity_target,
            seen.mse,
            seen.active_count,
            seen.hoyer,
            seen.jacobian_sq_norm,
            seen.relative_sensitivity,
        )
        row = dict(zip(_COLUMNS, values, strict=True))
        for name in glossary.ON_THE_TEST_SET:
            column = name if name.startswith("test") else f"test_{name}"
            row[column] = exhibit.checkpoint.metrics.get(name)
        rows.append(row)
    return rows


def figures_csv(exhibits: Sequence[Exhibit]) -> str:
    """The table as comma-separated values, with a heading; an undefined figure is an empty cell."""
    rows = figures_table(exhibits)
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
img { image-rendering: pixelated; width: 100%; display: block; }
img.drawing { width: 12rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; font-size: 0.85rem; }
th, td { padding: 0.25rem 0.6rem; text-align: right; border-bottom: 1px solid #8886; }
th:first-child, td:first-child { text-align: left; }
.wide { overflow-x: auto; }
.labels { display: grid; text-align: center; font-weight: 600; font-size: 0.85rem; }
"""


def report_html(exhibits: Sequence[Exhibit], written: date) -> str:
    """The drawing under all models as one page that needs nothing else: no script, no link, no font."""
    kind = exhibits[0].checkpoint.model_config.kind
    seen = [exhibit.inspection for exhibit in exhibits]
    codes = [exhibit.code_map_values for exhibit in exhibits]
    sensitivities = [one.sensitivity_map.numpy() for one in seen]
    largest_error = max(one.error.max().item() for one in seen)
    code_scale, sensitivity_scale = maps.LogScale.over(codes), maps.LogScale.over(sensitivities)
    labels = _labels([exhibit.label for exhibit in exhibits])
    rows = [
        ("Reconstruction", [maps.grey_picture(one.reconstruction.numpy()) for one in seen]),
        (
            f"Error of each pixel, from 0 to {largest_error:.3g}",
            [maps.heat_map(one.error.numpy(), largest_error) for one in seen],
        ),
        (
            f"Code, activation from {code_scale.smallest:.3g} to {code_scale.largest:.3g} on a log scale",
            [maps.code_map(code_scale.share(one), 1.0) for one in codes],
        ),
        (
            "Sensitivity of the code to each pixel, ‖∂h/∂xᵢ‖, from "
            f"{sensitivity_scale.smallest:.3g} to {sensitivity_scale.largest:.3g} on a log scale",
            [maps.heat_map(sensitivity_scale.share(one), 1.0) for one in sensitivities],
        ),
    ]
    figures = "".join(
        f"<h3>{title}</h3>{labels}{_image(maps.grid([pictures]), title)}" for title, pictures in rows
    )
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Autoencoder Lab: one drawing under {len(exhibits)} {kind} models</title><style>{_STYLE}</style></head>
<body><h1>One drawing under {len(exhibits)} {kind} models</h1>
<p>Autoencoder Lab, {written.isoformat()}. Each column is a model, named by its penalty weight.</p>
{_image(maps.grey_picture(seen[0].x.numpy()), "The drawing as the models see it", "drawing")}
<h2>Maps</h2>{figures}
<h2>Figures</h2><div class="wide">{_table(exhibits)}</div>
<h2>How to read them</h2>{_reading(kind)}
</body></html>
"""


def _image(picture: np.ndarray, alt: str, css_class: str = "map") -> str:
    return f'<img class="{css_class}" alt="{html.escape(alt)}" src="{maps.data_url(maps.to_png(picture))}">'


def _labels(labels: Sequence[str]) -> str:
    cells = "".join(f"<span>{html.escape(label)}</span>" for label in labels)
    return f'<div class="labels" style="grid-template-columns: repeat({len(labels)}, 1fr)">{cells}</div>'


def _table(exhibits: Sequence[Exhibit]) -> str:
    rows = figures_table(exhibits)
    heading = "".join(f"<th>{name}</th>" for name in rows[0])
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(_cell(value))}</td>" for value in row.values()) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{heading}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: object) -> str:
    if value is None:
        return "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _reading(kind: str) -> str:
    loss = (
        "MSE + λ · mean ‖J(x)‖²_F (Rifai et al., Contractive Auto-Encoders, ICML 2011)"
        if kind == "contractive"
        else "MSE + β · Σⱼ KL(ρ ‖ mean of hⱼ) (Ng, Sparse autoencoder, CS294A lecture notes, 2011)"
    )
    meanings = {"mse": "mean squared error of the reconstruction, clamped to [0, 1]", **glossary.meanings()}
    listed = "\n".join(f"<li><b>{name}</b>: {html.escape(text)}.</li>" for name, text in meanings.items())
    return f"""<p>Trained with the loss {loss}.
Values without <i>test</i> in their name are of this drawing; the number at the end of a name is the
noise.</p> <ul>{listed}</ul>"""
