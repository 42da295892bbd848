"""Writes the generated HDL under `hls/rtl`: `python -m hls.autogen`; `--check` only compares.

Generated are packages of constants that the core defines, so that RTL, software and documentation cannot disagree.
Everything with logic in it is written by hand.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from hls.lint import RTL_ROOT
from hw_anon.core.register_views import registers_package, video_package

__all__ = ["FILES", "generate", "main"]

_COMMAND = "python -m hls.autogen"

FILES: dict[str, Callable[[], str]] = {
    "top/autogen/camera_pkg.sv": lambda: video_package(command=_COMMAND),
    "top/autogen/camera_registers_pkg.sv": lambda: registers_package(command=_COMMAND),
}
"""Generated files: path under `hls/rtl` to what writes it."""


def generate(root: Path = RTL_ROOT, *, check: bool) -> list[str]:
    """Rewrites every generated file under `root` and returns the names of those that were stale or missing.

    Args:
        root: the RTL directory.
        check: leave the files as they are.
    """
    stale: list[str] = []
    for name, write in FILES.items():
        path, text = root / name, write()
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
    return stale


def main(arguments: list[str]) -> int:
    """Generates, or with `--check` exits with 1 if something is stale."""
    check = "--check" in arguments
    stale = generate(check=check)
    for name in stale:
        print(f"{'stale, run `make docs`' if check else 'written'}: {name}")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
