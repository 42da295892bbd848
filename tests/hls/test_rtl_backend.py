"""The simulated RTL as a link of the equivalence chain."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hls.interface import FILE_LIST, DesignInterface, StreamPort
from hls.sim.backend import RtlBackend
from hls.sim.simulator import Stalls
from hw_anon.core.backend import ModifierBackend, compare_outputs
from hw_anon.core.errors import ContractError

INVERT_SV = """
module invert (
    input  logic        ap_clk,
    input  logic        ap_rst_n,
    input  logic [23:0] s_axis_tdata,
    input  logic        s_axis_tvalid,
    output logic        s_axis_tready,
    output logic [23:0] m_axis_tdata,
    output logic        m_axis_tvalid,
    input  logic        m_axis_tready
);
    assign m_axis_tdata = ~s_axis_tdata;
    assign m_axis_tvalid = s_axis_tvalid;
    assign s_axis_tready = m_axis_tready;
endmodule
"""


def interface() -> DesignInterface:
    def port(name: str) -> StreamPort:
        return StreamPort(name=name, element_bits=8, elements_per_beat=3, signed=False, shape=(5, 4, 3), tdata_bits=24)

    return DesignInterface(top="invert", inputs=(port("s_axis"),), outputs=(port("m_axis"),))


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("invert")
    (directory / "invert.sv").write_text(INVERT_SV)
    (directory / FILE_LIST).write_text("invert.sv\n")
    interface().save(directory)
    return directory


@pytest.mark.sim
def test_backend_modifies_crops_and_keeps_the_measurement(design: Path, simulator_cache: Path) -> None:
    crops = np.random.default_rng(0).integers(0, 256, (4, 5, 4, 3), dtype=np.uint8)
    plain: ModifierBackend = RtlBackend.from_design(design, cache_dir=simulator_cache)
    stalled = RtlBackend.from_design(
        design, cache_dir=simulator_cache, stalls=Stalls(input_per_mille=300, output_per_mille=300), name="rtl+stalls"
    )
    for backend in (plain, stalled):
        modified = backend.modify(crops)
        assert modified.dtype == np.uint8
        assert compare_outputs("numpy", backend.name, ~crops, modified).differing_bytes == 0
    assert (plain.name, stalled.name) == ("rtl", "rtl+stalls")
    assert stalled.last_result.cycles > 4 * 20
    np.testing.assert_array_equal(stalled.modify(crops), ~crops)  # every call starts from reset


@pytest.mark.sim
@pytest.mark.parametrize(
    "crops",
    [np.zeros((1, 4, 5, 3), np.uint8), np.zeros((5, 4, 3), np.uint8), np.zeros((1, 5, 4, 3), np.int64)],
    ids=["transposed", "no-batch", "dtype"],
)
def test_wrong_crops_are_refused(design: Path, simulator_cache: Path, crops: np.ndarray) -> None:
    with pytest.raises(ContractError, match=r"rtl: crops must be uint8 of shape \[N, 5, 4, 3\]"):
        RtlBackend.from_design(design, cache_dir=simulator_cache).modify(crops)


def test_design_that_is_no_modifier_is_refused(tmp_path: Path) -> None:
    ports = interface()
    signed = replace(ports.outputs[0], signed=True)
    for wrong in (replace(ports, inputs=ports.inputs * 2), replace(ports, outputs=(signed,))):
        with pytest.raises(ContractError, match="design invert"):
            RtlBackend(tmp_path / "libsim.so", wrong, data_dir=tmp_path)


def test_incomplete_design_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"interface\.json"):
        RtlBackend.from_design(tmp_path, cache_dir=tmp_path)
    interface().save(tmp_path)
    with pytest.raises(ContractError, match=r"files\.f"):
        RtlBackend.from_design(tmp_path, cache_dir=tmp_path)
