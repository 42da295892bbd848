"""Remarks of libraries that users can do nothing about do not reach them; other warnings do."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("brevitas")

_SCRIPT = """
import logging, warnings
from hw_anon.cli.noise import drop_known_noise

if {filtered}:
    drop_known_noise()
import brevitas.nn, brevitas.graph.equalize
import torch.utils.cpp_extension
logging.getLogger("torch.utils.cpp_extension").warning("No CUDA runtime is found, again")
warnings.warn("a warning of ours")
"""


def _stderr(*, filtered: bool) -> str:
    script = _SCRIPT.format(filtered=filtered)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stderr


def test_known_noise_is_dropped_and_nothing_else() -> None:
    quiet = _stderr(filtered=True)
    assert "a warning of ours" in quiet
    assert "CUDA runtime" not in quiet and "fast_hadamard_transform" not in quiet


def test_there_is_noise_to_drop() -> None:
    """Fails when the libraries have become quiet: then the filters can go."""
    loud = _stderr(filtered=False)
    assert "CUDA runtime" in loud and "fast_hadamard_transform" in loud
