"""Generated documentation is what the code would write now."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """The script `docs/generate.py` as a module."""
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_parts_are_fresh(generator: ModuleType) -> None:
    assert generator.generate(DOCS, check=True) == [], "run `make docs`"


def test_a_stale_part_is_noticed_and_mended(generator: ModuleType, tmp_path: Path) -> None:
    docs = shutil.copytree(DOCS, tmp_path / "docs")
    page = docs / "architecture.md"
    page.write_text(page.read_text().replace("53,200", "53,201"))
    assert generator.generate(docs, check=True) == ["architecture.md: boards"]
    assert "53,201" in page.read_text()
    generator.generate(docs, check=False)
    assert generator.generate(docs, check=True) == []


def test_a_lost_marker_is_an_error(generator: ModuleType, tmp_path: Path) -> None:
    docs = shutil.copytree(DOCS, tmp_path / "docs")
    (docs / "architecture.md").write_text("# Architecture\n")
    with pytest.raises(ValueError, match="has no part"):
        generator.generate(docs, check=True)


def test_commands_of_groups_are_listed(generator: ModuleType) -> None:
    lines = generator.command_reference().splitlines()
    assert lines.index("## hw-anon study") < lines.index("## hw-anon study score")
