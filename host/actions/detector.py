"""The exported action detector on the host's processor, by ONNX Runtime."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from host.meters import Meter
from hw_anon.core.action_model import MODEL_FILE, load_action_model
from hw_anon.core.errors import ConfigError, ContractError

__all__ = ["Detections", "OnnxDetector"]

_MOST_THREADS = 64
_WARM_UP_RUNS = 2


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Detections:
    """What was found in one frame, best first."""

    boxes: NDArray[np.float32]
    """`[D, 4]` corners x1, y1, x2, y2 in pixels of the frame."""
    labels: NDArray[np.int64]
    """`[D]` index of the action."""
    scores: NDArray[np.float32]
    """`[D]` probability, falling."""


class OnnxDetector:
    """The detector, ready: the graph is checked, optimised and has run before the first frame comes.

    Args:
        directory: what `hw-anon export-detector` wrote.
        threads: threads of one inference; default: one for each processor core.

    Raises:
        ConfigError: if the number of threads is out of range.
        ContractError: if the directory is damaged, or ONNX Runtime cannot run the graph.
    """

    def __init__(self, directory: Path, *, threads: int | None = None) -> None:
        self.threads = (os.cpu_count() or 1) if threads is None else threads
        if not 1 <= self.threads <= _MOST_THREADS:
            raise ConfigError(f"threads = {self.threads}: allowed range is 1 to {_MOST_THREADS}")
        self.model = load_action_model(directory)
        self.meter = Meter()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting threads leave the core alone
        try:
            self._session = onnxruntime.InferenceSession(
                str(directory / MODEL_FILE), options, providers=["CPUExecutionProvider"]
            )
            self.warm_up_ms = self._warm_up()
        except Exception as exc:  # ONNX Runtime's errors share no base but Exception
            raise ContractError(
                f"{directory}: ONNX Runtime {onnxruntime.__version__} cannot run the detector: {exc}"
            ) from exc

    def _warm_up(self) -> float:
        """Runs the graph on empty frames, so that memory is there; returns the last run's milliseconds."""
        empty = np.zeros((self.model.height, self.model.width, 3), np.uint8)
        started = time.perf_counter()
        for _ in range(_WARM_UP_RUNS):
            started = time.perf_counter()
            self._session.run(None, {"frame": empty})
        return (time.perf_counter() - started) * 1e3

    def detect(self, frame: NDArray[np.uint8]) -> Detections:
        """Finds people and their actions.

        Args:
            frame: `[H, W, 3]` uint8 RGB, of the size that the detector was exported for.

        Raises:
            ContractError: if it is of another size.
        """
        wanted = self.model.height, self.model.width, 3
        if frame.shape != wanted or frame.dtype != np.uint8:
            raise ContractError(
                f"the detector takes uint8 {list(wanted)}, the frame is {frame.dtype} {list(frame.shape)}; export it "
                "with the camera's --width and --height"
            )
        started = time.perf_counter()
        boxes, labels, scores = self._session.run(None, {"frame": np.ascontiguousarray(frame)})
        self.meter.add(time.perf_counter() - started)
        return Detections(boxes=boxes, labels=labels, scores=scores)
