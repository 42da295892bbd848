"""The doctor sees what is missing, and says what to do about it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from hw_anon.cli import checks
from hw_anon.cli.checks import check_disk, check_packages, check_rooms, check_tools

REQUIREMENTS = (
    "numpy>=1.26",
    "hw-anon[test]; extra == 'dev'",
    "pytest>=8; extra == 'finn'",
    "numpy>=99; extra == 'sim'",
    "no-such-package==1.0; extra == 'sim'",
    "never-on-this-python>=1; python_version < '3.0' and extra == 'sim'",
)


def test_base_packages_are_those_without_an_extra() -> None:
    found = check_packages("base", REQUIREMENTS, ())
    assert [(c.name, c.ok) for c in found] == [("numpy", True)]


def test_a_missing_package_and_a_wrong_version_are_told_apart_and_have_remedies() -> None:
    old, missing = check_packages("hls", REQUIREMENTS, ("sim",))
    assert (old.name, old.ok) == ("numpy", False)
    assert old.found != "missing"
    assert "pip install 'numpy>=99'" in old.remedy
    assert (missing.name, missing.ok, missing.found) == ("no-such-package", False, "missing")
    assert "pip install 'no-such-package==1.0'" in missing.remedy


def test_a_package_that_is_here_is_ok() -> None:
    (check,) = check_packages("hls", REQUIREMENTS, ("finn",))
    assert check.ok
    assert check.found == pytest.__version__
    assert check.remedy == ""


def test_missing_and_broken_programs_are_reported(tmp_path: Path) -> None:
    broken = tmp_path / "make"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    found = check_tools("hls", ("g++", "make"), find={"make": str(broken)}.get)
    assert [c.ok for c in found] == [False, False]
    assert "g++ is not on the search path" in found[0].remedy
    assert "does not start" in found[1].remedy


def test_a_working_program_shows_its_version(tmp_path: Path) -> None:
    program = tmp_path / "g++"
    program.write_text("#!/bin/sh\necho 'g++ (Debian) 12.2.0'\n")
    program.chmod(0o755)
    (check,) = check_tools("hls", ("g++",), find=lambda _: str(program))
    assert check.ok
    assert check.found == "12.2.0"


@pytest.mark.parametrize(("free", "ok"), [(50 * 2**30, True), (2**30, False)])
def test_free_disk_space_is_checked_where_builds_go(
    free: int, ok: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda place: asked.append(place) or SimpleNamespace(free=free))
    check = check_disk(tmp_path / "not" / "yet" / "there")
    assert check.ok is ok
    assert bool(check.remedy) is not ok
    assert asked == [tmp_path.resolve()]


def test_only_the_rooms_asked_for_are_checked(tmp_path: Path) -> None:
    rooms = {c.room for c in check_rooms(["quant"], tmp_path, ["numpy", "torch; extra == 'train'"])}
    assert rooms == {"base", "quant"}
