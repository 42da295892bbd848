"""The notebooks are valid, and run cell by cell on the simulated board."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import shutil
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import host.notebooks
from host.stand_ins import model_config, scene

NOTEBOOKS = sorted(Path(host.notebooks.__file__).parent.glob("*.ipynb"))
FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


def cells(path: Path) -> list[Any]:
    """Returns the compiled code cells."""
    raw = json.loads(path.read_text(encoding="utf-8"))
    assert (raw["nbformat"], raw["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in raw["cells"]}) == len(raw["cells"])
    code = [cell for cell in raw["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    return [compile("".join(cell["source"]), f"{path.name}#{k}", "exec", FLAGS) for k, cell in enumerate(code)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_valid_and_compiles(path: Path) -> None:
    assert len(cells(path)) >= 3


def test_there_are_three_of_them() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["1_first_light", "2_live_view", "3_privacy_check"]


@pytest.mark.board
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    from host.simulated.source import VideoSource
    from host.simulation import simulated_camera

    pytest.importorskip("cv2")
    config = model_config()
    source = VideoSource(scene(config, k) for k in count())
    monkeypatch.chdir(tmp_path)

    async def run() -> dict[str, Any]:
        names: dict[str, Any] = {"__name__": "__main__"}
        for code in cells(path):
            result = eval(code, names)  # a code object that awaits is a coroutine
            if inspect.isawaitable(result):
                await result
        return names

    with simulated_camera(work=tmp_path / "work", source=source, config=config) as simulated:
        shutil.copytree(simulated.design, tmp_path / "bitstreams" / "kv260" / "design")
        names = asyncio.run(run())
    assert names["camera"].health.frames >= 1
