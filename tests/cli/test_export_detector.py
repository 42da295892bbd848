"""`hw-anon export-detector`: writes an export, compares it on rendered people, and says so in JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torchvision", reason="missing: torchvision")
pytest.importorskip("numba", reason="missing: numba")

from hw_anon.cli import main
from hw_anon.core.action_model import load_action_model


def test_the_export_agrees_with_torch_on_rendered_people(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    import torch

    from hw_anon.nets.action import ActionDetector, edge_config
    from hw_anon.nets.detector_checkpoint import save_detector

    torch.manual_seed(0)
    source, out = tmp_path / "detector.safetensors", tmp_path / "out"
    save_detector(source, ActionDetector(edge_config(2)), ("drinking", "idle"), {})
    assert main(["export-detector", str(source), "--out", str(out), "--frames", "2", "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["agreement"]["frames"] == 2
    assert document["agreement"]["detections"] > 0
    assert document["agreement"]["unmatched"] == 0
    assert document["agreement"]["box_px"] < 0.05
    assert document["model"]["model_sha256"] == load_action_model(out).model_sha256


def test_a_missing_checkpoint_is_a_file_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["export-detector", str(tmp_path / "nothing.safetensors"), "--out", str(tmp_path / "out")]) == 3
    assert "does not exist" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["export-detector", "ship-detector"])
def test_a_directory_is_no_checkpoint(command: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "detector.safetensors").write_bytes(b"")
    assert main([command, str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert f"is a directory, name {tmp_path / 'detector.safetensors'}" in capfd.readouterr().err
