"""The command `autoencoder-lab` of the installed package: the page, or one of the command line's commands."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

_PACKAGE = Path(__file__).parent
_PLACES = (_PACKAGE / "shipped" / "app.py", _PACKAGE.parent / "app.py")
"""Where the page's script lies once the package is installed, and in a checkout."""
_NAME = "autoencoder-lab"
_OPEN = "open"
_USAGE = f"""\
{_NAME}                 open the page
{_NAME} open OPTION...  the same with options of Streamlit's, such as --server.port 8600
{_NAME} COMMAND ...     one of the commands below
"""


def main(arguments: list[str] | None = None) -> int:
    """Open the page, or run a command; returns the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    if not given or given[0] == _OPEN:
        return _open_page(given[1:])
    # PyTorch takes seconds to load: whoever opens the page loads it there.
    from ae_core.cli.commands import main as run_command

    if given in (["-h"], ["--help"]):
        print(_USAGE)
    return run_command(given, _NAME)


def _open_page(options: list[str]) -> int:
    """Serve the page until it is stopped, with the settings that lie beside its script."""
    script = next(place for place in _PLACES if place.exists())
    # In this very process: who stops it stops the server.
    sys.argv = ["streamlit", "run", str(script), *options]
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)
    return 0
