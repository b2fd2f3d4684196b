"""Contractive and sparse autoencoders on MNIST: models, penalties, Jacobians, training and checkpoints.

What a notebook or a script needs is here, under one name each; the first one that is used loads PyTorch.
The penalties and the Jacobian take any encoder: a module or a function from inputs (batch, ...) to codes
(batch, ...), on the device of its tensors. Everything here but `ae_core.ui` runs without Streamlit.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ae_core.threads import wait_asleep

if TYPE_CHECKING:
    from ae_core.analysis.evaluation import evaluate
    from ae_core.analysis.inspection import inspect
    from ae_core.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
    from ae_core.config import LADDERS, RECIPES, Recipe
    from ae_core.data import load_mnist
    from ae_core.data.own import open_data
    from ae_core.drawing import to_mnist
    from ae_core.errors import LabError
    from ae_core.jacobian import encoder_jacobian, sensitivity_map, spectrum, tangents
    from ae_core.model import Autoencoder, initial_model
    from ae_core.penalties import contraction_penalty, kl_penalty
    from ae_core.training.compute import choose_compute
    from ae_core.training.loop import train

__all__ = [
    "LADDERS",
    "RECIPES",
    "Autoencoder",
    "Checkpoint",
    "LabError",
    "Recipe",
    "choose_compute",
    "contraction_penalty",
    "encoder_jacobian",
    "evaluate",
    "initial_model",
    "inspect",
    "kl_penalty",
    "load_checkpoint",
    "load_mnist",
    "open_data",
    "save_checkpoint",
    "sensitivity_map",
    "spectrum",
    "tangents",
    "to_mnist",
    "train",
]

_HOMES = {
    "ae_core.analysis.evaluation": ("evaluate",),
    "ae_core.analysis.inspection": ("inspect",),
    "ae_core.checkpoints": ("Checkpoint", "load_checkpoint", "save_checkpoint"),
    "ae_core.config": ("LADDERS", "RECIPES", "Recipe"),
    "ae_core.data": ("load_mnist",),
    "ae_core.data.own": ("open_data",),
    "ae_core.drawing": ("to_mnist",),
    "ae_core.errors": ("LabError",),
    "ae_core.jacobian": ("encoder_jacobian", "sensitivity_map", "spectrum", "tangents"),
    "ae_core.model": ("Autoencoder", "initial_model"),
    "ae_core.penalties": ("contraction_penalty", "kl_penalty"),
    "ae_core.training.compute": ("choose_compute",),
    "ae_core.training.loop": ("train",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

wait_asleep()


def __getattr__(name: str) -> Any:  # noqa: ANN401 - each name has a type of its own, declared above
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
