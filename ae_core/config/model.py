"""Which autoencoder, as a frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ae_core.config.checks import require

Kind = Literal["contractive", "sparse"]
CodeActivation = Literal["relu", "linear", "sigmoid", "rectified_tanh"]
OutputActivation = Literal["linear", "sigmoid"]

KINDS: tuple[Kind, ...] = get_args(Kind)
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
        require(self.kind in KINDS, f"kind must be one of {', '.join(KINDS)}, not {self.kind!r}")
        for name, choices in (
            ("code_activation", CODE_ACTIVATIONS[self.kind]),
            ("output_activation", OUTPUT_ACTIVATIONS[self.kind]),
        ):
            if getattr(self, name) is None:
                object.__setattr__(self, name, choices[0])
            value = getattr(self, name)
            allowed = ", ".join(choices)
            require(
                value in choices, f"{name} of a {self.kind} model must be one of {allowed}, not {value!r}"
            )
