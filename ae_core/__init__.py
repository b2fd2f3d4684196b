"""Contractive and sparse autoencoders on MNIST: models, penalties, Jacobians, training and checkpoints.

Everything here but `ae_core.ui` runs without Streamlit.
"""

import os

# Before PyTorch is loaded: how often a thread that waits for another looks again before it sleeps. By default
# it is 150 times as often, which holds up the very thread it waits for as soon as anything else computes:
# measured, training was 18 times slower. Never to look again doubles a sparse epoch on a quiet machine.
os.environ.setdefault("GOMP_SPINCOUNT", "2000")
