"""What importing the package does to the process. Needs only Python."""

import os
import subprocess
import sys

import pytest

LOOK = "import os, sys, ae_core; print(os.environ['GOMP_SPINCOUNT'], 'torch' in sys.modules)"


@pytest.mark.parametrize(
    ("own", "used"), [(None, "2000"), ("7", "7")], ids=["none of the user's", "the user's"]
)
def test_waiting_threads_spin_briefly_and_pytorch_has_not_read_another_setting_before(own, used):
    environment = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
    if own is not None:
        environment["GOMP_SPINCOUNT"] = own
    said = subprocess.run([sys.executable, "-c", LOOK], env=environment, capture_output=True, text=True)
    assert said.stdout.split() == [used, "False"], said.stderr


def test_what_probes_need_is_imported_where_it_is_used():
    """Page and commands start as quickly without it."""
    look = "import sys, ae_core.ui.views, ae_core.cli.commands; print('sklearn' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True)
    assert said.stdout.split() == ["False"], said.stderr
