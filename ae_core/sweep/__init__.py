"""Grids of models, trained by any number of processes, and their table."""
