"""The values' names and meanings in words: one place for page, report and README."""

from __future__ import annotations

from typing import NamedTuple

from ae_core.analysis.probe_errors import (
    ALL_LABELS,
    DRAWS,
    ERRORS,
    FEW_LABELS,
    SHIFTS,
    deviation,
    few_labels,
    shifted,
)
from ae_core.config import Kind


class Term(NamedTuple):
    """A value's name on the page, and what it means."""

    label: str
    meaning: str
    less: str
    """What a smaller value means."""


def _probe_terms() -> dict[str, Term]:
    what = (
        "test error, in percent, of a logistic regression on the frozen code, each unit standardised; its "
        "regularisation is chosen on training images"
    )
    less = "a code by which a linear reader tells the classes better"
    terms = {ALL_LABELS: Term("probe error", f"{what}; it was trained with all labels", less)}
    for count in FEW_LABELS:
        few = f"with {count:,} labels"
        terms[few_labels(count)] = Term(
            f"probe error {few}", f"{what}; trained {few}, mean of {DRAWS} draws", less
        )
        terms[deviation(count)] = Term(
            f"deviation of the probe error {few}",
            f"its standard deviation over the {DRAWS} draws",
            "agreement",
        )
    terms["probe_error_noise"] = Term(
        "probe error",
        f"{what}; trained on all clean images, tested on images with this noise, clamped to [0, 1]",
        "a code that a linear reader can still read under this noise",
    )
    for pixels in SHIFTS:
        by = f"{pixels} pixel" + ("s" if pixels > 1 else "")
        terms[shifted(pixels)] = Term(
            f"probe error, shifted by {by}",
            f"{what}; trained on images in their places, tested on images shifted by {by}, a quarter of them "
            "to each side",
            "a code that a linear reader can still read after this shift",
        )
    return terms


_TERMS = {
    "test_mse": Term(
        "test MSE",
        "mean squared error of the reconstruction, clamped to [0, 1], over the test images",
        "a better reconstruction",
    ),
    "code_shift": Term(
        "code shift",
        "how far noise of this standard deviation, clamped to [0, 1], moves the code, root mean square over "
        "up to 1,000 test images, in spreads of the code; measured, and unchanged when the code is rescaled",
        "a code that this noise moves less",
    ),
    "denoising_mse": Term(
        "denoising MSE",
        "mean squared error, against the clean image, of the reconstruction of an image with this noise, "
        "over up to 1,000 test images; only models trained with input noise saw noise before",
        "a reconstruction of noisy images that is nearer to the clean ones",
    ),
    "jacobian_sq_norm": Term(
        "‖J‖²",
        "squared Frobenius norm of J = ∂h/∂x, exact, on the test set the mean of up to 1,000 images; it "
        "depends on "
        "the code's scale, so that by itself it does not compare models",
        "a smaller Jacobian, which a smaller code has too: no verdict between models of different scale",
    ),
    "relative_sensitivity": Term(
        "relative sensitivity, to first order",
        "‖J‖² over the code's variance, scaled up to noise as strong as the data; unchanged when the code is "
        "rescaled, but an extrapolation from small noise, not a measurement: see the code shift",
        "a code that very small noise moves less",
    ),
    "active_units": Term(
        "active units",
        "units above a tenth of their largest activation on the test set, per image",
        "a code with fewer active units",
    ),
    "l0": Term("l0", "units that are not exactly zero, per image", "a code with more zeros"),
    "hoyer": Term("Hoyer", "0 if all units are equally active, 1 if a single one is", "a less sparse code"),
    "dead_units": Term(
        "dead units",
        "units whose activation ranges over less than a thousandth of the widest range of any unit",
        "fewer unused units",
    ),
    **_probe_terms(),
}


def is_of_probe(metric: str) -> bool:
    """Whether a value is of a model's probe and not of the model itself."""
    return metric in ERRORS


CODE_TO_POINT_AT = (
    "h, the activations of the encoder's units. Shown as shares of the largest one, the stronger, "
    "the larger ‖h‖² is on the ladder's scale. Point at a unit to read it"
)
SYMBOLS = {
    "λ": "Penalty weight of the contractive loss: how much a unit of ‖J‖² costs beside a unit of MSE.",
    "β": "Penalty weight of the sparse loss: how much the divergence from ρ costs beside a unit of MSE.",
    "ρ": "The mean activation that each unit is asked to have, over a batch of images.",
    "ρ̂": "The mean activation that a unit has, over a batch of images.",
    "KL": "Kullback-Leibler divergence, how far the mean activation ρ̂ of a unit is from ρ: "
    "ρ ln(ρ/ρ̂) + (1 − ρ) ln((1 − ρ)/(1 − ρ̂)), added up over the units.",
    "MSE": "Mean squared error of the reconstruction, clamped to [0, 1], against the clean picture.",
    "‖J‖²": "J holds the derivative of each unit by each pixel, ∂hⱼ/∂xᵢ. The sum of their squares tells how "
    "far the code moves when a pixel does, for very small changes; it depends on the code's scale. Here it "
    "is exact.",
    "active": "Units above a tenth of the largest activation that they reach on the test set.",
    "Hoyer": "Sparsity of a code: 0 if all units are equally active, 1 if a single one is. Unchanged when "
    "the code is rescaled.",
    "reads": "How likely each class is to a logistic regression that sees the frozen code alone, trained "
    "with the labels of all training images: how plainly the code tells what was drawn.",
    "tangent": "A right singular vector of J: a direction in which small changes of the picture move the "
    "code; the first is the one that moves it most.",
    "trust": "Trustworthiness of a map: 1 less a penalty for every neighbour on the map that is none in the "
    "code, the larger, the further it is from being one (Venna and Kaski 2001).",
    "reconstruction": "What the decoder returns for the code, clamped to [0, 1].",
    "error": "|x̂ − x|: how far each pixel of the reconstruction is from the clean picture. Colours show "
    "shares of this map's largest value, and reach the further, the larger the MSE is on the ladder's scale.",
    "code": f"{CODE_TO_POINT_AT}; click to open it in Units.",
    "sensitivity": "‖∂h/∂xᵢ‖: how far the code moves when pixel i does, for very small changes. Colours show "
    "shares of this map's largest value, and reach the further, the larger ‖J‖² is on the ladder's scale.",
}
"""What the page's symbols and short words mean, for who points at them."""

COSTS: dict[Kind, tuple[str, ...]] = {
    "contractive": ("code_shift_0.2", "denoising_mse_0.2", "jacobian_sq_norm", "relative_sensitivity"),
    "sparse": ("active_units", "l0", "code_shift_0.2", "denoising_mse_0.2"),
}
"""What the penalty of each kind may lower, by which models are compared; the first by default."""

ON_THE_TEST_SET = (
    "test_mse",
    *(f"{name}_{noise}" for name in ("code_shift", "denoising_mse") for noise in ("0.1", "0.2", "0.3")),
    "jacobian_sq_norm",
    "relative_sensitivity",
    "active_units",
    "l0",
    "hoyer",
    "dead_units",
)
"""The values of a model that tables show, in their order."""

COMPARED = (*ON_THE_TEST_SET, *(name for name in ERRORS if name not in map(deviation, FEW_LABELS)))
"""Those and the errors of its probe: what models can be held against each other by."""


def term(metric: str) -> Term:
    """What a metric is called and means; the noise in its name becomes words.

    Raises:
        KeyError: for a metric that the glossary does not have.
    """
    name, _, noise = metric.rpartition("_0.")
    if not name:
        return _TERMS[metric]
    known = _TERMS[name]
    return known._replace(label=f"{known.label} at noise 0.{noise}")


def meanings() -> dict[str, str]:
    """The meaning of every metric without its noise, by the metric's name."""
    return {name: known.meaning for name, known in _TERMS.items()}
