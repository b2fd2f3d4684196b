"""Quick and diverging trainings for the command line, and how their failures are read. Needs torch."""

import torch

ABSENT_DEVICE = "tpu" if torch.cuda.is_available() else "cuda"
QUICK = ("--device", "cpu", "--epochs", "1", "--batch-size", "50")
DIVERGING = (
    *("--schedule", "constant", "--learning-rate", "1e30", "--device", "cpu"),
    *("--max-grad-norm", "none", "--max-decoder-norm", "none"),
)


def flags(values):
    return [
        part
        for name, value in values.items()
        for part in (f"--{name.replace('_', '-')}", "none" if value is None else value)
    ]


def last_line_of_failure(code, out, err):
    """A run that fails after it began has told its progress; the error is one line, and the last."""
    lines = err.splitlines()
    assert (code, out) == (1, "")
    assert [line.startswith("Error: ") for line in lines].count(True) == 1
    assert lines[-1].startswith("Error: ")
    return lines[-1]
