"""Synthesises the calibration points and fits the resource model: `python -m hls.resources.calibrate`.

Takes a few minutes on one core. Writes `calibration.json` beside this file: the measured amounts, the tool, the
fitted coefficients and the errors left. `--refit` keeps the measurements and fits again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hls.resources.amounts import Resources
from hls.resources.features import fit_key, terms
from hls.resources.model import CALIBRATION_FILE, fitted
from hls.resources.points import POINTS
from hls.resources.rendering import render
from hls.resources.view import NodeView
from hls.resources.yosys import count_resources, synthesise, yosys_version
from hw_anon.core.atomic import write_text_atomically

__all__ = ["describe", "fit", "main"]

_FLOOR = 50
"""Relative errors count nodes smaller than this as this large: ten LUTs more or less decide nothing."""

_HELD_OUT_POINTS = 5
"""Groups of at least this many points are also fitted without each of them in turn, to see how the fit generalises."""

Measurement = dict[str, Any]


def describe(view: NodeView) -> str:
    """Returns a point's name: what it is and every attribute, the key of its measurement."""
    attributes = " ".join(f"{name}={value}" for name, value in sorted(view.attributes.items()))
    return f"{view.op} {attributes} bits={view.input_bits}/{view.other_bits}/{view.output_bits}"


def measure(work_dir: Path, family: str) -> list[Measurement]:
    """Synthesises every point; prints one line each."""
    from hls.flow.boot import boot
    from hls.kernels import KERNEL_DIRECTORY

    boot(work_dir)
    import finn

    library = Path(str(finn.__file__)).parent / "finn-rtllib"
    measurements = []
    for index, view in enumerate(POINTS):
        directory = work_dir / f"point{index}"
        directory.mkdir()
        rendering = render(view, directory, library, KERNEL_DIRECTORY)
        cells = synthesise(rendering.sources, rendering.top, directory / "yosys", family=family, data=rendering.data)
        amount = count_resources(cells)
        print(f"{describe(view)}: {amount}", flush=True)
        measurements.append(
            {"point": describe(view), "dsp": amount.dsp, "lut": amount.lut, "ff": amount.ff, "bram18": amount.bram18}
        )
    return measurements


def _solve(rows: list[dict[str, float]], measured: NDArray[np.float64], prefix: str) -> dict[str, float]:
    """Non-negative least squares on relative errors."""
    from scipy.optimize import nnls

    names = sorted({name for row in rows for name in row if name.startswith(prefix)})
    matrix = np.array([[row.get(name, 0.0) for name in names] for row in rows])
    weights = 1.0 / np.maximum(measured, _FLOOR)
    solution, _ = nnls(matrix * weights[:, None], measured * weights)
    return {name: round(float(value), 4) for name, value in zip(names, solution, strict=True)}


def fit(measurements: list[Measurement]) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Fits the terms' coefficients.

    Returns:
        Coefficients by fit and term, and the errors that `hls.resources.calibration_errors` documents.
    """
    amounts = {m["point"]: m for m in measurements}
    groups: dict[str, list[NodeView]] = defaultdict(list)
    for view in POINTS:
        groups[fit_key(view)].append(view)
    fits = {key: _fit_group(views, amounts) for key, views in groups.items()}
    errors = _errors("", [(view, fits[fit_key(view)]) for view in POINTS], amounts)
    held_out = [
        (view, _fit_group([other for other in views if other is not view], amounts))
        for views in groups.values()
        if len(views) >= _HELD_OUT_POINTS
        for view in views
    ]
    return fits, errors | _errors("held_out_", held_out, amounts)


def _fit_group(views: list[NodeView], amounts: dict[str, Measurement]) -> dict[str, float]:
    """Fits one group of points."""
    rows = [terms(view) for view in views]
    coefficients: dict[str, float] = {}
    for kind in ("lut", "ff"):
        measured = np.array([amounts[describe(view)][kind] for view in views], float)
        coefficients |= _solve(rows, measured, kind + ":")
    return coefficients


def _errors(
    prefix: str, pairs: list[tuple[NodeView, dict[str, float]]], amounts: dict[str, Measurement]
) -> dict[str, float]:
    """Returns the errors of views estimated with the coefficients beside them."""
    errors: dict[str, float] = {}
    estimates = np.array([fitted(view, coefficients) for view, coefficients in pairs], float)
    for column, kind in enumerate(("lut", "ff")):
        measured = np.array([amounts[describe(view)][kind] for view, _ in pairs], float)
        relative = np.abs(estimates[:, column] - measured) / np.maximum(measured, _FLOOR)
        errors[f"{prefix}{kind}_mean"] = round(float(relative.mean()), 4)
        errors[f"{prefix}{kind}_max"] = round(float(relative.max()), 4)
        errors[f"{prefix}{kind}_total"] = round(float(estimates[:, column].sum() / measured.sum() - 1), 4)
    return errors


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--refit", action="store_true", help="fit the stored measurements again")
    parser.add_argument("--family", default="xc7", choices=("xc7", "xcup"), help="device family to synthesise for")
    arguments = parser.parse_args()
    path = Path(__file__).parent / CALIBRATION_FILE
    if arguments.refit:
        stored = json.loads(path.read_text())
    else:
        with tempfile.TemporaryDirectory() as work_dir:
            stored = {
                "tool": yosys_version(),
                "family": arguments.family,
                "measured": measure(Path(work_dir), arguments.family),
            }
    fits, errors = fit(stored["measured"])
    stored |= {"fits": fits, "errors": errors}
    write_text_atomically(path, json.dumps(stored, indent=1, ensure_ascii=False) + "\n")
    by_name = {m["point"]: m for m in stored["measured"]}
    for view in POINTS:
        name = describe(view)
        lut, ff = fitted(view, fits[fit_key(view)])
        measured = Resources(lut=by_name[name]["lut"], ff=by_name[name]["ff"])
        print(f"{name}: LUT {measured.lut} -> {lut}, FF {measured.ff} -> {ff}")
    print(f"errors: {errors}")


if __name__ == "__main__":
    main()
