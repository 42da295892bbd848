"""The face detector's network: configuration, geometry, rules, and the same bytes through projection and export."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="missing: torch")
pytest.importorskip("brevitas", reason="missing: brevitas")
pytest.importorskip("qonnx", reason="missing: qonnx")

from hw_anon.core.box_decode import CELL_CHANNELS, cell_shape, decode  # noqa: E402
from hw_anon.core.contract import load_contract  # noqa: E402
from hw_anon.core.errors import ConfigError, ContractError  # noqa: E402
from hw_anon.data.crops import adversarial_pictures  # noqa: E402
from quant.backend import QatBackend  # noqa: E402
from quant.export import export_net, integer_net, verify_export  # noqa: E402
from quant.face_detector import FaceDetector, FaceDetectorConfig  # noqa: E402
from quant.rules import check  # noqa: E402
from quant.zoo import DETECTORS, detector_config, load_detector, load_network, random_detector  # noqa: E402

TINY = FaceDetectorConfig(input_width=48, input_height=32, widths=(4, 6, 8), eighth_layers=1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("input_width", 100),
        ("input_width", 328),
        ("input_height", 24),
        ("widths", (4, 4)),
        ("widths", (4, 0, 4)),
        ("quarter_layers", -1),
        ("eighth_layers", 13),
        ("weight_bits", 1),
        ("edge_weight_bits", 9),
        ("act_bits", 9),
    ],
)
def test_wrong_field_is_named(field: str, value: object) -> None:
    with pytest.raises(ConfigError, match=field):
        FaceDetectorConfig(**{field: value})  # type: ignore[arg-type]


def test_config_survives_json() -> None:
    written = json.loads(json.dumps(TINY.as_json()))
    assert FaceDetectorConfig.from_json(written) == TINY
    with pytest.raises(ConfigError, match="depth"):
        FaceDetectorConfig.from_json(written | {"depth": 3})


def test_the_named_detector_answers_with_the_cells_of_a_frame() -> None:
    config = detector_config("detector-s")
    assert config.cells == cell_shape(2 * config.input_width, 2 * config.input_height) == (15, 20)
    net = FaceDetector(config).eval()
    assert check(net) == []
    with torch.no_grad():
        cells = net(torch.rand(1, 3, 120, 160))
    assert cells.shape == (1, CELL_CHANNELS, 15, 20)
    torch.testing.assert_close((cells * 255).round(), cells * 255)
    with pytest.raises(ConfigError, match=", ".join(DETECTORS)):
        detector_config("detector-xl")


def test_topology_follows_the_forward_pass() -> None:
    net = FaceDetector(TINY).eval()
    shapes: dict[str, tuple[int, int]] = {}
    for name, module in net.named_modules():
        if name.endswith(".conv"):
            module.register_forward_hook(lambda _m, _i, out, name=name: shapes.update({name: tuple(out.shape[2:])}))
    with torch.no_grad():
        net(torch.zeros(1, 3, 32, 48))
    topology = net.topology()
    assert [(unit.conv, unit.out_shape) for unit in topology.units] == list(shapes.items())
    assert [unit.source for unit in topology.units] == [None, *(unit.target for unit in topology.units[:-1])]
    assert topology.input_shape == (32, 48)
    assert topology.units[-1].out_shape == TINY.cells
    assert net.macs() == 9 * (16 * 24 * 12 + 8 * 12 * (24 + 36) + 4 * 6 * (48 + 64 + 40))


def test_forward_is_the_unclipped_answer_clipped_and_rounded() -> None:
    net = random_detector(2, TINY)
    image = torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        free, cells = net.unclipped(image), net(image)
    assert free.min() < 0
    assert (cells - free.clamp(0, 1)).abs().max() <= 0.5 / 255 + 1e-5


@pytest.mark.parametrize("seed", range(3))
def test_random_detector_equals_its_export(seed: int, tmp_path: Path) -> None:
    config = None if seed else TINY
    net = random_detector(seed, config)
    height, width = net.config.input_shape
    contract = export_net(net, "random", tmp_path / "net")
    assert contract == load_contract(tmp_path / "net")
    assert contract.role == "face_detector"
    assert contract.input.shape == (1, height, width, 3)
    assert contract.outputs[0].shape == (1, *net.config.cells, CELL_CHANNELS)
    assert contract.outputs[0].datatype == "UINT8"
    assert FaceDetectorConfig.from_json(contract.config) == net.config
    pictures, _ = adversarial_pictures(height, width, seed)
    link = verify_export(net, tmp_path / "net", pictures[:8])
    assert link.differing_bytes == 0, net.config
    cells = QatBackend(integer_net(net)).modify(pictures)
    assert len(np.unique(cells)) > 8, "the network answers with something"
    decode(cells[0], threshold=128, max_faces=4, frame_width=2 * width, frame_height=2 * height)


def test_pictures_of_another_shape_are_refused() -> None:
    backend = QatBackend(integer_net(random_detector(0, TINY)))
    with pytest.raises(ContractError, match="32, 48, 3"):
        backend.modify(np.zeros((1, 48, 32, 3), np.uint8))


def test_missing_weights_name_the_command_and_unknown_networks_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="hw-anon pretrain-detector --net detector-s"):
        load_detector("detector-s", weights_dir=tmp_path)
    with pytest.raises(ConfigError, match=r"modifier-xs.*detector-s"):
        load_network("detector-xl")
