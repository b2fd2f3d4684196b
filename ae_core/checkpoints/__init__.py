"""Files written whole or not at all and read with suspicion; trained models; the shipped library."""

from ae_core.checkpoints.checkpoint import (
    SUFFIX,
    AnyCheckpoint,
    Checkpoint,
    load_checkpoint,
    parse_recipe,
    read_checkpoint,
    recipe_metadata,
    save_checkpoint,
    to_bytes,
)
from ae_core.checkpoints.library import LIBRARY, ladder_paths, path_for_name, saved_paths
from ae_core.errors import CheckpointError

__all__ = [
    "LIBRARY",
    "SUFFIX",
    "AnyCheckpoint",
    "Checkpoint",
    "CheckpointError",
    "ladder_paths",
    "load_checkpoint",
    "parse_recipe",
    "path_for_name",
    "read_checkpoint",
    "recipe_metadata",
    "save_checkpoint",
    "saved_paths",
    "to_bytes",
]
