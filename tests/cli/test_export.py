"""`hw-anon export`: writes the export, compares it, and says so in JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("brevitas", reason="missing: brevitas")
pytest.importorskip("qonnx", reason="missing: qonnx")

from hw_anon.cli import main
from hw_anon.core.contract import load_contract


def test_export_writes_a_sound_directory(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "net"
    assert main(["export", "--net", "modifier-xs", "--out", str(out), "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["links"] == [{"from": "qat", "to": "qonnx", "crops": 16, "differing_bytes": 0}]
    assert document["contract"]["model_sha256"] == load_contract(out).model_sha256


def test_unknown_net_is_a_setting_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--net", "nothing", "--out", str(tmp_path / "net")]) == 2
    assert "known networks" in capfd.readouterr().err
    assert not (tmp_path / "net").exists()
