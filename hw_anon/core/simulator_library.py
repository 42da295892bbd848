"""Loads the shared library of a simulator, after it has said that its interface is the expected one."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

from hw_anon.core.errors import ContractError

__all__ = ["load_simulator_library"]


def load_simulator_library(library: Path, *, prefix: str, version: int, what: str) -> Any:
    """Returns a library whose functions `create`, `description`, `error` and `log` have their types.

    Args:
        library: the file.
        prefix: what the names of its functions begin with, e.g. `hwa_`.
        version: the interface's version that is understood.
        what: what has to be built again if it does not fit, e.g. `camera`.

    Raises:
        ContractError: if the file is missing, is no such library or has another version.
    """
    again = f"build the {what} again"
    if not library.is_file():
        raise ContractError(f"simulator library {library} does not exist; {again}")
    try:
        lib = ctypes.CDLL(str(library.absolute()))
        found = getattr(lib, f"{prefix}abi_version")()
    except (OSError, AttributeError) as exc:
        raise ContractError(f"{library} is no simulator library of a {what} ({exc}); {again}") from exc
    if found != version:
        raise ContractError(f"{library} has interface version {found}, not {version}; {again}")
    getattr(lib, f"{prefix}create").restype = ctypes.c_void_p
    for name in ("description", "error", "log"):
        getattr(lib, prefix + name).restype = ctypes.c_char_p
    return lib
