"""Files, written whole or not at all, and safetensors read with suspicion.

Nothing is ever unpickled. A file's names, shapes and types are checked before its tensors are read.
"""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from secrets import token_hex
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

_TYPES = {torch.float32: "F32", torch.uint8: "U8"}
"""The types that our files have, as safetensors calls them."""


class CheckpointError(Exception):
    """A file of this lab cannot be read or written; the message says what is wrong and what to do."""


def write_whole(path: Path, content: bytes) -> None:
    """Write a temporary file beside the target, flush it to disk, and rename it.

    Raises:
        OSError: if the folder cannot be made or written, or the disk is full; the target is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".saving-{token_hex(8)}"
    try:
        # Opened as any new file is, so that its mode is the umask's: `tempfile` makes private ones, and not
        # every disk lets a mode be changed afterwards.
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_tensors(
    path: Path,
    max_bytes: int,
    parse: Callable[[dict[str, str]], tuple[Any, Mapping[str, Tensor]]],
) -> tuple[Any, dict[str, Tensor]]:
    """Read a file whose metadata say which tensors it must hold.

    Args:
        max_bytes: a larger file is refused unread.
        parse: given the metadata, returns what they mean and a tensor of the right shape and type by each
            name; raises `CheckpointError` for metadata that mean nothing.
    Returns:
        What `parse` returned first, and the tensors. Every float is finite.
    Raises:
        CheckpointError: if the file is missing, too large, not safetensors, or holds other tensors.
    """
    name = path.name
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise CheckpointError(
                f"{name} has {size / 2**20:.0f} MB; a file of this kind has at most {max_bytes // 2**20} MB."
            )
        with safe_open(path, framework="pt", device="cpu") as file:
            meaning, expected = parse(file.metadata() or {})
            _check_tensors(name, file, expected)
            tensors = {key: file.get_tensor(key) for key in expected}
    except FileNotFoundError:
        raise CheckpointError(f"There is no file {path}.") from None
    except (OSError, ValueError, SafetensorError) as error:
        raise CheckpointError(
            f"{name} is not a readable safetensors file (damaged, cut short, or of another kind): "
            "choose a .safetensors file that this lab saved."
        ) from error
    for key, value in tensors.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise CheckpointError(f"{name} holds a number that is not finite, in {key}.")
    return meaning, tensors


def _check_tensors(name: str, file: safe_open, expected: Mapping[str, Tensor]) -> None:
    """Compare names, types and shapes by the header alone, before any tensor is allocated."""
    found = set(file.keys())
    if found != set(expected):
        odd = sorted(found ^ set(expected))[0]
        state = "holds a tensor that does not belong there" if odd in found else "lacks a tensor"
        raise CheckpointError(f"{name} {state}: {clipped(odd)}.")
    for key, value in expected.items():
        entry = file.get_slice(key)
        right = _TYPES[value.dtype], tuple(value.shape)
        if (entry.get_dtype(), tuple(entry.get_shape())) != right:
            raise CheckpointError(
                f"{name} does not fit its model: {key} is {entry.get_dtype()} of shape "
                f"{tuple(entry.get_shape())} instead of {right[0]} of shape {right[1]}."
            )


def parse_object(name: str, metadata: dict[str, str], key: str) -> dict[str, Any]:
    """A JSON object from a file's metadata.

    Raises:
        CheckpointError: if it is missing or something else.
    """
    try:
        value = json.loads(metadata[key])
    except (KeyError, ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise CheckpointError(f"{name} is damaged: its {key} is missing or is not a JSON object.")
    return value


def clipped(text: str) -> str:
    """What a file says, fit for a sentence: on one line and not longer than that."""
    return textwrap.shorten(text, 160, placeholder="...")
