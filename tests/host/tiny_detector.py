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
HEIGHT, WIDTH = 48, 64
_GRAPH = (
    "eNrVlTuMG1UUhudpXx+y7HCByNFaURiIhEaJ5LVAoCgoG28EaEikKASBIqTNeH2NR4xnzDzYMULCFVAiKsotKSlpEFtSgKCkTElJSYX477y8xm"
    "R7LH/euef/z32de2cZu/aFRTtkTmJvJrg6sY19L0mdDmlp1FWPVY12SZ2Q6eV+MuCdUex/ME1Fktqde2KcHYo7Xu5sE/tQiPnYnyVdRabYtDKS"
    "MfWCCW+VAbv9Riy8VMT0PFUhah9GQTYLE9InXsyNQExS23x3KmJBFxuTEUdHlUPL5rV+ebMTI4xCwc1ytMr23L+6KT3GODoKa8sVKgYmw8tFwr"
    "V8t1mgH24u0CFMovYuzvbuklmNXdhbAfb3ID9z//pUzG0tY3Fmxnmq+iVdLk3LB7Z+czxu4osqvqjiO4QlllXtcz3fPbA774TJR5kQnwgpLlbi"
    "YkPMB6vMwUbmSlysiwOSA5HskGQiSQNH4eJQxInd2o/CQy91npDL9qt19ajWSUfpuD6Kcrt9TyRTb36qrrx1JIqCb5xeHLNSqo9wu2wmp2d2Xh"
    "7xWuB64Ke2ficL6CrJ56oMRpLNkroIb2ez/ypbPVaVMfPCxZkZXSo8ZKR+uODmYZSFaVmgC1SMR2WMmzPhhYmt3/I/xqrLFhmTLAj41jyORt7I"
    "x0x9UVmu0XqU2AhX8aC4GQk2FH8CbyQC27gfzd9a3/KLVFrIDAQ2k5sTzGC8urhXG70QeKtoJTbbj2ZzPCTr3cFeDNXYi9Zj7Q7JEtdmE8+P7Z"
    "oXu+Y8aanD4h3jGory99DZQlsedtlc3ihluVGy/dl+2ZaJrvHDK5+/7GyjXa7UNX75+fZrZT7eM/Bf771e+sO6vx+dZ5lqtYflEXeZUn1Ohwcu"
    "0+pwj2kIF8fBtWqzWqvdIqmpjcsaZafIk0feteqgUYu/qqyPTMxLvs3ck8qwvIGfPXzBEhyDE/AIKDcVxQKXQB/sgbvgIZiDJfgSfAW+AcfgW/"
    "Ad+B6cgJ/Ab+B38Aj8Af4EfwFliPkBBs4BCzwDuqAHLoEXwIvgCuiDl8Cr4PrQ+VpjKtvDiurXuLvU/u+LwnzALfAmuA3ugvvgPfA+eAjGYAoC"
    "MAcpyMGnwwfNf2VOFtP4OdJYH+wBfdSj8m7wp+kppvItalcXFaoxukDVNePbtMXavNPIUiovbCGpp6ShQYrF/wHZ2eS3"
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
