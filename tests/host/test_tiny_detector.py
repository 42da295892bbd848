"""The detector that the host's tests use is what its source says."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("onnx", reason="missing: onnx")

from hw_anon.core.action_model import MODEL_FILE
from tests.host.tiny_detector import write_tiny_detector


def test_the_graph_is_the_one_that_is_built(tmp_path: Path) -> None:
    from tests.host.tiny_graph import build

    write_tiny_detector(tmp_path)
    assert (tmp_path / MODEL_FILE).read_bytes() == build()
