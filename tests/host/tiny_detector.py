"""A detector graph of a few bytes for tests of the host: it finds bright rectangles, and is written without onnx.

`hw_anon.nets.detector_export` needs torch, which the board has not. This graph is the smallest with the same contract:
one person where the frame is brighter than half, whose action is the colour channel that is brightest there.
"""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from zlib import decompress

from hw_anon.core.action_model import DESCRIPTION_FILE, MODEL_FILE, ActionModel
from hw_anon.core.hashing import sha256_bytes

ACTIONS = ("drinking", "phoning", "idle")
HEIGHT, WIDTH = 48, 64
_GRAPH = (
    "eNrVlT1s00AUx/1VenmlEK4UFdGhspAobiXStBUIgSgpAmSKhPgQCDHUSS4kahwH2wEHIZEJscHI2JGRkQXRkQEEYmLsyMjIhPifP1Kq0DIT5W"
    "fdvf+7u3fv3tmMnf66j47QUM13XMHVmmksO0Fo5UgLvQl1XdVomtQa6U5U5JobmbnrotqpiKtOZO0ntiZEu9pwgwlFeh4ieJAacsN1gjVz+JIv"
    "nFD4NEmxgYyK1wxILzfuc63SNIdu14UvtlTfe5Sp/qCajG0JOba+w9hY9fuqRViGDCcqzHEtmuvH3mgNxg5fv+/b3d13BvPWU189Krq7JgXOft"
    "+5+w/nMZLzke61BCIumvr5alUau31jNzUeJuxIHksBIcx1zNytVvCgI8RjIaVuJnUHpKiYjSoOjMqk7nbpBMklSE4m45OtYocbtaYTmnuWvVbF"
    "Ca0RucVGuo3DFIuku3MLXC97kTl8XQR1py1QavGJoZb+UmqIwU1rTXdr83/GcCCuQhi5VnNN/WqnKTNbc7PMBp1+Zm903MHMzsZTJ85GpRUWdv"
    "Uep9iHdNEOuI5mkvRxkuuQNKDGhdMy9QuNh6j7uENGUFxcRCiV+cR+jGSbtDUsWRZByPWmUzaNm177yvZ8ISlSR9YaDwU3ZCxbt2cmE6WZ7wkq"
    "ni8Cky17bhuNYPtMFsk1Ml80RXNH3+Mkjyb1HUJzx2m5ETZaXWskr5bU0DYU5VfJGkVHlqTs9s5Z+9CN9y/7T5etMabmh0vyKG2mKclvy1iwmZ"
    "IZJ5kGY3wydj6zqpnK4yFIoc36tiPxCFlcdj4zGpkYx4Vjs413J58tWp9VVsAUCE6+IuyN1L93Do8l/EEPrIMNsAmU84qSB1OgAJbANbAK2qAH"
    "noOX4BVYB6/BG/AWbIAP4Av4BjbBd/AD/ARKCeECBvaCPDgIJsAkmAJHwTSYBQWwAE6BMyXrhcZUtiR3JF+Jdk/733eEeMAFcBmsgGvgJrgD7o"
    "FVUAV10ARtEIIIPElLEd8NlN6ZyYtJF5+CuDLfJ5UpL5ZtfPq4cvZu/2PHKc80vpc0VgBLQC9PUHIR+H4aZSrPkc7VKhSjPE7pdeIjlGPDfCiW"
    "pDm5kbFZTc0lg5Q8/w1LmY6P"
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
