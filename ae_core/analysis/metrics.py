"""The values by which a trained model is judged: which there are, and how a checkpoint stores them.

The names are those of checkpoints, command line and page. `evaluation.py` measures them; `codes.py` has the
definitions of those of a code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

NOISES = (0.1, 0.2, 0.3)
"""Standard deviations of the noise under which a model is measured."""

Number = float | int
Stored = Number | list[float] | None
"""A value as a checkpoint's JSON holds it; None where it is undefined: 0/0, for a code that never changes."""


@dataclass(frozen=True)
class JacobianMetrics:
    """The values that need exact Jacobians, which take much longer than all others together."""

    jacobian_sq_norm: float
    """Mean ||dh/dx||_F^2 over the first 1,000 test images; depends on the code's scale."""
    relative_sensitivity: float | None
    """As `CodeStatistics` defines it, of that mean; None: undefined, for a code that never changes."""
    reconstruction_jacobian_sq_norm: float
    """Mean ||d x_hat/dx||_F^2 over the first 100 test images."""


@dataclass(frozen=True)
class Metrics:
    """All that is measured of a model, over the 10,000 test images unless said otherwise; K units."""

    test_mse: float
    """Mean squared error of the reconstruction, clamped to [0, 1]."""
    code_shift: Mapping[float, float | None]
    """By the noise, of `NOISES`: how far it moves the code, as `codes.code_shift` defines it, over the first
    1,000 test images; None: undefined, for a code that never changes."""
    denoising_mse: Mapping[float, float]
    """By the noise: mean squared error of a noisy image's reconstruction, clamped to [0, 1], against the
    clean image, over the first 1,000 test images."""
    l0: float
    """Mean number of units that are not zero, per image."""
    active_units: float
    """Mean number of units above a tenth of their largest activation, per image."""
    dead_units: int
    """Units whose activation hardly changes."""
    hoyer: float
    """Mean Hoyer sparsity of a code, in [0, 1]."""
    code_variance: float
    """Mean ||h - h_bar||^2."""
    pixel_variance: float
    """Mean ||x - x_bar||^2."""
    mean_activation: tuple[float, ...]
    """rho_hat of each of the K units."""
    max_activation: tuple[float, ...]
    """Largest activation of each of the K units."""
    jacobians: JacobianMetrics | None
    """None: not measured, as for a model from a file that the page shows."""

    def value_of(self, name: str) -> Number | None:
        """The value of a stored name, such as `code_shift_0.2`; None if it is undefined or not measured.

        Raises:
            KeyError: for another name, and for the activations of the units, which are no single value.
        """
        if self.jacobians is None and name in _OF_JACOBIANS:
            return None
        return self.scalars()[name]

    def scalars(self) -> dict[str, Number | None]:
        """All single values that were measured, by their stored names; None where one is undefined."""
        return _scalars(self.as_dict())

    def as_dict(self) -> dict[str, Stored]:
        """The values in the form that a checkpoint stores; what was not measured has no name in it."""
        return {
            "test_mse": self.test_mse,
            **{_at("code_shift", noise): shift for noise, shift in self.code_shift.items()},
            **{_at("denoising_mse", noise): mse for noise, mse in self.denoising_mse.items()},
            "l0": self.l0,
            "active_units": self.active_units,
            "dead_units": self.dead_units,
            "hoyer": self.hoyer,
            "code_variance": self.code_variance,
            "pixel_variance": self.pixel_variance,
            "mean_activation": list(self.mean_activation),
            "max_activation": list(self.max_activation),
            **({} if self.jacobians is None else asdict(self.jacobians)),
        }


@dataclass(frozen=True)
class PartialMetrics:
    """What a file says of its model if it does not say all: one of an older version, or made elsewhere."""

    values: Mapping[str, Stored]
    """The values that it does say, by their stored names; perhaps none."""

    def scalars(self) -> dict[str, Number | None]:
        """As `Metrics.scalars`."""
        return _scalars(self.values)

    def as_dict(self) -> dict[str, Stored]:
        """As `Metrics.as_dict`."""
        return dict(self.values)


def _at(name: str, noise: float) -> str:
    """The stored name of a value that is measured at each of `NOISES`."""
    return f"{name}_{noise:g}"


_OF_JACOBIANS = tuple(field.name for field in fields(JacobianMetrics))
PER_UNIT = ("mean_activation", "max_activation")
"""The stored names that have one value per unit."""
NAMES = (
    "test_mse",
    *(_at("code_shift", noise) for noise in NOISES),
    *(_at("denoising_mse", noise) for noise in NOISES),
    *("l0", "active_units", "dead_units", "hoyer", "code_variance", "pixel_variance"),
    *PER_UNIT,
    *_OF_JACOBIANS,
)
"""All stored names, in their order."""


def from_stored(stored: Mapping[str, Stored]) -> Metrics | PartialMetrics:
    """What the JSON of a checkpoint, also of an older version, says of its model: the inverse of `as_dict`.

    Names that mean nothing here are left out.
    """
    values = _in_todays_words(stored)
    try:
        return _complete(values)
    except _MissingError:
        return PartialMetrics({name: values[name] for name in NAMES if values.get(name) is not None})


def _complete(values: Mapping[str, Stored]) -> Metrics:
    return Metrics(
        test_mse=_number(values, "test_mse"),
        code_shift={noise: _number_or_none(values, _at("code_shift", noise)) for noise in NOISES},
        denoising_mse={noise: _number(values, _at("denoising_mse", noise)) for noise in NOISES},
        l0=_number(values, "l0"),
        active_units=_number(values, "active_units"),
        dead_units=int(_number(values, "dead_units")),
        hoyer=_number(values, "hoyer"),
        code_variance=_number(values, "code_variance"),
        pixel_variance=_number(values, "pixel_variance"),
        mean_activation=_per_unit(values, "mean_activation"),
        max_activation=_per_unit(values, "max_activation"),
        jacobians=JacobianMetrics(
            _number(values, "jacobian_sq_norm"),
            _number_or_none(values, "relative_sensitivity"),
            _number(values, "reconstruction_jacobian_sq_norm"),
        )
        if values.keys() & set(_OF_JACOBIANS)
        else None,
    )


class _MissingError(Exception):
    """A value is not there, or is undefined where none can be."""


def _number(values: Mapping[str, Stored], name: str) -> float:
    value = values.get(name)
    if not isinstance(value, float | int):
        raise _MissingError(name)
    return float(value)


def _number_or_none(values: Mapping[str, Stored], name: str) -> float | None:
    return None if name in values and values[name] is None else _number(values, name)


def _per_unit(values: Mapping[str, Stored], name: str) -> tuple[float, ...]:
    value = values.get(name)
    if not isinstance(value, list):
        raise _MissingError(name)
    return tuple(map(float, value))


def _in_todays_words(stored: Mapping[str, Stored]) -> Mapping[str, Stored]:
    """The values of an older file: its l0 is what is called active_units now, its dead_units were others."""
    if "l0" not in stored or "active_units" in stored:
        return stored
    kept = {name: value for name, value in stored.items() if name not in ("l0", "dead_units")}
    return {**kept, "active_units": stored["l0"]}


def _scalars(values: Mapping[str, Stored]) -> dict[str, Number | None]:
    return {name: value for name, value in values.items() if not isinstance(value, list)}
