"""Trains a modifier on your own people and videos.

    .venv/bin/python examples/train_on_own_data.py --faces DIR --videos DIR --recipe edge --out build/mine

`--faces` holds a folder for each person with pictures in it, `--videos` holds videos and `labels.csv`
(docs/own-data.md). Without them it makes tiny ones and plays the recipe `smoke` for a few steps.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from toy_data import write_faces, write_videos


def main() -> None:
    """Trains, and prints where the weights are."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--faces", type=Path, help="a folder for each person")
    parser.add_argument("--videos", type=Path, help="videos and labels.csv")
    parser.add_argument("--recipe", default="smoke", help="smoke, edge, paper, chip-s, …")
    parser.add_argument("--out", type=Path, default=Path("build/examples/own-data"))
    given = parser.parse_args()

    faces = given.faces or write_faces(given.out / "faces")
    videos = given.videos or write_videos(given.out / "videos")
    command = [
        *(sys.executable, "-m", "hw_anon.cli", "train"),
        *("--recipe", given.recipe),
        *("--people", f"folder:{faces}"),  # faces are found once and remembered in --face-boxes
        *("--clips", f"videos:{videos}", "--frame-size", "128x96"),  # frames of several sizes are fitted into this one
        *("--portrait-size", "64"),  # side of the portraits in memory; the recipe's crops are cut from them
        *("--face-boxes", str(given.out / "face-boxes")),
        *("--out", str(given.out / "run")),
        "--json",
    ]
    if given.recipe == "smoke":
        command += ["--set", "schedule.epochs=1", "--set", "schedule.finetune_epochs=0", "--device", "cpu"]
    metrics = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)

    print(f"{metrics['steps']} steps on {metrics['training_people']} people; the modifier:")
    print(Path(metrics["directory"]) / "modifier.safetensors")
    print("measure it: hw-anon evaluate --modifier", metrics["directory"], "--set att")


if __name__ == "__main__":
    main()
