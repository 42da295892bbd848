"""Only a library with the expected interface is loaded."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from hw_anon.core.errors import ContractError
from hw_anon.core.simulator_library import load_simulator_library


def test_what_is_no_simulator_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lib.so"
    with pytest.raises(ContractError, match="does not exist; build the camera again"):
        load_simulator_library(path, prefix="hwc_", version=2, what="camera")
    path.write_bytes(b"no library")
    with pytest.raises(ContractError, match="no simulator library of a camera"):
        load_simulator_library(path, prefix="hwc_", version=2, what="camera")


@pytest.mark.skipif(shutil.which("cc") is None, reason="missing: a C compiler")
def test_its_functions_begin_with_the_prefix_and_its_version_is_asked(tmp_path: Path) -> None:
    source, path = tmp_path / "lib.c", tmp_path / "lib.so"
    names = ("description", "error", "log")
    source.write_text(
        "int hwx_abi_version(void) { return 3; }\nvoid *hwx_create(void) { return (void *)(1ull << 40); }\n"
        + "".join(f'const char *hwx_{name}(void) {{ return "{name}"; }}\n' for name in names)
    )
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(path), str(source)], check=True)
    lib = load_simulator_library(path, prefix="hwx_", version=3, what="toy")
    assert lib.hwx_create() == 1 << 40, "a pointer of 64 bits"
    assert [getattr(lib, f"hwx_{name}")() for name in names] == [name.encode() for name in names]
    with pytest.raises(ContractError, match="version 3, not 2; build the toy again"):
        load_simulator_library(path, prefix="hwx_", version=2, what="toy")
    with pytest.raises(ContractError, match="no simulator library of a toy"):
        load_simulator_library(path, prefix="hwc_", version=3, what="toy")
