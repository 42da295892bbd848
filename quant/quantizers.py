"""Brevitas quantisers of the networks that go on the chip.

Three families, and nothing else may appear in a network that is exported (`quant.rules`):

- weights: signed, symmetric, *narrow range* (`-(2^(b-1)-1) .. 2^(b-1)-1`), scale from the largest magnitude of the
  tensor or of each output channel;
- activations: unsigned with one scalar scale, learned or constant;
- residual branches: signed, narrow range, one constant scalar scale equal to the trunk's.

The `Unit*` variants have the scale 1: values and integers are the same thing (`quant.bn_projection`).
"""

from __future__ import annotations

from brevitas.core.restrict_val import RestrictValueType
from brevitas.core.scaling import ScalingImplType
from brevitas.quant import (
    Int8ActPerTensorFloat,
    Int8WeightPerChannelFloat,
    Int8WeightPerTensorFloat,
    Uint8ActPerTensorFloat,
)

__all__ = [
    "BranchQuant",
    "ConstActQuant",
    "LearnedActQuant",
    "UnitWeightQuant",
    "WeightQuantPerChannel",
    "WeightQuantPerTensor",
]


class WeightQuantPerTensor(Int8WeightPerTensorFloat):
    """Narrow-range signed weights, one scale for the layer."""

    narrow_range = True


class WeightQuantPerChannel(Int8WeightPerChannelFloat):
    """Narrow-range signed weights, one scale for each output channel."""

    narrow_range = True


class UnitWeightQuant(Int8WeightPerTensorFloat):
    """Narrow-range signed weights that are integers already: scale 1, given `scaling_init = 2^(b-1) - 1`."""

    narrow_range = True
    scaling_impl_type = ScalingImplType.CONST
    restrict_scaling_type = RestrictValueType.FP


class LearnedActQuant(Uint8ActPerTensorFloat):
    """Unsigned activations whose range (`scaling_init` at first) is a trained parameter."""

    scaling_impl_type = ScalingImplType.PARAMETER
    restrict_scaling_type = RestrictValueType.FP
    min_val = 0.0


class ConstActQuant(Uint8ActPerTensorFloat):
    """Unsigned activations with the constant range `0 .. max_val`."""

    scaling_impl_type = ScalingImplType.CONST
    restrict_scaling_type = RestrictValueType.FP
    min_val = 0.0


class BranchQuant(Int8ActPerTensorFloat):
    """Signed narrow-range activations with the constant range `-max_val .. max_val`."""

    narrow_range = True
    scaling_impl_type = ScalingImplType.CONST
    restrict_scaling_type = RestrictValueType.FP
