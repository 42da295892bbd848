"""Builds the graph of `tiny_detector` with onnx; `python -m tests.host.tiny_graph` prints it as it stands there."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.host.tiny_detector import HEIGHT, WIDTH

_CONSTANTS = {
    "half": np.float32(127),
    "one": np.float32(1),
    "full": np.float32(255),
    "tiny": np.float32(1e-6),
    "least": np.float32(0.05),
    "far": np.float32(9999),
    "none": np.float32(-1),
    "axis0": np.array([0]),
    "axis2": np.array([2]),
    "axes": np.array([0, 1]),
    "best_one": np.array([1]),
    "row": np.array([1, 4]),
    "rows": np.arange(HEIGHT, dtype=np.float32)[:, None],
    "columns": np.arange(WIDTH, dtype=np.float32)[None, :],
}
_NODES = (
    ("Cast frame > f", {"to": TensorProto.FLOAT}),
    ("ReduceMax f axis2 > brightest", {"keepdims": 0}),
    ("Greater brightest half > bright", {}),
    ("Where bright columns far > left", {}),
    ("Where bright rows far > up", {}),
    ("Where bright columns none > right", {}),
    ("Where bright rows none > down", {}),
    ("ReduceMin left axes > x1", {"keepdims": 0}),
    ("ReduceMin up axes > y1", {"keepdims": 0}),
    ("ReduceMax right axes > last_x", {"keepdims": 0}),
    ("ReduceMax down axes > last_y", {"keepdims": 0}),
    ("Add last_x one > x2", {}),
    ("Add last_y one > y2", {}),
    *((f"Unsqueeze {side} axis0 > {side}_", {}) for side in ("x1", "y1", "x2", "y2")),
    ("Concat x1_ y1_ x2_ y2_ > corners", {"axis": 0}),
    ("Reshape corners row > box", {}),
    ("Cast bright > weight", {"to": TensorProto.FLOAT}),
    ("Unsqueeze weight axis2 > weights", {}),
    ("Mul f weights > lit", {}),
    ("ReduceSum lit axes > sums", {"keepdims": 0}),
    ("ReduceSum weight axes > many", {"keepdims": 0}),
    ("Add many tiny > count", {}),
    ("Div sums count > means", {}),
    ("Div means full > probabilities", {}),
    ("TopK probabilities best_one > score label", {"axis": 0}),
    ("Greater score least > found", {}),
    ("Compress score found > scores", {"axis": 0}),
    ("Compress label found > labels", {"axis": 0}),
    ("Compress box found > boxes", {"axis": 0}),
)


def build() -> bytes:
    """Returns the graph, serialised."""
    nodes = []
    for text, options in _NODES:
        left, _, right = text.partition(" > ")
        kind, *inputs = left.split()
        nodes.append(helper.make_node(kind, inputs, right.split(), **options))
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("frame", TensorProto.UINT8, [HEIGHT, WIDTH, 3])],
        [
            helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["found", 4]),
            helper.make_tensor_value_info("labels", TensorProto.INT64, ["found"]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["found"]),
        ],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in _CONSTANTS.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


if __name__ == "__main__":
    text = base64.b64encode(zlib.compress(build(), 9)).decode()
    print("\n".join(f'    "{text[start : start + 110]}"' for start in range(0, len(text), 110)))
