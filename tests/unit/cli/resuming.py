"""A training to interrupt, and the commands that messages name. Needs nothing."""

import shlex

SPARSE = (
    "train",
    "--kind",
    "sparse",
    "--device",
    "cpu",
    "--epochs",
    "4",
    "--batch-size",
    "25",
    "--seed",
    "3",
)


def named_command(err):
    """The arguments of the command that a message ends with, as a shell would hand them over."""
    python, *arguments = shlex.split(err[err.rindex("python -m ae_core") :])
    assert (python, *arguments[:2]) == ("python", "-m", "ae_core")
    return arguments[2:]
