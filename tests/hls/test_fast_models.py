"""The fast simulation models give the bytes of FINN's RTL in the same cycles, and stand in for nothing else."""

from __future__ import annotations

import importlib.resources
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hls.sim.fast_models import FAST_MODEL_DIR, ORIGINALS, fast_sources
from hls.sim.simulator import RunResult, Simulator, Stalls
from hls.sim.verilate import build_simulator
from hls.stitch import StitchedDesign, stitch
from hls.stitch.patches import patch_source
from hw_anon.core.errors import ContractError
from hw_anon.core.hashing import sha256_bytes
from tests.hls.finn_nodes import Node, dwc, mvau, side_by_side, thresholding

IMAGES = 5
PART = "xc7z020clg400-1"
LIBRARY_FILES = {"mvu.sv": "mvu", "thresholding.sv": "thresholding/hdl", "vpc.sv": "dwc/hdl"}

STALL_PATTERNS = [
    Stalls(),
    Stalls(input_per_mille=300, seed=2),
    Stalls(output_per_mille=300, seed=3),
    Stalls(input_per_mille=100, output_per_mille=800, seed=4),
    Stalls(input_per_mille=800, output_per_mille=100, seed=5),
]


def nodes() -> list[Node]:
    """Foldings and widths that take every branch of the three models.

    SIMD stays below the matrix width: `mvu_vvu_axi` loses results when it gives one per cycle under back-pressure.
    """
    rng = np.random.default_rng(3)

    def weights(bits: int, mw: int, mh: int) -> NDArray[np.int64]:
        high = 1 << (bits - 1)
        return rng.integers(1 - high, high, (mw, mh))  # narrow range

    def steps(channels: int, count: int, span: int) -> NDArray[np.int64]:
        return np.sort(rng.integers(-span, span, (channels, count)), axis=1)

    return [
        mvau(weights(4, 36, 8), pe=4, simd=6, inputs="UINT4", weight_type="INT4", outputs="INT16"),
        mvau(weights(4, 16, 8), pe=8, simd=8, inputs="INT4", weight_type="INT4", outputs="INT14"),
        mvau(weights(8, 20, 6), pe=3, simd=5, inputs="INT8", weight_type="INT8", outputs="INT24"),
        mvau(weights(4, 18, 5), pe=1, simd=1, inputs="UINT8", weight_type="INT4", outputs="INT18"),
        mvau(weights(2, 66, 4), pe=2, simd=33, inputs="UINT2", weight_type="INT2", outputs="INT10"),
        thresholding(steps(8, 15, 100), pe=4, inputs="INT16", outputs="UINT4"),
        thresholding(steps(8, 15, 100), pe=8, inputs="INT9", outputs="INT4", bias=-8),
        thresholding(steps(3, 255, 4000), pe=1, inputs="INT14", outputs="UINT8"),
        thresholding(steps(4, 1, 5), pe=2, inputs="INT5", outputs="UINT1"),
        thresholding(steps(2, 10, 60), pe=2, inputs="INT8", outputs="UINT4"),
        dwc(24, in_width=16, out_width=24, datatype="INT4"),
        dwc(24, in_width=24, out_width=16, datatype="INT4"),
        dwc(32, in_width=8, out_width=64, datatype="INT4"),
        dwc(80, in_width=160, out_width=32, datatype="INT8"),
    ]


@pytest.fixture(scope="module")
def finn_library() -> Path:
    return Path(str(importlib.resources.files("finn"))) / "finn-rtllib"


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> StitchedDesign:
    directory = tmp_path_factory.mktemp("fast")
    return stitch(side_by_side(nodes(), PART, directory / "finn"), directory / "rtl", top="nodes")


@pytest.fixture(scope="module")
def runs(design: StitchedDesign, simulator_cache: Path) -> dict[str, list[RunResult]]:
    """Per kind of RTL one run per stall pattern, each from reset, on the same images."""
    kinds = {"full": design.sources, "fast": fast_sources(design.sources)}
    results = {}
    for kind, sources in kinds.items():
        library = build_simulator(sources, design.interface, cache_dir=simulator_cache).library
        with Simulator(library, design.interface, data_dir=design.directory) as simulator:
            results[kind] = []
            for stalls in STALL_PATTERNS:
                simulator.reset()
                results[kind].append(simulator.run(*images(design), stalls=stalls))
    return results


def images(design: StitchedDesign) -> list[NDArray[np.int64]]:
    """Random images over each input's whole range."""
    rng = np.random.default_rng(11)
    ranges = [(-(1 << (p.element_bits - 1)) if p.signed else 0, p) for p in design.interface.inputs]
    return [rng.integers(low, low + (1 << port.element_bits), (IMAGES, *port.shape)) for low, port in ranges]


@pytest.mark.sim
@pytest.mark.finn
@pytest.mark.parametrize("pattern", range(len(STALL_PATTERNS)))
def test_bytes_and_cycles_equal_the_full_rtl(
    design: StitchedDesign, runs: dict[str, list[RunResult]], pattern: int
) -> None:
    full, fast = runs["full"][pattern], runs["fast"][pattern]
    wanted = [node.function(x) for node, x in zip(nodes(), images(design), strict=True)]
    for k, y in enumerate(wanted):
        np.testing.assert_array_equal(full.outputs[k].reshape(y.shape), y, err_msg=f"full RTL, node {k}")
        np.testing.assert_array_equal(fast.outputs[k].reshape(y.shape), y, err_msg=f"fast model, node {k}")
        np.testing.assert_array_equal(fast.image_end_cycles[k], full.image_end_cycles[k], err_msg=f"cycles, node {k}")
    assert fast.cycles == full.cycles


@pytest.mark.sim
@pytest.mark.finn
def test_stitched_design_takes_all_models(design: StitchedDesign) -> None:
    replaced = [path.name for path in fast_sources(design.sources) if path.parent == FAST_MODEL_DIR]
    assert sorted(replaced) == sorted(ORIGINALS)


@pytest.mark.finn
@pytest.mark.parametrize("name", sorted(ORIGINALS))
def test_models_belong_to_the_installed_finn(finn_library: Path, name: str) -> None:
    original = (finn_library / LIBRARY_FILES[name] / name).read_bytes()
    assert (sha256_bytes(original), sha256_bytes(patch_source(name, original))) == ORIGINALS[name]


@pytest.mark.finn
def test_changed_original_is_refused(finn_library: Path, tmp_path: Path) -> None:
    source = tmp_path / "mvu.sv"
    shutil.copy(finn_library / "mvu" / "mvu.sv", source)
    other = tmp_path / "fifo.sv"
    other.write_text("// kept\n")
    assert fast_sources([other, source]) == (other, FAST_MODEL_DIR / "mvu.sv")
    source.write_text(source.read_text() + "\n")
    with pytest.raises(ContractError, match=r"mvu\.sv .*is not the file that hls/sim/fast/mvu\.sv was checked"):
        fast_sources([source])
    with pytest.raises(ContractError, match="does not exist"):
        fast_sources([tmp_path / "vpc.sv"])
