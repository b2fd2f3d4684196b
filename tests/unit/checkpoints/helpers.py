"""How a file is refused. Needs torch and safetensors."""

from pathlib import Path

import pytest

from ae_core.checkpoints import load_checkpoint, read_checkpoint
from ae_core.errors import CheckpointError


def refusal(path):
    """The message with which a file is refused: one line, one sentence, of a length that can be read."""
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    message = str(caught.value)
    assert Path(path).name in message
    assert message.endswith(".")
    assert ". " not in message
    assert "\n" not in message
    assert len(message) < 500
    if Path(path).is_file():
        # As an upload, which never lies on a disk, it gets the same sentence.
        with pytest.raises(CheckpointError) as caught:
            read_checkpoint(Path(path).name, Path(path).read_bytes())
        assert str(caught.value) == message
    return message
