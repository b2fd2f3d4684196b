"""What a model is and how it is trained, as frozen values, and the recipes and penalty ladders that ship."""

from ae_core.config.checks import is_count, is_number
from ae_core.config.model import (
    CODE_ACTIVATIONS,
    KINDS,
    OUTPUT_ACTIVATIONS,
    CodeActivation,
    Kind,
    ModelConfig,
    OutputActivation,
)
from ae_core.config.pictures import IMAGE_SIZE, PIXELS
from ae_core.config.recipes import (
    DENOISING,
    DENOISING_NOISE,
    LADDERS,
    OTHER_SEEDS,
    RECIPE_NAMES,
    RECIPES,
    Recipe,
    RecipeName,
)
from ae_core.config.training import STEERABLE, Change, Schedule, TrainConfig

__all__ = [
    "CODE_ACTIVATIONS",
    "DENOISING",
    "DENOISING_NOISE",
    "IMAGE_SIZE",
    "KINDS",
    "LADDERS",
    "OTHER_SEEDS",
    "OUTPUT_ACTIVATIONS",
    "PIXELS",
    "RECIPES",
    "RECIPE_NAMES",
    "STEERABLE",
    "Change",
    "CodeActivation",
    "Kind",
    "ModelConfig",
    "OutputActivation",
    "Recipe",
    "RecipeName",
    "Schedule",
    "TrainConfig",
    "is_count",
    "is_number",
]
