"""The exact Jacobian of an encoder, and its random estimates."""

from ae_core.jacobian.exact import (
    activation_slope,
    column_sq_norms,
    decoder_jacobian,
    encoder_jacobian,
    jacobian_path,
    pre_activation_jacobian,
    rank,
    reconstruction_jacobian,
    sensitivity_map,
    spectrum,
    tangents,
)

__all__ = [
    "activation_slope",
    "column_sq_norms",
    "decoder_jacobian",
    "encoder_jacobian",
    "jacobian_path",
    "pre_activation_jacobian",
    "rank",
    "reconstruction_jacobian",
    "sensitivity_map",
    "spectrum",
    "tangents",
]
