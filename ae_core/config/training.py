"""How a model is trained, and what changes while it trains, as frozen values."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args

from ae_core.config.checks import is_count, is_number, require

Schedule = Literal["constant", "one_cycle"]


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
_CAME_LATER = ("changes", "input_noise", "digits", "data", "data_digest")
_LONGEST_NAME = 60
_ALL_DIGITS = "0-9"


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
    input_noise: float = 0.0
    """Noise that the encoder sees while it trains: clamp(x + s n), s uniform in [0, input_noise] per image, n
    standard normal. The reconstruction is held against the clean x, the contraction is that at the noisy one
    (Vincent et al. 2008)."""
    digits: str | None = None
    """The digits of the images to train on, such as 0-4,7, of another set the numbers of its classes;
    None: all."""
    data: str | None = None
    """The name of the set of images to train on; None: MNIST."""
    data_digest: str | None = None
    """SHA-256 of that set, which tells it from any other of its name; None: MNIST."""
    seed: int = 0
    """Seeds the initial weights, the order of the images, the probes and the input's noise."""
    changes: tuple[Change, ...] = ()
    """What was changed while it trained, in the order of the steps: with them the recipe can be replayed."""

    def __post_init__(self) -> None:
        require(
            is_number(self.penalty_weight) and self.penalty_weight >= 0,
            f"penalty_weight must be a number of at least 0, not {self.penalty_weight!r}",
        )
        require(
            self.sparsity_target is None
            or (is_number(self.sparsity_target) and 0 < self.sparsity_target < 1),
            f"sparsity_target (rho) must lie strictly between 0 and 1, not {self.sparsity_target!r}",
        )
        for name in ("epochs", "batch_size", "probes"):
            value = getattr(self, name)
            require(is_count(value, 1), f"{name} must be a whole number of at least 1, not {value!r}")
        require(
            is_number(self.learning_rate) and self.learning_rate > 0,
            f"learning_rate must be a number above 0, not {self.learning_rate!r}",
        )
        for name in ("adam_beta1", "adam_beta2"):
            value = getattr(self, name)
            require(is_number(value) and 0 <= value < 1, f"{name} must lie in [0, 1), not {value!r}")
        require(
            is_number(self.probe_fraction) and 0 < self.probe_fraction <= 1,
            f"probe_fraction must lie in (0, 1], not {self.probe_fraction!r}",
        )
        require(
            self.initial_code_bias is None or is_number(self.initial_code_bias),
            f"initial_code_bias must be a number, or none, not {self.initial_code_bias!r}",
        )
        require(
            is_number(self.initial_gain) and self.initial_gain > 0,
            f"initial_gain must be a number above 0, not {self.initial_gain!r}",
        )
        schedules = get_args(Schedule)
        require(
            self.schedule in schedules,
            f"schedule must be one of {', '.join(schedules)}, not {self.schedule!r}",
        )
        for name in ("max_grad_norm", "max_decoder_norm"):
            value = getattr(self, name)
            require(
                value is None or (is_number(value) and value > 0),
                f"{name} must be a number above 0, or none, not {value!r}",
            )
        require(
            is_number(self.input_noise) and 0 <= self.input_noise <= 1,
            f"input_noise must lie in [0, 1], not {self.input_noise!r}",
        )
        if self.digits is not None:
            object.__setattr__(self, "digits", _in_order(self.digits))
        require(
            (self.data is None) == (self.data_digest is None),
            "data and data_digest belong together: give both, or none for MNIST",
        )
        require(
            self.data is None or (_is_text(self.data) and 0 < len(self.data) <= _LONGEST_NAME),
            f"data must be a name of 1 to {_LONGEST_NAME} characters, not {self.data!r}",
        )
        require(
            self.data_digest is None
            or (_is_text(self.data_digest) and re.fullmatch(r"[0-9a-f]{64}", self.data_digest) is not None),
            f"data_digest must be a SHA-256 of 64 hexadecimal digits, not {self.data_digest!r}",
        )
        require(
            is_count(self.seed, 0) and self.seed < 2**63,
            f"seed must be a whole number from 0 to 2**63 - 1, not {self.seed!r}",
        )
        self._check_changes()

    def _check_changes(self) -> None:
        require(
            isinstance(self.changes, tuple) and all(isinstance(change, Change) for change in self.changes),
            f"changes must be a tuple of changes, not {self.changes!r}",
        )
        require(
            len(self.changes) <= _MOST_CHANGES, f"changes must be at most {_MOST_CHANGES:,} in one training"
        )
        settings, last = self, -1
        for change in self.changes:
            require(
                is_count(change.step, last + 1),
                "changes must name whole numbers of steps, each greater than the one before, not "
                f"{change.step!r}",
            )
            require(bool(change.values), f"the change at step {change.step} changes nothing")
            settings, last = replace(settings, changes=(), **change.values), change.step

    @property
    def trained_digits(self) -> tuple[int, ...]:
        """The digits of the images to train on."""
        return digits_of(self.digits or _ALL_DIGITS)

    @property
    def chosen_classes(self) -> tuple[int, ...] | None:
        """The labels of the classes to train on, of whichever set; None: all of them."""
        return None if self.digits is None else digits_of(self.digits)

    @property
    def remarks(self) -> str:
        """What sets it apart besides its penalty, to follow a name, such as ", input noise 0.3"."""
        noise = f", input noise {self.input_noise:g}" if self.input_noise else ""
        digits = f", digits {self.digits}" if self.digits else ""
        data = f", on {self.data}" if self.data else ""
        return noise + digits + data + (", steered" if self.is_steered else "")

    @property
    def is_steered(self) -> bool:
        """Whether anything but its length was changed while it trained."""
        return any(set(change.values) - {"epochs"} for change in self.changes)

    @property
    def at_last(self) -> TrainConfig:
        """The settings with which it ended."""
        return self.at(self.changes[-1].step) if self.changes else self

    def as_dict(self) -> dict[str, Any]:
        """All fields by name; those that came later only where they say something.

        So files and names of runs from before there were any stay what they are.
        """
        values = asdict(self)
        return {name: value for name, value in values.items() if value or name not in _CAME_LATER}

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


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.isprintable()


def digits_of(text: str) -> tuple[int, ...]:
    """The digits that a text such as 0-4,7 names, in their order.

    Raises:
        ValueError: if it names none, or something else.
    """
    require(bool(text.strip()), "digits must name at least one digit to train on")
    found: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*([0-9])\s*(?:-\s*([0-9])\s*)?", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        require(first <= last, f"digits must be digits and ranges with commas, such as 0-4,7, not {text!r}")
        found |= set(range(first, last + 1))
    return tuple(sorted(found))


def _in_order(digits: object) -> str | None:
    """The same digits in the one way of writing them; None for all ten."""
    require(isinstance(digits, str), f"digits must be a text such as 0-4,7, not {digits!r}")
    known = digits_of(str(digits))
    starts = [digit for digit in known if digit - 1 not in known]
    ends = [digit for digit in known if digit + 1 not in known]
    runs = (str(a) if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True))
    text = ",".join(runs)
    return None if text == _ALL_DIGITS else text
