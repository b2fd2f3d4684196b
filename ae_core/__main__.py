"""`python -m ae_core`."""

import sys

from ae_core.cli.commands import main

if __name__ == "__main__":
    sys.exit(main())
