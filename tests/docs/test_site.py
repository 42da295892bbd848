"""What the site adds to the pages: their order, the API reference, and docstrings as Sphinx reads them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def _script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"docs_site_{name}", ROOT / "docs" / "site" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources of the site."""
    place = tmp_path_factory.mktemp("site")
    _script("build").stage(ROOT, place)
    return place


def test_every_page_is_in_the_site_and_in_its_order(staged: Path) -> None:
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert pages == {path.name for path in (staged / "docs").glob("*.md")}
    order = (staged / "docs" / "index.md").read_text().rpartition("```{toctree}")[2].splitlines()
    assert pages - {"index.md"} <= set(order)
    assert "../README.md" in order
    assert order.index("architecture.md") < order.index("faq.md") < order.index("api/index.md")


def test_the_api_reference_has_core_and_host(staged: Path) -> None:
    names = {path.stem for path in (staged / "docs" / "api").glob("*.md")}
    assert {"host", "host.driver.camera", "hw_anon.core.video_path", "index"} <= names
    assert ".. automodule:: host.driver.camera" in (staged / "docs" / "api" / "host.driver.camera.md").read_text()
    assert ":no-index:" in (staged / "docs" / "api" / "host.md").read_text()


def test_tables_and_code_of_docstrings_become_restructured_text() -> None:
    docstring = [
        "Text.",
        "",
        "| a | b |",
        "|---|---|",
        "| 1 | 2 |",
        "",
        "So:",
        "",
        "    x = 1",
        "",
        "Args:",
        "    y: it.",
    ]
    lines = _script("docstrings").as_restructured(docstring)
    assert lines[3:9] == [".. list-table::", "   :header-rows: 1", "", "   * - a", "     - b", "   * - 1"]
    code = lines.index("    x = 1")
    assert lines[code - 2 : code] == ["::", ""]
    assert lines[-2:] == ["Args:", "    y: it."]


def test_the_first_colon_of_a_value_makes_no_type() -> None:
    without_type = _script("docstrings").without_type
    assert without_type(["Marks: of it.", "More."]) == ["Marks:", "of it.", "More."]
    assert without_type(["Marks of it."]) == ["Marks of it."]
