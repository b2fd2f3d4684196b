"""Contractive and sparse autoencoders on MNIST: models, penalties, Jacobians, training and checkpoints.

Everything here but `ae_core.ui` runs without Streamlit.
"""

from ae_core.threads import wait_asleep

wait_asleep()
