"""How fast the twin is, and how much faster than FINN's own Python execution of the same hardware graph.

Run as `python -m hls.bench.twin MODEL.onnx`; `hw-anon bench` calls `run`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hls.flow.boot import boot
from hls.flow.execute import GraphBackend
from hls.twin.lift import lift
from hls.twin.run import Twin
from hw_anon.core.backend import ModifierBackend, compare_outputs
from hw_anon.core.errors import ContractError

__all__ = ["main", "run"]

_REPEATS = 3


def run(
    model_path: Path, crops_u8: NDArray[np.uint8], *, work_dir: Path, finn_crops: int = 3, threads: int = 2
) -> dict[str, Any]:
    """Measures both on the same crops, in the same process, one after the other.

    Args:
        model_path: hardware graph, abstract or specialised.
        crops_u8: `[N, H, W, 3]` uint8; the twin runs all of them, best of three runs.
        work_dir: where FINN may put its files.
        finn_crops: how many of the crops FINN executes, once, after one to warm up.
        threads: cores for the twin.

    Returns:
        `crops_per_s` and `crops_per_s_one_core` of the twin, `finn_crops_per_s`, `finn_seconds_per_crop`, `ratio`
        (twin on `threads` cores over FINN), `crops`, `finn_crops`, `threads`, `differing_bytes`, `program_sha256`.

    Raises:
        ContractError: if the model cannot be read or lifted, or the crops are not what it takes.
    """
    boot(work_dir)
    from qonnx.core.modelwrapper import ModelWrapper

    try:
        model = ModelWrapper(str(model_path))
    except Exception as exc:  # onnx and protobuf raise several kinds
        raise ContractError(f"{model_path} is not an ONNX model ({exc!r})") from exc
    program = lift(model)
    one_core, several = Twin(program), Twin(program, threads=threads)
    finn, some = GraphBackend(model), crops_u8[:finn_crops]
    finn.modify(some[:1])
    start = time.perf_counter()
    reference = finn.modify(some)
    finn_seconds = (time.perf_counter() - start) / len(some)
    crops_per_s = _rate(several, crops_u8)
    link = compare_outputs(finn.name, several.name, reference, several.modify(some))
    return {
        "crops": len(crops_u8),
        "crops_per_s": round(crops_per_s, 1),
        "crops_per_s_one_core": round(_rate(one_core, crops_u8), 1),
        "differing_bytes": link.differing_bytes,
        "finn_crops": len(some),
        "finn_crops_per_s": round(1 / finn_seconds, 2),
        "finn_seconds_per_crop": round(finn_seconds, 4),
        "program_sha256": program.content_hash,
        "ratio": round(crops_per_s * finn_seconds, 1),
        "threads": threads,
    }


def _rate(backend: ModifierBackend, crops_u8: NDArray[np.uint8]) -> float:
    """Crops per second, best of several runs after one to warm up."""
    backend.modify(crops_u8[:32])
    seconds = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        backend.modify(crops_u8)
        seconds.append(time.perf_counter() - start)
    return len(crops_u8) / min(seconds)


def main() -> None:
    """Prints the figures of `run` for a model named on the command line."""
    parser = argparse.ArgumentParser(description=run.__doc__.splitlines()[0] if run.__doc__ else None)
    parser.add_argument("model", type=Path, help="hardware graph (.onnx)")
    parser.add_argument("--crops", type=int, default=512, help="random crops for the twin")
    parser.add_argument("--size", type=int, default=64, help="side of a crop in pixels")
    parser.add_argument("--threads", type=int, default=2, help="cores for the twin")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    shape = (options.crops, options.size, options.size, 3)
    crops = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    with tempfile.TemporaryDirectory() as work_dir:
        figures = run(options.model, crops, work_dir=Path(work_dir), threads=options.threads)
    if options.json:
        print(json.dumps(figures))
        return
    print(f"twin, {figures['threads']} cores    {figures['crops_per_s']:>9} crops/s")
    print(f"twin, 1 core     {figures['crops_per_s_one_core']:>9} crops/s")
    print(f"FINN in Python   {figures['finn_crops_per_s']:>9} crops/s  ({figures['finn_seconds_per_crop']} s a crop)")
    print(f"ratio            {figures['ratio']:>9}")
    print(f"differing bytes  {figures['differing_bytes']:>9}  over {figures['finn_crops']} crops")


if __name__ == "__main__":
    main()
