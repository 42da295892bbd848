"""`hw-anon keys`, `sign` and `verify-signature`: from a key to a build that a board can trust."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hw_anon.cli import main
from hw_anon.core.manifest import Manifest

pytest.importorskip("cryptography", reason="cryptography is not installed (extra synth or board)")

CapFd = pytest.CaptureFixture[str]


def test_a_build_is_signed_and_verified(tmp_path: Path, capfd: CapFd) -> None:
    build, key = tmp_path / "build", tmp_path / "a.key"
    build.mkdir()
    (build / "top.v").write_text("module top; endmodule\n")
    manifest = Manifest.create(build, inputs={}, tools={}, config={})
    manifest.save(build)

    assert main(["keys", str(key), "--json"]) == 0
    made = json.loads(capfd.readouterr().out)
    assert main(["verify-signature", str(build), "--key", f"{key}.pub"]) == 3
    assert "is not signed" in capfd.readouterr().err
    assert main(["sign", str(build), "--key", str(key), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["key_id"] == made["key_id"]
    assert main(["verify-signature", str(build), "--key", made["public_key"], "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == {
        "design_id": manifest.design_id,
        "key_id": made["key_id"],
        "files": 1,
    }
    (build / "top.v").write_text("")
    assert main(["verify-signature", str(build), "--key", f"{key}.pub"]) == 3
    assert "changed: top.v" in capfd.readouterr().err


def test_keys_says_where_they_are_and_overwrites_none(tmp_path: Path, capfd: CapFd) -> None:
    assert main(["keys", str(tmp_path / "a.key")]) == 0
    assert "a.key.pub" in "".join(capfd.readouterr().err.split()), "whatever the width of the terminal"
    assert main(["keys", str(tmp_path / "a.key")]) == 2
    assert "never overwritten" in capfd.readouterr().err
