"""Files, written whole or not at all, and safetensors read with suspicion.

Nothing is ever unpickled. A file's names, shapes and types are checked before its tensors are made.
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
from safetensors import deserialize
from torch import Tensor

from ae_core.errors import CheckpointError

_TYPES = {torch.float32: "F32", torch.float16: "F16", torch.uint8: "U8", torch.uint16: "U16"}
"""The types that our files have, as safetensors calls them."""


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


def save_whole(path: Path, content: bytes) -> None:
    """The same for callers that have nothing to add but the sentence.

    Raises:
        CheckpointError: if the folder cannot be made or written, or the disk is full.
    """
    try:
        write_whole(path, content)
    except OSError as error:
        raise CheckpointError(f"{path} could not be written: {error.strerror or error}.") from error


def read_file(name: str, path: Path, max_bytes: int, remedy: str = "") -> bytes:
    """Read the content of a file, for `read_tensors`.

    Args:
        name, remedy: as for `read_tensors`.
        max_bytes: a larger file is refused unread.
    Raises:
        CheckpointError: if the file is missing, too large, or cannot be read.
    """
    try:
        size = path.stat().st_size
        _check_size(name, size, max_bytes, remedy)
        with path.open("rb") as file:
            # What is no plain file, or still grows, has no end that its size tells.
            return file.read(size + 1)
    except FileNotFoundError:
        raise CheckpointError(f"There is no file {path}.") from None
    except (OSError, ValueError) as error:
        raise _not_readable(name, remedy) from error


def read_tensors(
    name: str,
    content: bytes,
    max_bytes: int,
    parse: Callable[[dict[str, str]], tuple[Any, Mapping[str, Tensor]]],
    remedy: str = "",
) -> tuple[Any, dict[str, Tensor]]:
    """Read tensors from the content of a file whose metadata say which it must hold.

    From memory alone: an upload needs no room on a disk.

    Args:
        name: of the file, for sentences about it.
        max_bytes: more is refused.
        parse: given the metadata, returns what they mean, and for each tensor's name one of the right shape
            and type; raises `CheckpointError` for metadata that mean nothing.
        remedy: what to do about content that is too large or not safetensors at all, after a colon.
    Returns:
        What `parse` returned first, and the tensors. Every float is finite.
    Raises:
        CheckpointError: if the content is too large, not safetensors, or holds other tensors.
    """
    _check_size(name, len(content), max_bytes, remedy)
    try:
        found = dict(deserialize(content))
        metadata = _metadata(content)
    except Exception as error:
        # Whatever a library makes of bytes from outside: they are not a file of ours.
        raise _not_readable(name, remedy) from error
    meaning, expected = parse(metadata)
    _check_tensors(name, found, expected)
    tensors = {
        key: torch.frombuffer(found[key]["data"], dtype=value.dtype).reshape(value.shape)
        for key, value in expected.items()
    }
    for key, value in tensors.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise CheckpointError(f"{name} holds a number that is not finite, in {key}.")
    return meaning, tensors


def _check_size(name: str, size: int, max_bytes: int, remedy: str) -> None:
    if size > max_bytes:
        raise CheckpointError(
            f"{name} is larger than {max_bytes // 2**20} MB, the most that a file of this kind has"
            f"{_after_colon(remedy)}."
        )


def _not_readable(name: str, remedy: str) -> CheckpointError:
    return CheckpointError(
        f"{name} is not a readable safetensors file (damaged, cut short, or of another kind)"
        f"{_after_colon(remedy)}."
    )


def _after_colon(remedy: str) -> str:
    return f": {remedy}" if remedy else ""


def _metadata(content: bytes) -> dict[str, str]:
    """The metadata in the header, which is JSON behind its own length: safetensors reads them off disks only.

    Raises:
        ValueError: if the content is something else.
    """
    length = int.from_bytes(content[:8], "little")
    if length > len(content) - 8:
        raise ValueError("the header is longer than the content")
    metadata = json.loads(content[8 : 8 + length]).get("__metadata__") or {}
    if not all(isinstance(text, str) for text in metadata.values()):
        raise ValueError("the metadata are not texts")
    return metadata


def _check_tensors(name: str, found: Mapping[str, Mapping[str, Any]], expected: Mapping[str, Tensor]) -> None:
    """Compare names, types and shapes as the header has them, before any tensor is made."""
    if set(found) != set(expected):
        odd = sorted(set(found) ^ set(expected))[0]
        state = "holds a tensor that does not belong there" if odd in found else "lacks a tensor"
        raise CheckpointError(f"{name} {state}: {shorten(odd)}.")
    for key, value in expected.items():
        own = found[key]["dtype"], tuple(found[key]["shape"])
        right = _TYPES[value.dtype], tuple(value.shape)
        if own != right:
            raise CheckpointError(
                f"{name} does not fit its model: {key} is {own[0]} of shape {own[1]} "
                f"instead of {right[0]} of shape {right[1]}."
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


def read_object(path: Path, max_bytes: int, remedy: str = "") -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Args:
        max_bytes, remedy: as for `read_file`.
    Raises:
        CheckpointError: if the file is missing, too large, or holds something else.
    """
    content = read_file(path.name, path, max_bytes, remedy).decode(errors="replace")
    return parse_object(path.name, {"content": content}, "content")


def shorten(text: str) -> str:
    """Cut what a file says to fit into a sentence: on one line, at most 160 characters."""
    return textwrap.shorten(text, 160, placeholder="...")
