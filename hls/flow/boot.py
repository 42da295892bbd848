"""Makes FINN+ usable as a library: no vendor tools, no files in the user's home, no network.

FINN+ reads its settings from the environment and imports the Vivado simulator's bindings lazily. `boot` points the
former at a directory of ours and replaces the latter with names that fail when used; call it before any other
import of `finn`.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import warnings
from pathlib import Path

from hls.stitch.patches import FINN_VERSION
from hw_anon.core.errors import ToolError

__all__ = ["boot"]

_booted: Path | None = None


def boot(work_dir: Path) -> None:
    """Prepares FINN+ for use as a library; later calls only move the code generation directory.

    Args:
        work_dir: directory for generated code, made if it does not exist.

    Raises:
        ToolError: if FINN+ is not installed.
    """
    global _booted
    work_dir = work_dir.resolve()
    if _booted == work_dir:
        return
    if importlib.util.find_spec("finn") is None:
        raise ToolError(
            f"FINN+ is not installed; install the compiler's extra: pip install 'hw-anon[finn]' "
            f"(finn-plus=={FINN_VERSION})"
        )
    work_dir.mkdir(parents=True, exist_ok=True)
    # FINN reads these three from the environment only; FINN_SETTINGS keeps it from making ~/.finn.
    os.environ["FINN_SETTINGS"] = str(work_dir / "settings.yaml")
    os.environ["FINN_BUILD_DIR"] = str(work_dir)
    os.environ["FINN_DEPS"] = str(work_dir / "deps")
    # qonnx would round every tensor of every node to its datatype, twice, in a Python loop: 13 times slower, and it
    # would hide a value that is not an integer, which `execute` reports.
    os.environ["SANITIZE_QUANT_TENSORS"] = "0"
    _silence()

    import finn.util.settings as settings
    from finn.interface.settings import FINNSettings

    settings._SETTINGS = FINNSettings.init(flow_config=work_dir / "flow.yaml", finn_build_dir=str(work_dir))
    import finn.xsi as xsi

    for name in xsi._LAZY_NAMES:
        # Accessing these would import the Vivado simulator's extension; a bare class satisfies the imports.
        setattr(xsi, name, type(name, (), {"__doc__": "Vivado simulator binding, absent on purpose."}))
    _booted = work_dir


def _silence() -> None:
    """Drops FINN's and qonnx's chatter: what matters is raised or stands in the stage reports."""
    logging.getLogger("finn_logger").setLevel(logging.ERROR)
    for module in ("qonnx", "finn", "onnx"):
        warnings.filterwarnings("ignore", module=rf"{module}\..*")
