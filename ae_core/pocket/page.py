"""The pocket edition as one HTML file: a template, a style sheet and scripts, with the models in it.

Nothing is loaded: a content security policy allows these scripts and this style by their digests, a worker
made of the same text, and no network at all. Names from files stand in JSON, and the scripts write them as
text.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from ae_core.analysis import page_start
from ae_core.analysis.codes import ACTIVE_SHARE
from ae_core.analysis.glossary import CODE_TO_POINT_AT, SYMBOLS
from ae_core.analysis.ladder_range import LogRange
from ae_core.analysis.notation import penalty_symbol
from ae_core.config import KINDS, Kind
from ae_core.data import load_mnist
from ae_core.drawing.samples import SAMPLES
from ae_core.pocket.models import PocketModel, ladder_range
from ae_core.pocket.weights import pack
from ae_core.render import maps
from ae_core.render.chart_style import ACTIVE_COLOUR, LINE_COLOURS, QUIET_COLOUR

_FOLDER = Path(__file__).parent
SCRIPTS = tuple(
    _FOLDER / "scripts" / f"{name}.js"
    for name in ("drawing", "values", "model", "jacobian", "lab", "pictures", "panels", "paper", "view")
)
"""Each imports from those before it only."""
_CHECK = """
document.getElementById("odd").hidden = true;
addEventListener("load", function () {
    document.getElementById("odd").hidden = Boolean(window.lab);
});
"""
"""In the words of old browsers: where the scripts cannot run a sentence stays in sight, or comes back."""
HANDY_BYTES = 13_000_000
"""What a mail and a phone take without trouble; both shipped ladders are below it."""
_EXAMPLES = 3
"""Of each digit."""
_SHAKEN_NOISE = 0.25
"""What *Shake* sets where there is none: a plain autoencoder copies it, a contractive one does not."""


def to_page(models: Sequence[PocketModel], lab_url: str | None = None) -> str:
    """The file with these models, at least one.

    Args:
        lab_url: where the full lab is, for a link.
    Raises:
        PocketError: if a model does not fit.
    """
    packed = [pack(model) for model in models]
    kinds = [kind for kind in KINDS if any(model.kind == kind for model in models)]
    style, script = _style(), _script()
    return _template().render(
        start=page_start,
        symbols={**SYMBOLS, "code": f"{CODE_TO_POINT_AT}."},
        kinds=kinds,
        penalties={kind: penalty_symbol(kind) for kind in kinds},
        sides=("A", "B"),
        samples=SAMPLES,
        lab_url=lab_url,
        policy=_policy(style, script),
        # These are ours, and `</` stands in none of them, as a test checks.
        style=Markup(style),
        script=Markup(script),
        check=Markup(_CHECK),
        packed=packed,
        data=_data(models, kinds) | {"models": [each.description for each in packed]},
    )


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; script-src {_digest(script)} {_digest(_CHECK)}; style-src {_digest(style)}; "
        "worker-src blob:; img-src data:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _data(models: Sequence[PocketModel], kinds: Sequence[Kind]) -> dict[str, Any]:
    """`PageData` of the script, without the models."""
    return {
        "kinds": {kind: _kind(kind, models) for kind in kinds},
        "colours": {
            "palette": maps.packed(maps.palette()),
            "active": ACTIVE_COLOUR,
            "quiet": QUIET_COLOUR,
            "mean": LINE_COLOURS[0],
        },
        "weakest": maps.WEAKEST,
        "activeShare": ACTIVE_SHARE,
        "digits": maps.packed(_test_digits()),
        "examples": _EXAMPLES,
        "start": page_start.STARTING_DIGIT,
        "samples": {name: [asdict(stroke) for stroke in strokes] for name, strokes in SAMPLES.items()},
        "penWidth": page_start.STROKE_WIDTH,
        "shakenNoise": _SHAKEN_NOISE,
    }


def _kind(kind: Kind, models: Sequence[PocketModel]) -> dict[str, Any]:
    axes = ladder_range(kind, models)
    own = [model for model in models if model.kind == kind]
    a = min(own, key=lambda model: (model.is_rung, model.penalty_weight != page_start.STARTING_WEIGHTS[kind]))
    # Beside the start a model without a penalty, which differs most.
    return {
        "symbol": penalty_symbol(kind),
        "start": {"A": a.name, "B": own[0].name},
        "axes": {
            "mse": _axis(axes.mse),
            "codeSqNorm": _axis(axes.code_sq_norm),
            "jacobianSqNorm": _axis(axes.jacobian_sq_norm),
            "activeUnits": _axis(axes.active_units),
        },
    }


def _axis(axis: LogRange) -> dict[str, Any]:
    return {"lowest": axis.lowest, "highest": axis.highest, "ends": axis.ends}


def _test_digits() -> np.ndarray:
    """Some examples of each digit, uint8, shape (10, examples, 28, 28)."""
    images, labels = load_mnist("test")
    chosen = torch.stack([torch.nonzero(labels == digit).flatten()[:_EXAMPLES] for digit in range(10)])
    return images[chosen.flatten(), 0].numpy()


def _style() -> str:
    colours = {
        "a": LINE_COLOURS[0],
        "b": LINE_COLOURS[1],
        "active": ACTIVE_COLOUR,
        "quiet": QUIET_COLOUR,
        "mean": LINE_COLOURS[0],
        "colours": maps.css_gradient(),
    }
    rules = "; ".join(f"--{name}: {value}" for name, value in colours.items())
    return f":root {{ {rules} }}\n{(_FOLDER / 'page.css').read_text(encoding='utf-8')}"


def _script() -> str:
    """The modules as one: what they import from each other is there already."""
    joined = "\n".join(path.read_text(encoding="utf-8") for path in SCRIPTS)
    return '"use strict";\n' + re.sub(r"^import [^;]+;\n|^export ", "", joined, flags=re.MULTILINE)


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.jinja")
