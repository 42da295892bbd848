"""Generality: nets of the family drawn at random go through the whole chain without a differing byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from hw_anon.core.boards import BOARDS

pytestmark = [pytest.mark.finn, pytest.mark.sim, pytest.mark.timeout(1800)]  # two to three minutes each on a free core

_SEEDS = (1, 2, 3, 4, 5, 6)
_MACS_PER_CYCLE = 48
_CROPS = 8
_RTL_CROPS = 3


@pytest.mark.parametrize("seed", _SEEDS)
def test_every_stage_gives_the_same_bytes(seed: int, tmp_path: Path) -> None:
    from hls.flow.build import build
    from hls.flow.config import BuildConfig
    from hw_anon.cli.chain import run_chain
    from hw_anon.data.crops import equivalence_crops
    from quant.backend import QatBackend
    from quant.export import export_net, integer_net
    from quant.zoo import random_net

    net = random_net(seed)
    contract = export_net(net, f"random-{seed}", tmp_path / "net")
    board = list(BOARDS.values())[seed % len(BOARDS)]
    interval_cycles = max(contract.macs_per_inference // _MACS_PER_CYCLE, 20_000)
    config = BuildConfig(board=board.name, faces_per_s=board.clk_mhz * 1e6 / interval_cycles)
    crops = equivalence_crops(_CROPS, contract.input.shape[1], seed).crops
    finished = build(
        tmp_path / "net",
        tmp_path / "design",
        config,
        crops_u8=crops[:_RTL_CROPS],
        work_dir=tmp_path / "finn",
        cache_dir=tmp_path / "simulators",
    )
    links = run_chain(
        QatBackend(integer_net(net)),
        finished,
        finn_dir=tmp_path / "finn",
        crops_u8=crops,
        rtl_crops_u8=crops[:_RTL_CROPS],
        stalls=True,
        advance=lambda name, done, total: None,
    )
    assert [(link.source, link.target) for link in links] == [
        ("qat", "qonnx"),
        ("qonnx", "hardware_graph"),
        ("hardware_graph", "twin"),
        ("twin", "rtl"),
        ("twin", "rtl"),
        ("twin", "rtl"),
    ]
    assert {link.differing_bytes for link in links} == {0}, [link.as_json() for link in links]
    assert finished.report["interval_cycles_rtl"] <= 1.02 * finished.report["interval_cycles_ideal"]
