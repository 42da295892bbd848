"""A face detector and a face modifier that are stitched and simulated in seconds: random weights, no faces."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

__all__ = ["TinyNetworks", "make_tiny_networks"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TinyNetworks:
    """Both networks at every stage, by role (`detector`, `modifier`)."""

    models: dict[str, ModelWrapper]
    """Hardware graphs."""
    generated: dict[str, ModelWrapper]
    """The same with generated HDL."""
    designs: dict[str, Path]
    """Directories of the stitched designs."""


def _detector() -> ModelWrapper:
    from tests.hls.graphs import GraphBuilder

    b = GraphBuilder(seed=13)
    x = b.input("half", (1, 24, 40, 3), "UINT8")
    x = b.conv("conv0", x, 4, stride=2, pe=4, simd=3, pad_simd=3, threshold_pe=2)
    x = b.conv("conv1", x, 4, stride=2, pe=4, simd=4, pad_simd=4, threshold_pe=2)
    return b.build(["half"], [b.conv("conv2", x, 5, stride=2, pe=5, simd=4, pad_simd=4, output="UINT8")])


def _modifier() -> ModelWrapper:
    from tests.hls.graphs import GraphBuilder

    b = GraphBuilder(seed=9)
    x = b.input("crop", (1, 8, 8, 4), "UINT8")
    x = b.conv("conv0", x, 4, pe=4, simd=4, pad_simd=4, threshold_pe=4)
    return b.build(["crop"], [b.conv("conv1", x, 3, pe=3, simd=4, pad_simd=4, threshold_pe=3, output="UINT8")])


def make_tiny_networks(work: Path) -> TinyNetworks:
    """Returns both networks; FINN is booted into `work`, and the designs lie there."""
    from hls.flow.boot import boot

    boot(work / "finn")
    from hls.stitch import generate_hdl, stitch
    from tests.hls.graphs import PART, lower

    models = {"detector": _detector(), "modifier": _modifier()}
    generated = {name: generate_hdl(lower(model), PART, 10.0, work / f"{name}_hdl") for name, model in models.items()}
    prefixes = {"detector": "detector_", "modifier": ""}
    designs = {
        name: stitch(model, work / name, top=f"face_{name}", prefix=prefixes[name]).directory
        for name, model in generated.items()
    }
    return TinyNetworks(models=models, generated=generated, designs=designs)
