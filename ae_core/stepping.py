"""One optimisation step, as PyTorch runs it or captured once as a CUDA graph and replayed.

The training loop sees no difference: it hands over indices and a learning rate, and reads the losses.
"""

from __future__ import annotations

import logging

import torch
import torch.nn.functional as F
from torch import Tensor

from ae_core.config import TrainConfig
from ae_core.data import to_float
from ae_core.model import Autoencoder
from ae_core.penalties import encode_with_penalty

_WARM_UP_STEPS = 3
"""Steps before a capture, in which libraries choose their kernels and allocate what they keep."""

_log = logging.getLogger(__name__)


class Step:
    """A step on a batch of images that lie on the device.

    Args:
        model: on its device already; its weights change in place.
        images: uint8, shape (n, 1, 28, 28), on the same device.
        precision: of the convolutions; weights, losses and the optimiser stay in float32.
    """

    def __init__(
        self, model: Autoencoder, images: Tensor, config: TrainConfig, precision: torch.dtype
    ) -> None:
        self._model = model
        self._images = images
        self._config = config
        self._precision = precision
        device = images.device
        self._noise = torch.Generator(device).manual_seed(config.seed)
        self.sums = torch.zeros(3, device=device)
        """Loss, mse and penalty, added up over the steps since somebody set them to 0."""
        captured = device.type == "cuda"
        self._optimizer = torch.optim.Adam(
            model.parameters(),
            lr=torch.tensor(config.learning_rate, device=device) if captured else config.learning_rate,
            betas=(config.adam_beta1, config.adam_beta2),
            fused=True,
            capturable=captured,
        )

    def __call__(self, indices: Tensor, learning_rate: float) -> None:
        """One step on the images of these indices, without waiting for the device."""
        self._set_learning_rate(learning_rate)
        self._work(indices)

    def _set_learning_rate(self, learning_rate: float) -> None:
        for group in self._optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(learning_rate)
            else:
                group["lr"] = learning_rate

    def _work(self, indices: Tensor) -> None:
        model, config = self._model, self._config
        x = to_float(self._images[indices])
        lower = self._precision != torch.float32
        with torch.autocast(x.device.type, self._precision, enabled=lower):
            code, penalty = encode_with_penalty(model, x, config, self._noise)
            reconstruction = model.decode(code)
        mse = F.mse_loss(reconstruction.float(), x)
        loss = mse + config.penalty_weight * penalty
        self._optimizer.zero_grad()
        loss.backward()
        if config.max_grad_norm is not None:
            torch.nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
        self._optimizer.step()
        if config.max_decoder_norm is not None:
            bound_decoder(model, config.max_decoder_norm)
        self.sums += torch.stack((loss, mse, penalty)).detach()


class CapturedStep(Step):
    """The same step on CUDA, launched as one graph instead of some two hundred kernels.

    A batch of another size, as an epoch's last may be, is worked on kernel by kernel.

    Raises:
        RuntimeError: if the step cannot be captured; model and noise are as they were.
    """

    def __init__(
        self, model: Autoencoder, images: Tensor, config: TrainConfig, precision: torch.dtype
    ) -> None:
        super().__init__(model, images, config, precision)
        self._indices = torch.zeros(config.batch_size, dtype=torch.int64, device=images.device)
        weights = {name: value.clone() for name, value in model.state_dict().items()}
        try:
            self._graph = self._captured()
        finally:
            model.load_state_dict(weights)
            for state in self._optimizer.state.values():
                for value in state.values():
                    value.zero_()
            self._noise.manual_seed(config.seed)
            self.sums.zero_()

    def _captured(self) -> torch.cuda.CUDAGraph:
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(_WARM_UP_STEPS):
                self._work(self._indices)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(self._noise)
        with torch.cuda.graph(graph):
            self._work(self._indices)
        return graph

    def __call__(self, indices: Tensor, learning_rate: float) -> None:
        if len(indices) != len(self._indices):
            super().__call__(indices, learning_rate)
            return
        self._set_learning_rate(learning_rate)
        self._indices.copy_(indices)
        self._graph.replay()


def fastest_step(model: Autoencoder, images: Tensor, config: TrainConfig, precision: torch.dtype) -> Step:
    """A captured step on CUDA where that works, else an eager one; arguments are those of `Step`."""
    if images.device.type == "cuda" and len(images) >= config.batch_size:
        try:
            return CapturedStep(model, images, config, precision)
        except RuntimeError as error:
            _log.warning("The step is not captured as a CUDA graph: %s", str(error).splitlines()[0])
    return Step(model, images, config, precision)


@torch.no_grad()
def bound_decoder(model: Autoencoder, max_decoder_norm: float) -> None:
    """Scale down, in place, the decoder weights of each input channel whose norm is above the bound.

    Without a bound a penalty on the code is dodged by a small code and a large decoder; bounding the first
    layer alone, whose channels are the code units, would let the later ones grow in its place.
    """
    for layer in model.decoder[::2]:
        layer.weight.copy_(torch.renorm(layer.weight, 2, 0, max_decoder_norm))
