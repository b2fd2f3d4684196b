"""Contractive and sparse autoencoders on MNIST: models, penalties, Jacobians, training and checkpoints.

Everything here but `ae_core.ui` runs without Streamlit.
"""

import os

# Before PyTorch is loaded: threads that wait for each other sleep instead of spinning. Spinning ones hold up
# the very thread they wait for as soon as anything else computes: measured, training was 18 times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
