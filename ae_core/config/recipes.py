"""A model and its training as one value, and the recipes and penalty ladders that ship.

"reference" has the batch size, learning rate, epochs and weights of the published code; the models are ours.
"best" and "fast" are what was measured to work better; "readable" has the code that a linear reader needs the
fewest labels for.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args

from ae_core.config.checks import require
from ae_core.config.model import Kind, ModelConfig
from ae_core.config.training import TrainConfig

RecipeName = Literal["reference", "best", "fast", "readable"]
RECIPE_NAMES: tuple[RecipeName, ...] = get_args(RecipeName)


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
            require(
                self.train.sparsity_target is not None,
                "a sparse model needs a sparsity_target (rho) strictly between 0 and 1",
            )
        else:
            require(
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
        """All fields by name, as `TrainConfig.as_dict` has them; they are the keywords of `override`."""
        return asdict(self.model) | self.train.as_dict()


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
        "fast": Recipe(
            _CONTRACTIVE, replace(_BEST_CONTRACTIVE, epochs=1, batch_size=60, probe_fraction=0.25)
        ),
        "readable": Recipe(
            replace(_CONTRACTIVE, code_activation="sigmoid"),
            replace(_BEST_CONTRACTIVE, penalty_weight=0.0, epochs=1, input_noise=1.0),
        ),
    },
    "sparse": {
        "reference": Recipe(_SPARSE, TrainConfig(penalty_weight=5e-3, sparsity_target=0.01)),
        "best": Recipe(_SPARSE, _BEST_SPARSE),
        "fast": Recipe(_SPARSE, _FAST_SPARSE),
        "readable": Recipe(_SPARSE, replace(_BEST_SPARSE, penalty_weight=2e-2)),
    },
}

LADDERS: dict[Kind, tuple[float, ...]] = {
    "contractive": (0.0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1),
    "sparse": (0.0, 1e-4, 5e-4, 2e-3, 5e-3, 2e-2),
}
"""The penalty weights of the shipped checkpoints, weakest first."""

DENOISING: dict[Kind, tuple[float, ...]] = {"contractive": (0.0,), "sparse": (0.0, 5e-3)}
"""The penalty weights of the denoising models that ship beside the ladders, to be held against them."""
DENOISING_NOISE = 0.3
"""Their input noise."""

OTHER_SEEDS: dict[Kind, tuple[float, ...]] = {"contractive": (1e-4,), "sparse": (5e-3,)}
"""The rungs that ship once more, trained from seed 1: do other initial weights lead to the same units?"""
