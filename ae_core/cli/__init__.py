"""The command line: `python -m ae_core`."""
