"""Action detectors among the weights: 16 bits in the file, 32 in the network, and the same detections but for them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torchvision", reason="missing: torchvision")

import torch

from hw_anon.cli import main
from hw_anon.core.errors import ContractError
from hw_anon.nets.action import ActionDetector, DetectorConfig
from hw_anon.nets.checkpoint import read_tensors
from hw_anon.nets.detector_checkpoint import load_detector, save_detector
from hw_anon.nets.shipped_detector import ShippedDetector, find_shipped, ship_detector

SMALL = DetectorConfig(
    classes=2,
    backbone="tiny",
    norm="group",
    min_size=64,
    max_size=64,
    pyramid=16,
    head=16,
    anchors=(16, 32, 64),
    proposals=8,
)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "detector.safetensors"
    save_detector(path, ActionDetector(SMALL), ("drinking", "idle"), {"seed": 3})
    return path


def test_half_the_bytes_and_the_same_network(checkpoint: Path, tmp_path: Path) -> None:
    result = tmp_path / "original.json"
    result.write_text(json.dumps({"method": "original", "map50": 0.5}))
    shipped = ship_detector(checkpoint, tmp_path / "weights" / "action-0", result=result)
    assert find_shipped(tmp_path / "weights") == shipped
    assert (shipped.name, shipped.metrics) == ("action-0", {"method": "original", "map50": 0.5})
    assert shipped.checkpoint.stat().st_size < 0.7 * checkpoint.stat().st_size
    assert json.loads((shipped.checkpoint.parent / "recipe.json").read_text())["seed"] == 3
    stored, _ = read_tensors(shipped.checkpoint)
    assert {tensor.dtype for tensor in stored.values() if tensor.is_floating_point()} == {torch.float16}
    wanted, actions, _ = load_detector(checkpoint)
    found, same_actions, _ = load_detector(shipped.checkpoint)
    assert actions == same_actions
    for name, tensor in wanted.state_dict().items():
        assert found.state_dict()[name].dtype == tensor.dtype
        assert torch.allclose(found.state_dict()[name].float(), tensor.float(), rtol=1e-3, atol=1e-6), name
    frames = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(1))
    before, after = wanted.detect(frames)[0], found.detect(frames)[0]
    count = min(len(before.scores), len(after.scores))
    assert count and torch.allclose(before.scores[:count], after.scores[:count], atol=5e-3)


def test_a_camera_takes_the_detector_that_learned_behind_its_modifier(checkpoint: Path, tmp_path: Path) -> None:
    for name in ("action-1", "action-0"):
        ship_detector(checkpoint, tmp_path / name)
        assert (found := find_shipped(tmp_path)) is not None and found.name == name, "the first"
    ship_detector(checkpoint, tmp_path / "action-chip")
    assert (found := find_shipped(tmp_path)) is not None and found.name == "action-chip"


def test_what_has_no_16_bit_form_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    detector, actions, _ = load_detector(checkpoint)
    with torch.no_grad():
        next(detector.parameters()).fill_(1e6)
    save_detector(checkpoint, detector, actions, {})
    with pytest.raises(ContractError, match="16-bit"):
        ship_detector(checkpoint, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_weights_and_damaged_ones(checkpoint: Path, tmp_path: Path) -> None:
    assert find_shipped(tmp_path / "nowhere") is None
    with pytest.raises(ContractError, match="does not exist"):
        ShippedDetector.at(tmp_path / "nowhere")
    (tmp_path / "metrics.json").write_text("[]")
    with pytest.raises(ContractError, match=r"metrics\.json"):
        ShippedDetector.at(checkpoint)


def test_the_command(checkpoint: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "weights" / "action-0"
    assert main(["ship-detector", str(checkpoint), "--out", str(out), "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["bytes"] == (out / "detector.safetensors").stat().st_size
    assert document["measured"] is False


def test_the_shipped_detector_is_one_for_the_camera() -> None:
    shipped = find_shipped()
    if shipped is None:
        pytest.skip("missing: hw_anon/weights/action-*")
    _, actions, _ = load_detector(shipped.checkpoint)
    assert "drinking" in actions and "phoning" in actions
    assert shipped.metrics is not None
