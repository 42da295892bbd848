"""Tool versions for the manifest."""

from __future__ import annotations

import platform

import numpy as np

from hw_anon.core.tools import ABSENT, tool_versions


def test_versions() -> None:
    versions = tool_versions(["numpy", "no-such-package-anywhere"])
    assert versions["numpy"] == np.__version__
    assert versions["python"] == platform.python_version()
    assert versions["no-such-package-anywhere"] == ABSENT
    assert "hw-anon" in versions
    assert list(versions) == sorted(versions)
