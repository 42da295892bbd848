"""Fuses the hardware's padding, window generator and matrix multiplier back into one convolution."""

from __future__ import annotations

from dataclasses import replace

from hls.twin.operations import Conv, MatMul, Operation, Pad, Window
from hls.twin.program import TwinProgram

__all__ = ["fuse"]


def fuse(program: TwinProgram) -> TwinProgram:
    """Returns an equal program in which `Window, MatMul` and `Pad, Conv` became one `Conv` each.

    A pair is fused if nothing else reads the tensor between the two; all other operations stay as they are.
    """
    operations = _fuse_pairs(list(program.operations), program.output_tensors)
    return replace(program, operations=tuple(operations))


def _fuse_pairs(operations: list[Operation], outputs: tuple[str, ...]) -> list[Operation]:
    readers: dict[str, int] = dict.fromkeys(outputs, 1)
    for operation in operations:
        for name in operation.inputs:
            readers[name] = readers.get(name, 0) + 1
    producers: dict[str, Operation] = {}
    for operation in operations:
        current = operation
        while (producer := producers.get(current.inputs[0])) is not None and readers[producer.output] == 1:
            fused = _fuse_pair(producer, current)
            if fused is None:
                break
            del producers[producer.output]
            current = fused
        producers[current.output] = current
    return list(producers.values())


def _fuse_pair(first: Operation, second: Operation) -> Operation | None:
    if isinstance(first, Window) and isinstance(second, MatMul):
        kh, kw = first.kernel
        channels, remainder = divmod(second.weight.shape[0], kh * kw)
        if remainder:
            return None
        return Conv(
            node=second.node,
            inputs=first.inputs,
            output=second.output,
            datatype=second.datatype,
            weight=second.weight.reshape(kh, kw, channels, second.weight.shape[1]),
            padding=(0, 0, 0, 0),
            stride=first.stride,
            dilation=first.dilation,
        )
    if isinstance(first, Pad) and isinstance(second, Conv):
        top, left, bottom, right = (a + b for a, b in zip(first.padding, second.padding, strict=True))
        return replace(second, inputs=first.inputs, padding=(top, left, bottom, right))
    return None
