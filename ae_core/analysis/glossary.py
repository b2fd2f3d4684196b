"""The values' names and meanings in words: one place for page, report and README."""

from __future__ import annotations

from typing import NamedTuple

from ae_core.config import Kind


class Term(NamedTuple):
    """A value's name on the page, and what it means."""

    label: str
    meaning: str
    less: str
    """What a smaller value means."""


_TERMS = {
    "test_mse": Term(
        "test MSE",
        "mean squared error of the reconstruction, clamped to [0, 1], over the 10,000 test images",
        "a better reconstruction",
    ),
    "code_shift": Term(
        "code shift",
        "how far noise of this standard deviation, clamped to [0, 1], moves the code, root mean square over "
        "1,000 test images, in spreads of the code; measured, and unchanged when the code is rescaled",
        "a code that this noise moves less",
    ),
    "denoising_mse": Term(
        "denoising MSE",
        "mean squared error, against the clean image, of the reconstruction of an image with this noise, "
        "which no training saw, over 1,000 test images",
        "a reconstruction of noisy images that is nearer to the clean ones",
    ),
    "jacobian_sq_norm": Term(
        "‖J‖²",
        "squared Frobenius norm of J = ∂h/∂x, exact, on the test set the mean of 1,000 images; it depends on "
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
}

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
