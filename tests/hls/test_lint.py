"""Our RTL lints without a warning, waivers have reasons, and the lint sees what it should."""

from __future__ import annotations

from pathlib import Path

import pytest

from hls.lint import RTL_ROOT, WAIVER_FILE, inline_waivers, lint_tree, read_waivers
from hw_anon.core.errors import ConfigError, ToolError

CLEAN = "module clean (input wire a, output wire b);\n  assign b = a;\nendmodule\n"
UNUSED = "module unused (input wire a, input wire c, output wire b);\n  assign b = a;\nendmodule\n"


@pytest.mark.sim
def test_our_rtl_has_no_warning() -> None:
    assert {source.name for source in lint_tree()} >= {"axis_fork.sv", "axis_add.sv", "axis_upsample.sv"}


@pytest.mark.sim
def test_a_seeded_warning_is_caught_unless_waived_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "clean.sv").write_text(CLEAN)
    lint_tree(tmp_path)
    (tmp_path / "unused.sv").write_text(UNUSED)
    with pytest.raises(ToolError, match="UNUSEDSIGNAL") as caught:
        lint_tree(tmp_path)
    assert "1 of 2 RTL modules" in str(caught.value)
    waiver = '`verilator_config\n// reason: c is part of the bus.\nlint_off -rule UNUSEDSIGNAL -file "*/unused.sv"\n'
    (tmp_path / WAIVER_FILE).write_text(waiver)
    lint_tree(tmp_path)


@pytest.mark.sim
def test_packages_come_before_the_modules_that_import_them(tmp_path: Path) -> None:
    (tmp_path / "zebra_pkg.sv").write_text("package zebra_pkg;\n  localparam bit Stripe = 1'b1;\nendpackage\n")
    user = "module animal import zebra_pkg::*; (output wire b);\n  assign b = Stripe;\nendmodule\n"
    (tmp_path / "animal.sv").write_text(user)
    lint_tree(tmp_path)
    (tmp_path / "animal.sv").write_text(user.replace("Stripe", "Spot"))
    with pytest.raises(ToolError, match="Spot"):
        lint_tree(tmp_path)


@pytest.mark.sim
def test_a_syntax_error_is_caught(tmp_path: Path) -> None:
    (tmp_path / "broken.sv").write_text("module broken (input wire a;\nendmodule\n")
    with pytest.raises(ToolError, match="syntax error"):
        lint_tree(tmp_path)


def test_our_waivers_are_well_formed_and_name_existing_files() -> None:
    path = RTL_ROOT / WAIVER_FILE
    waivers = read_waivers(path) if path.is_file() else []
    names = {source.name for source in RTL_ROOT.rglob("*.sv")}
    assert not [w for w in waivers if Path(w.file).name not in names]
    assert inline_waivers(RTL_ROOT.rglob("*.sv")) == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('lint_off -rule UNUSEDSIGNAL -file "*/a.sv"', "has no `// reason:"),
        ("// reason: old\n\n" + 'lint_off -rule WIDTH -file "*/a.sv"', "has no `// reason:"),
        ("// reason:\n" + 'lint_off -rule WIDTH -file "*/a.sv"', "has no `// reason:"),
        ("// reason: all\n" + 'lint_off -rule WIDTH -file "*/*.sv"', "names one file"),
        ("// reason: all\n" + 'lint_off -file "*/a.sv"', "a waiver has the form"),
        ("// reason: all\nlint_off -rule WIDTH", "a waiver has the form"),
    ],
)
def test_a_waiver_without_file_rule_or_reason_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / WAIVER_FILE
    path.write_text(text + "\n")
    with pytest.raises(ConfigError, match=complaint):
        read_waivers(path)


def test_a_reason_may_take_several_lines(tmp_path: Path) -> None:
    path = tmp_path / WAIVER_FILE
    path.write_text('// reason: the bus has\n// spare bits.\nlint_off -rule UNUSEDSIGNAL -file "*/a.sv" -lines 3\n')
    (waiver,) = read_waivers(path)
    assert (waiver.rule, waiver.reason) == ("UNUSEDSIGNAL", "the bus has spare bits.")


def test_a_pragma_in_a_source_is_found(tmp_path: Path) -> None:
    source = tmp_path / "a.sv"
    source.write_text("module a;\n/* verilator lint_off WIDTH */\nendmodule\n")
    assert inline_waivers([source]) == ["a.sv:2"]
