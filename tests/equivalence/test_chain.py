"""The equivalence chain on named nets: all links hold, and each of them would notice one wrong number."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hls.flow.config import BuildConfig
from hls.flow.finished import GRAPH_FILE, RTL_DIR, TWIN_FILE
from hw_anon.cli import main
from hw_anon.core.manifest import Manifest

if TYPE_CHECKING:
    from hls.flow.finished import FinishedBuild
    from hw_anon.cli.workspace import Workspace
    from hw_anon.core.backend import Link
    from quant.modifier import Modifier

pytestmark = [pytest.mark.finn, pytest.mark.sim]

CHAIN = [("qat", "qonnx"), ("qonnx", "hardware_graph"), ("hardware_graph", "twin"), *[("twin", "rtl")] * 3]


def _verify(capfd: pytest.CaptureFixture[str], work: Path, *arguments: str) -> tuple[int, Any, str]:
    """Runs `hw-anon verify`; returns exit status, the one JSON document and standard error."""
    code = main(["verify", "--work", str(work), "--stalls", "--json", *arguments])
    out, err = capfd.readouterr()
    return code, json.loads(out), err


def _pairs(document: Any) -> list[tuple[str, str]]:
    return [(link["from"], link["to"]) for link in document["links"]]


@pytest.mark.usefixtures("offline")
def test_every_stage_of_the_smallest_net_gives_the_same_bytes(
    xs_workspace: Workspace, xs_build: FinishedBuild, xs_config: BuildConfig, capfd: pytest.CaptureFixture[str]
) -> None:
    rate = ("--faces-per-s", f"{xs_config.faces_per_s:g}")
    crops = ("--crops", "64", "--rtl-crops", "8")
    code, document, err = _verify(capfd, xs_workspace.root, "--net", "modifier-xs", *rate, *crops)
    assert code == 0
    assert (document["net"], document["board"]) == ("modifier-xs", "pynq-z2")
    assert _pairs(document) == CHAIN
    assert [link["crops"] for link in document["links"]] == [64, 64, 64, 8, 8, 8]
    assert {link["differing_bytes"] for link in document["links"]} == {0}
    assert [link.get("note", "")[:6] for link in document["links"]] == ["", "", "", "full r", "random", "choked"]
    assert "fold" not in err, "the build is reused"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_stage_of_the_board_net_gives_the_same_bytes(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, document, _ = _verify(capfd, tmp_path, "--net", "modifier-s", "--crops", "256", "--rtl-crops", "8")
    assert code == 0
    assert _pairs(document) == CHAIN
    assert [link["crops"] for link in document["links"]] == [256, 256, 256, 8, 8, 8]
    assert {link["differing_bytes"] for link in document["links"]} == {0}
    from hw_anon.cli.workspace import Workspace

    report = Workspace(tmp_path).built("modifier-s", BuildConfig()).report
    assert report["interval_cycles_rtl"] <= 1.02 * report["interval_cycles_ideal"]
    assert report["faces_per_s"] >= 120


def _flip_bit(path: Path, line: int, bit: int) -> None:
    """Flips one bit of one word of a memory file."""
    lines = path.read_text().splitlines()
    width = len(lines[line])
    lines[line] = f"{int(lines[line], 16) ^ (1 << bit):0{width}x}"
    path.write_text("\n".join(lines) + "\n")


def _change_rtl_weight(build: FinishedBuild) -> None:
    _flip_bit(build.rtl_dir / "conv1_mvu_memblock.dat", line=5, bit=3)  # the sign of a 4-bit weight


def _change_rtl_threshold(build: FinishedBuild) -> None:
    _flip_bit(build.rtl_dir / "conv7_thr_threshs_0_7.dat", line=0, bit=8)


def _change_graph_weight(build: FinishedBuild) -> None:
    from qonnx.core.modelwrapper import ModelWrapper

    path = str(build.directory / GRAPH_FILE)
    model = ModelWrapper(path)
    node = next(node for node in model.graph.node if node.name == "conv4_mvu")
    weights = np.array(model.get_initializer(node.input[1]))
    row, column = np.unravel_index(np.abs(weights).argmax(), weights.shape)
    weights[row, column] *= -1
    model.set_initializer(node.input[1], weights)
    model.save(path)


def _change_twin_threshold(build: FinishedBuild) -> None:
    from hls.twin.operations import Threshold
    from hls.twin.program import TwinProgram

    path = build.directory / TWIN_FILE
    program = TwinProgram.load(path)
    last = max(i for i, operation in enumerate(program.operations) if isinstance(operation, Threshold))
    operations = list(program.operations)
    thresholds = operations[last].thresholds.copy()  # type: ignore[attr-defined]
    thresholds[0, 100] += 1
    operations[last] = dataclasses.replace(operations[last], thresholds=thresholds)
    dataclasses.replace(program, operations=tuple(operations)).save(path)


def _change_nothing(build: FinishedBuild) -> None:
    pass


CHANGES = {
    "nothing": (_change_nothing, set()),
    "a bit of an RTL weight": (_change_rtl_weight, {3}),
    "a bit of an RTL threshold": (_change_rtl_threshold, {3}),
    "the sign of a weight in the hardware graph": (_change_graph_weight, {1, 2}),
    "one threshold of the twin, by one": (_change_twin_threshold, {2, 3}),
}


def _chain(net: Modifier, build: FinishedBuild, finn_dir: Path) -> list[Link]:
    from hw_anon.cli.chain import run_chain
    from hw_anon.data.crops import equivalence_crops
    from quant.backend import QatBackend
    from quant.export import integer_net

    crops = equivalence_crops(8, build.contract.input.shape[1], 0).crops
    return run_chain(
        QatBackend(integer_net(net)),
        build,
        finn_dir=finn_dir,
        crops_u8=crops[3:6],  # a random one and two faces
        rtl_crops_u8=crops[3:6],
        stalls=False,
        advance=lambda name, done, total: None,
    )


@pytest.mark.parametrize("what", CHANGES)
def test_one_wrong_number_shows_in_its_link(
    what: str, xs_build: FinishedBuild, xs_workspace: Workspace, tmp_path: Path
) -> None:
    from hls.flow.boot import boot
    from quant.zoo import load_net

    change, broken = CHANGES[what]
    boot(xs_workspace.finn)
    shutil.copytree(xs_build.directory, tmp_path / "build")
    build = dataclasses.replace(xs_build, directory=tmp_path / "build")
    change(build)
    links = _chain(load_net("modifier-xs"), build, xs_workspace.finn)
    assert {index for index, link in enumerate(links) if link.differing_bytes} == broken


def test_another_net_in_training_than_in_the_build_shows(xs_build: FinishedBuild, xs_workspace: Workspace) -> None:
    import torch

    from quant.zoo import load_net

    net = load_net("modifier-xs")
    with torch.no_grad():
        net.get_submodule("head.2.bn").bias[0] += 2 / 255
    links = _chain(net, xs_build, xs_workspace.finn)
    assert [link.differing_bytes > 0 for link in links] == [True, False, False, False]


@pytest.mark.usefixtures("offline")
def test_verify_fails_with_the_links_that_differ(
    xs_workspace: Workspace, xs_build: FinishedBuild, xs_config: BuildConfig, tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    shutil.copytree(xs_workspace.root, tmp_path / "work")
    directory = tmp_path / "work" / "designs" / xs_build.directory.name
    _flip_bit(directory / RTL_DIR / "conv7_thr_threshs_0_7.dat", line=0, bit=8)
    good = xs_build.manifest
    Manifest.create(directory, inputs=good.inputs, tools=good.tools, config=good.config).save(directory)
    arguments = ["--net", "modifier-xs", "--faces-per-s", f"{xs_config.faces_per_s:g}", "--crops", "2"]
    code, document, err = _verify(capfd, tmp_path / "work", *arguments, "--rtl-crops", "1")
    assert code == 3
    assert _pairs(document) == CHAIN
    assert [link["differing_bytes"] > 0 for link in document["links"]] == [False, False, False, True, True, True]
    assert f"twin → rtl: {document['links'][3]['differing_bytes']} bytes" in err
    assert "Traceback" not in err


def _half_dead_net() -> Modifier:
    """A random net with channels that depend on nothing: on the trunk, in a branch, in the decoder, at the end."""
    import torch

    from quant.modifier import ModifierConfig
    from quant.zoo import random_net

    net = random_net(5, ModifierConfig(input_size=32, widths=(4, 5, 6), blocks=1))
    units = net.topology().units
    with torch.no_grad():
        for unit in units:
            bn, conv = net.get_submodule(unit.bn), net.get_submodule(unit.conv)
            bn.weight[0] = 0.0  # constant: what the bias says
            conv.weight[1] = 0.0  # constant: what bias, mean and variance say
            bn.running_mean[1] = 0.0
        net.get_submodule(units[1].bn).bias[0] = -50.0  # always 0
        net.get_submodule(units[2].bn).bias[0] = 50.0  # always the highest code, on the trunk
        net.get_submodule(units[4].bn).bias[0] = -50.0  # always the lowest code, in the branch
    return net


def test_dead_and_constant_channels_go_through_the_flow(tmp_path: Path) -> None:
    from hls.flow.execute import GraphBackend
    from hls.flow.fifos import insert_fifos, insert_width_converters, plan_fifos
    from hls.flow.pipeline import compile_graph
    from hls.folding import fold
    from hls.sim.backend import RtlBackend
    from hls.stitch import stitch
    from hls.stitch.codegen import generate_hdl
    from hls.twin.lift import lift
    from hls.twin.run import Twin
    from hw_anon.data.crops import equivalence_crops
    from quant.backend import QatBackend, QonnxBackend
    from quant.export import export_net, integer_net

    net, board = _half_dead_net(), BuildConfig().target
    integer = integer_net(net)
    assert all(layer.constant_channels >= 2 for layer in integer.layers)
    export_net(net, "half-dead", tmp_path / "net")
    graph = compile_graph(tmp_path / "net", board, work_dir=tmp_path / "finn")
    fold(graph.specialised, board=board, target_interval_cycles=40_000)
    model = insert_width_converters(graph.specialised, board.part)
    sites = plan_fifos(model, window_cap=32)
    dataflow = insert_fifos(model, sites, {site.name: site.max_depth for site in sites})
    generated = generate_hdl(dataflow, board.part, clk_period_ns=10.0, work_dir=tmp_path / "hdl")
    stitch(generated, tmp_path / "rtl", top="modifier")
    crops = equivalence_crops(8, 32, 1).crops
    expected = QatBackend(integer).modify(crops)
    assert len(np.unique(expected[..., 0])) == 1 and len(np.unique(expected[..., 2])) > 20
    rtl = RtlBackend.from_design(tmp_path / "rtl", cache_dir=tmp_path / "simulators")
    backends = [QonnxBackend(tmp_path / "net"), GraphBackend(graph.abstract), Twin(lift(dataflow)), rtl]
    differing = {backend.name: np.count_nonzero(backend.modify(crops) != expected) for backend in backends}
    assert differing == {"qonnx": 0, "hardware_graph": 0, "twin": 0, "rtl": 0}
