"""A network of the chip without rounding: what 4 bits cost is measured against it.

The same convolutions, batch norms and joins on the network's own parameters, in float32. Values keep the ranges that
the quantisers cut them to, and lose their steps; so twin and network differ in rounding, and in nothing else.
"""

from __future__ import annotations

import io
import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from quant.export import OPSET
from quant.layers import learned_maximum, quantiser_bits, quantiser_signed, quantiser_step
from quant.modifier import Modifier

__all__ = ["TWIN_FILE", "FloatTwin", "float_twin_onnx"]

TWIN_FILE = "modifier.onnx"
"""Name of an exported float twin."""

_VALUES = {"hw_anon.values": "0..1"}  # as `hw_anon.evaluate.onnx_modifier` reads them


class FloatTwin(nn.Module):
    """A modifier without rounding; parameters, buffers and state are the modifier's."""

    def __init__(self, net: Modifier) -> None:
        """Takes a modifier.

        Args:
            net: stays what it is and learns with this module.
        """
        super().__init__()
        self.net = net
        topology = net.topology()
        self._units, self._last = topology.units, topology.units[-1]
        self._joins = {join.branch: join for join in topology.joins}
        quantisers = [*(unit.target for unit in self._units), *(join.target for join in topology.joins)]
        self._tops = {name: _largest(net.get_submodule(name)) for name in quantisers}

    def forward(self, images: Tensor) -> Tensor:
        """Maps `[N, 3 + key, H, W]` in 0..1 to `[N, 3, H, W]`: the last batch norm's answer, before it is clipped."""
        values: dict[str | None, Tensor] = {None: images}
        for unit in self._units:
            block: Any = self.net.get_submodule(unit.name)
            answer: Tensor = block.bn(
                F.conv2d(
                    block.up(values[unit.source]),
                    block.conv.weight,
                    stride=block.conv.stride,
                    padding=block.conv.padding,
                )
            )
            if unit is self._last:
                return answer
            if unit.target in self._joins:
                join = self._joins[unit.target]
                top = self._tops[unit.target]
                values[join.target] = self._ranged(join.target, answer.clamp(-top, top) + values[join.trunk])
            else:
                values[unit.target] = self._ranged(unit.target, answer)
        raise AssertionError("the last unit returns")

    def _ranged(self, name: str, values: Tensor) -> Tensor:
        """Returns what an unsigned quantiser lets through."""
        learned = learned_maximum(self.net.get_submodule(name))
        top = torch.tensor(self._tops[name]) if learned is None else learned.abs()
        return torch.minimum(values.relu(), top)


def _largest(quantiser: nn.Module) -> float:
    """Returns a quantiser's largest value as it is now."""
    bits = quantiser_bits(quantiser) - quantiser_signed(quantiser)
    return float(quantiser_step(quantiser)[0]) * (2.0**bits - 1.0)


class _Clipped(nn.Module):
    def __init__(self, twin: FloatTwin) -> None:
        super().__init__()
        self._twin = twin

    def forward(self, images: Tensor) -> Tensor:
        return self._twin(images).clamp(0.0, 1.0)


def float_twin_onnx(net: Modifier) -> bytes:
    """Returns a modifier's float twin as an ONNX file, which `--anonymiser FILE` takes.

    Args:
        net: a modifier without a key, on the CPU.

    Returns:
        `[N, 3, S, S]` float32 to the same, RGB in 0..1; the file's metadata says so.
    """
    import onnx

    assert not net.config.key_channels, "an ONNX anonymiser has three channels"
    size, buffer = net.config.input_size, io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the tracer says of itself that it is deprecated
        torch.onnx.export(
            _Clipped(FloatTwin(net)).eval(),
            (torch.zeros(1, 3, size, size),),
            buffer,
            dynamo=False,
            opset_version=OPSET,
            input_names=["crops"],
            output_names=["modified"],
            dynamic_axes={"crops": {0: "crops"}, "modified": {0: "crops"}},
        )
    model = onnx.load_from_string(buffer.getvalue())
    onnx.helper.set_model_props(model, _VALUES)
    return model.SerializeToString()
