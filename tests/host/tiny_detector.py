"""A detector graph of a few bytes for tests of the host: it finds bright rectangles, and is written without onnx.

`hw_anon.nets.detector_export` needs torch, which the board has not. This graph is the smallest with the same contract
(`tiny_graph.py` builds it): one person where the frame is brighter than half, whose action is the colour channel that
is brightest there.
"""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from zlib import decompress

from hw_anon.core.action_model import DESCRIPTION_FILE, MODEL_FILE, ActionModel
from hw_anon.core.hashing import sha256_bytes

ACTIONS = ("drinking", "phoning", "idle")
HEIGHT, WIDTH = 48, 80
_GRAPH = (
    "eNrVlU2IG2UYx+czmTx23fFVS8qGUkcFGVrIBkUplbbZojK2sLQVSxG2k80bMziZifPhzohgEClFRIqIFBHZo0ePXsS96UFRPHns0aNHT+L/nY"
    "9kY+zeDfll533+/+f9et531jDO/mDSBumjyJ1wJo8sbcuNE7tFShK25X1ZoU2SR6S7mRf3WGsQeW+OEx4nVusqH6a7/Iqb2etkvMX5dOhN4rYk"
    "UixaGEkbu/6INcqA1Xw54m7CI3qSqhA1d0M/nQQxqSM3YprPR4mlvz7mEaeTc5MWhXuVQ0mntf70aidaEAac6eVole2Jf3VTerRhuBfUltNUDE"
    "yam/GYKdnmfIFesLpAmzCJ2psf7d0kvRq7sDd87O9OduT+damY21JGfmTGcar6JVUsTcl6lnpxOJzH8yqeV/ENwhLLqnaZmm3uWK3XgvjtlPN3"
    "uRDzhZiviFlvkdlbyVyI+bLYIzEQiQ5JJJIwMBQuCngUW42tMNh1E/shsWyvWleHap1UlI6pgzCzmld5PHanh+rKGnu8KPjK6cUxK6X6CDfLZn"
    "x4ZsfFEa8FpvpeYqlXUp/OkHiuyqDF6SSui3AtnfxX2eqxqoyJG+RHZrSp8JCWeEHO9N0wDZKyQCeoGI/KGNMn3A1iS73kvYNVly3SRqnvs7Vp"
    "FA7cgYeZeryynKXlKBkDXMWd4mbE2FD88d0B9y3tejh9dXnLT1JpId3n2EymjzCD4eLinpnrhcAaRSu2jK1wMsVDvNwd7MVQc3vReqDdJlHi2q"
    "zj+YFds2LX7IdNuV+8YxxNkv7u22toi8MumrPzpSw2SrTf3yrbItHRvnv+9nP2OtrlSh3t558uv1jm4z0D/7nOS6U/qPv73n7ckM1mvzzijiFV"
    "n8PhnmModbhjKAgXx8Exa7Ncq+0iaV4bx5grG0WeOPKOWQe1WvxFNrrIxLzE28w5qAyz8/i5gC+YgX1wAO4D6aIkmeAU6IILYBvcAlMwA3fAXX"
    "AP7IOvwTfgW3AAfgS/gt/BffAH+BP8BaQ+5gcMcAyY4DHQBh1wCjwFngGnQRc8C14A5/r2b4ohG9tYUf0adw6U//uiMB9wCbwCLoNtcB3cAG+A"
    "W2AIxsAHU5CADLwHZuAD8CG4De6Aj8DH4BNwF3wKPgOfg3vgC/Al+Kp/c/5fnZFpKOwYKUYXbAN10KHybrFH6RFDZmvUrC46VG1wgqprytZpzW"
    "iy1lwWUnnhC0k+JPU1kkz2D46K8qc="
)


def write_tiny_detector(directory: Path) -> ActionModel:
    """Writes `detector.onnx` and `detector.json` into a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    graph = decompress(b64decode(_GRAPH))
    (directory / MODEL_FILE).write_bytes(graph)
    model = ActionModel(
        height=HEIGHT,
        width=WIDTH,
        actions=ACTIONS,
        score_threshold=0.05,
        overlap_threshold=0.5,
        proposals=1,
        model_sha256=sha256_bytes(graph),
        provenance={"made_for": "tests"},
    )
    (directory / DESCRIPTION_FILE).write_text(model.to_text())
    return model
