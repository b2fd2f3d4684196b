"""What a model is and how it is trained, as frozen values, and the recipes and penalty ladders that ship.

"reference" has the batch size, learning rate, epochs and weights of the published code; the models are ours.
"best" and "fast" are what was measured to work better.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args

Kind = Literal["contractive", "sparse"]
CodeActivation = Literal["relu", "linear", "sigmoid", "rectified_tanh"]
OutputActivation = Literal["linear", "sigmoid"]
Schedule = Literal["constant", "one_cycle"]
RecipeName = Literal["reference", "best", "fast"]

KINDS: tuple[Kind, ...] = get_args(Kind)
RECIPE_NAMES: tuple[RecipeName, ...] = get_args(RecipeName)
CODE_ACTIVATIONS: dict[Kind, tuple[CodeActivation, ...]] = {
    "contractive": ("relu", "linear", "sigmoid"),
    "sparse": ("rectified_tanh", "sigmoid"),
}
"""The code activations each kind may have, its default first. KL needs codes in [0, 1)."""
OUTPUT_ACTIVATIONS: dict[Kind, tuple[OutputActivation, ...]] = {
    "contractive": ("linear", "sigmoid"),
    "sparse": ("sigmoid", "linear"),
}
"""The output activations each kind may have, its default first."""


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def is_number(value: object) -> bool:
    """Whether a value is a finite number that a float can hold."""
    # Compared without conversion: float() fails on a whole number with hundreds of digits.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def is_count(value: object, minimum: int) -> bool:
    """Whether a value is a whole number of at least the minimum."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= minimum


@dataclass(frozen=True)
class ModelConfig:
    """Which autoencoder; the layers' sizes follow from the kind.

    Raises:
        ValueError: for a value that the kind does not allow.
    """

    kind: Kind
    """Contractive (1152 code units) or sparse (64 code units)."""
    code_activation: CodeActivation | None = None
    """Activation of the code layer; None becomes the kind's default."""
    output_activation: OutputActivation | None = None
    """Activation of the reconstruction; None becomes the kind's default."""

    def __post_init__(self) -> None:
        _require(self.kind in KINDS, f"kind must be one of {', '.join(KINDS)}, not {self.kind!r}")
        for name, choices in (
            ("code_activation", CODE_ACTIVATIONS[self.kind]),
            ("output_activation", OUTPUT_ACTIVATIONS[self.kind]),
        ):
            if getattr(self, name) is None:
                object.__setattr__(self, name, choices[0])
            value = getattr(self, name)
            allowed = ", ".join(choices)
            _require(
                value in choices, f"{name} of a {self.kind} model must be one of {allowed}, not {value!r}"
            )


@dataclass(frozen=True)
class Change:
    """New values of settings from a step on, made while a training goes on; None leaves one as it was."""

    step: int
    """Steps done when it takes effect: the next one is the first under it."""
    penalty_weight: float | None = None
    sparsity_target: float | None = None
    learning_rate: float | None = None
    epochs: int | None = None

    @property
    def values(self) -> dict[str, Any]:
        """What it changes, by the fields of `TrainConfig`."""
        return {name: value for name, value in asdict(self).items() if name != "step" and value is not None}


STEERABLE = tuple(field.name for field in fields(Change) if field.name != "step")
"""The fields of a `TrainConfig` that can change while it trains."""
_MOST_CHANGES = 1000


@dataclass(frozen=True)
class TrainConfig:
    """How a model is trained: the loss's weights, the optimiser and its schedule.

    Raises:
        ValueError: for a value out of its range; the message names the field.
    """

    penalty_weight: float
    """lambda of the contractive loss, beta of the sparse one; 0 trains a plain autoencoder."""
    sparsity_target: float | None = None
    """rho, the target of each unit's mean activation, in (0, 1); None for contractive models."""
    epochs: int = 10
    """Passes over the training images."""
    batch_size: int = 100
    """Images per step."""
    learning_rate: float = 1e-3
    """Adam's step size; the peak of the one-cycle schedule."""
    schedule: Schedule = "constant"
    """constant, or one_cycle: linear warm-up over the first 30 % of all steps, then linear to 0."""
    adam_beta1: float = 0.9
    """How slowly Adam forgets gradients, in [0, 1)."""
    adam_beta2: float = 0.999
    """How slowly Adam forgets squared gradients, in [0, 1)."""
    initial_gain: float = 1.0
    """Scale of the initial weights: uniform in +-initial_gain/sqrt(fan_in); 1 is PyTorch's default."""
    initial_code_bias: float | None = None
    """Initial bias of every code unit; None draws it as PyTorch does."""
    max_grad_norm: float | None = None
    """Clip the gradient's global norm at this value; None leaves it as it is."""
    max_decoder_norm: float | None = None
    """Bound on the norm of the weights of each decoder layer's input channels (the first layer's are the
    code's), which limits how far a code can shrink for free; None leaves them as they are."""
    probes: int = 1
    """Random directions per image in the contraction penalty's estimate."""
    probe_fraction: float = 1.0
    """Share of each batch on which the contraction penalty is estimated, in (0, 1]; it stays unbiased."""
    seed: int = 0
    """Seeds the initial weights, the order of the images and the probes."""
    changes: tuple[Change, ...] = ()
    """What was changed while it trained, in the order of the steps: with them the recipe can be replayed."""

    def __post_init__(self) -> None:
        _require(
            is_number(self.penalty_weight) and self.penalty_weight >= 0,
            f"penalty_weight must be a number of at least 0, not {self.penalty_weight!r}",
        )
        _require(
            self.sparsity_target is None
            or (is_number(self.sparsity_target) and 0 < self.sparsity_target < 1),
            f"sparsity_target (rho) must lie strictly between 0 and 1, not {self.sparsity_target!r}",
        )
        for name in ("epochs", "batch_size", "probes"):
            value = getattr(self, name)
            _require(is_count(value, 1), f"{name} must be a whole number of at least 1, not {value!r}")
        _require(
            is_number(self.learning_rate) and self.learning_rate > 0,
            f"learning_rate must be a number above 0, not {self.learning_rate!r}",
        )
        for name in ("adam_beta1", "adam_beta2"):
            value = getattr(self, name)
            _require(is_number(value) and 0 <= value < 1, f"{name} must lie in [0, 1), not {value!r}")
        _require(
            is_number(self.probe_fraction) and 0 < self.probe_fraction <= 1,
            f"probe_fraction must lie in (0, 1], not {self.probe_fraction!r}",
        )
        _require(
            self.initial_code_bias is None or is_number(self.initial_code_bias),
            f"initial_code_bias must be a number, or none, not {self.initial_code_bias!r}",
        )
        _require(
            is_number(self.initial_gain) and self.initial_gain > 0,
            f"initial_gain must be a number above 0, not {self.initial_gain!r}",
        )
        schedules = get_args(Schedule)
        _require(
            self.schedule in schedules,
            f"schedule must be one of {', '.join(schedules)}, not {self.schedule!r}",
        )
        for name in ("max_grad_norm", "max_decoder_norm"):
            value = getattr(self, name)
            _require(
                value is None or (is_number(value) and value > 0),
                f"{name} must be a number above 0, or none, not {value!r}",
            )
        _require(
            is_count(self.seed, 0) and self.seed < 2**63,
            f"seed must be a whole number from 0 to 2**63 - 1, not {self.seed!r}",
        )
        self._check_changes()

    def _check_changes(self) -> None:
        _require(
            isinstance(self.changes, tuple) and all(isinstance(change, Change) for change in self.changes),
            f"changes must be a tuple of changes, not {self.changes!r}",
        )
        _require(
            len(self.changes) <= _MOST_CHANGES, f"changes must be at most {_MOST_CHANGES:,} in one training"
        )
        settings, last = self, -1
        for change in self.changes:
            _require(
                is_count(change.step, last + 1),
                "changes must name whole numbers of steps, each greater than the one before, not "
                f"{change.step!r}",
            )
            _require(bool(change.values), f"the change at step {change.step} changes nothing")
            settings, last = replace(settings, changes=(), **change.values), change.step

    def at(self, step: int) -> TrainConfig:
        """The settings of the step after `step` others, which has no changes to come."""
        values: dict[str, Any] = {}
        for change in self.changes:
            if change.step <= step:
                values |= change.values
        return replace(self, changes=(), **values)

    def changed(self, step: int, **values: Any) -> TrainConfig:  # noqa: ANN401 - each field has a type
        """The same with a change recorded, after `step` steps; one at the same step takes up the values.

        Raises:
            TypeError: for a field that cannot change.
            ValueError: for a value that is not allowed.
        """
        changes = {change.step: change for change in self.changes}
        values = (changes[step].values if step in changes else {}) | values
        changes[step] = Change(step, **values)
        return replace(self, changes=tuple(changes[at] for at in sorted(changes)))


@dataclass(frozen=True)
class Recipe:
    """A model and its training: all that decides what a run ends with, device and precision aside.

    Raises:
        ValueError: if a sparse model has no sparsity target, or a contractive one has one.
    """

    model: ModelConfig
    train: TrainConfig

    def __post_init__(self) -> None:
        if self.model.kind == "sparse":
            _require(
                self.train.sparsity_target is not None,
                "a sparse model needs a sparsity_target (rho) strictly between 0 and 1",
            )
        else:
            _require(
                self.train.sparsity_target is None
                and all(change.sparsity_target is None for change in self.train.changes),
                "sparsity_target (rho) belongs to sparse models; leave it out for a contractive one",
            )

    def override(self, **changes: Any) -> Recipe:  # noqa: ANN401 - each field has a type of its own
        """The same recipe with some fields of its model or its training changed, by their names.

        Raises:
            TypeError: for a name that no field has.
            ValueError: for a value that is not allowed.
        """
        model_names = {field.name for field in fields(ModelConfig)}
        model = {name: value for name, value in changes.items() if name in model_names}
        train = {name: value for name, value in changes.items() if name not in model_names}
        return Recipe(replace(self.model, **model), replace(self.train, **train))

    def as_dict(self) -> dict[str, Any]:
        """All fields by name, `changes` aside if there are none; they are the keywords of `override`."""
        values = asdict(self.model) | asdict(self.train)
        if not self.train.changes:
            del values["changes"]
        return values


_CONTRACTIVE = ModelConfig("contractive")
_SPARSE = ModelConfig("sparse")
_BEST_CONTRACTIVE = TrainConfig(
    penalty_weight=1e-4,
    epochs=10,
    batch_size=100,
    learning_rate=6e-3,
    schedule="one_cycle",
    adam_beta2=0.99,
    initial_gain=2.0,
    max_grad_norm=0.1,
    probe_fraction=0.5,
)
_BEST_SPARSE = TrainConfig(
    penalty_weight=5e-3,
    sparsity_target=0.01,
    epochs=100,
    batch_size=300,
    learning_rate=4e-3,
    schedule="one_cycle",
    adam_beta1=0.5,
    initial_gain=2.45,
    initial_code_bias=1.35,
    max_decoder_norm=6.0,
)
"""All units start active and the penalty prunes them: that ends sparser than starting quiet, at the same
error. Little momentum keeps the pruning from killing the code."""
_FAST_SPARSE = replace(
    _BEST_SPARSE,
    epochs=2,
    batch_size=50,
    learning_rate=1e-2,
    initial_code_bias=0.5,
)
"""Two epochs are too few to prune a code that starts near saturation: it starts lower."""

RECIPES: dict[Kind, dict[RecipeName, Recipe]] = {
    "contractive": {
        "reference": Recipe(
            _CONTRACTIVE, TrainConfig(penalty_weight=1e-4, batch_size=600, probe_fraction=0.25)
        ),
        "best": Recipe(_CONTRACTIVE, _BEST_CONTRACTIVE),
        "fast": Recipe(_CONTRACTIVE, replace(_BEST_CONTRACTIVE, epochs=2, probe_fraction=0.25)),
    },
    "sparse": {
        "reference": Recipe(_SPARSE, TrainConfig(penalty_weight=5e-3, sparsity_target=0.01)),
        "best": Recipe(_SPARSE, _BEST_SPARSE),
        "fast": Recipe(_SPARSE, _FAST_SPARSE),
    },
}

LADDERS: dict[Kind, tuple[float, ...]] = {
    "contractive": (0.0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1),
    "sparse": (0.0, 1e-4, 5e-4, 2e-3, 5e-3, 2e-2),
}
"""The penalty weights of the shipped checkpoints, weakest first."""
