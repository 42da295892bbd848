"""The golden loss curve of the smoke run: `python -m tests.train.golden --write` makes it anew."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from hw_anon.recipes import smoke
from hw_anon.train.log import LOG_FILE, read_log
from tests.train.setting import training

GOLDEN = Path(__file__).with_name("golden_smoke.json")
NAMES = ("m_total", "m_l1", "m_adversarial", "m_detection", "d0_original", "d0_modified", "a_classifier")


def curve() -> list[dict[str, float]]:
    """Returns the losses of each step of the smoke recipe on the tests' banks."""
    with tempfile.TemporaryDirectory() as directory:
        training(Path(directory), smoke()).run(tensorboard=False)
        entries = [entry for entry in read_log(Path(directory) / LOG_FILE) if entry["kind"] == "train"]
    return [{name: entry[name] for name in NAMES if name in entry} for entry in entries]


if __name__ == "__main__" and "--write" in sys.argv:
    rounded = [{name: round(value, 6) for name, value in entry.items()} for entry in curve()]
    GOLDEN.write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")
