"""What `hw-anon train-detector` does for one method; a job can be sent to a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from hw_anon.data.banks import FrameBank
    from hw_anon.data.synthetic.sets import SyntheticClips
    from hw_anon.evaluate.action import ActionResult
    from hw_anon.evaluate.detection_metrics import DetectionResult
    from hw_anon.evaluate.float_backend import Method
    from hw_anon.evaluate.verification import Estimate
    from hw_anon.nets.action import ActionDetector
    from hw_anon.train.detector import DetectorRecipe, DetectorRun

__all__ = [
    "DetectorJob",
    "Progress",
    "detector_file",
    "imagenet_weights",
    "job_method",
    "method_frames",
    "run_job",
    "use_one_thread",
]

_FACE_DETECTORS = ("yunet", "mtcnn")

Progress = Callable[[str, int, int], None]
"""Called with what is done, how much of it is done, and how much there is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectorJob:
    """One method to train a detector for and to measure."""

    clips: Path
    """Directory of the synthetic set."""
    out: Path
    """Results directory."""
    recipe: DetectorRecipe
    """How the detector is trained."""
    command: str
    """Command line, for the results."""
    method: str | None = None
    """Name of a baseline; `None` for anything else."""
    modifier: Path | None = None
    """Checkpoint of a trained modifier."""
    net: str | None = None
    """A network of the chip: name or directory with weights."""
    anonymiser: str | None = None
    """An anonymiser of others, `[NAME=]TARGET`."""
    onnx_values: str | None = None
    """What black and white are to it, if it is a network in float."""
    name: str | None = None
    """Name of what is trained in results, its own if not given."""
    seed: int | None = None
    """Seed in the result's name, of a method that has none of its own."""
    crop_side: int = 256
    """Side of the crops that baselines take."""
    every: int = 1
    """Of each clip, every so-manieth frame."""
    face_frames: int = 400
    """Most test frames in which faces are looked for."""
    warm_start: Path | None = None
    """Detector to begin with."""
    clear_detector: Path | None = None
    """Detector trained on clear frames."""
    imagenet: Path | None = None
    """ImageNet weights of the backbone."""
    device: str = "auto"
    """Torch device."""
    workers: int = 1
    """Processes that modify frames, and threads that decode them."""


def detector_file(out: Path, title: str) -> Path:
    """Returns where the detector of a method (with `@seed` if it has one) lies in a results directory."""
    return out / "detectors" / title / "detector.safetensors"


def run_job(job: DetectorJob, on_progress: Progress | None = None) -> dict[str, Any]:
    """Trains and measures; writes `detector.safetensors` and `action/<method>[@seed].json`; returns the latter.

    Raises:
        ConfigError: if the method does not exist or its name is a baseline's.
        ContractError: if a file is damaged.
    """
    import json

    from hw_anon.core.atomic import write_text_atomically
    from hw_anon.data.synthetic.sets import open_clips
    from hw_anon.evaluate.float_backend import pick_device

    method, movable = job_method(job)
    seed = job.seed if method.seed is None else method.seed
    title = method.backend.name if seed is None else f"{method.backend.name}@{seed}"
    work = _Work(job, title, method, movable, seed, open_clips(job.clips), pick_device(job.device), on_progress)
    original, modified = work.frames("train")
    run, training = work.train(modified)
    document = work.measure(run, training, *work.frames("test"), train_frames=len(original)).as_json()
    write_text_atomically(job.out / "action" / f"{title}.json", json.dumps(document, indent=2) + "\n")
    return document


def use_one_thread() -> None:
    """Keeps torch to one thread in this process: several at a time would only wait for one another."""
    import torch

    torch.set_num_threads(1)


def job_method(job: DetectorJob) -> tuple[Method, bool]:
    """Returns the method and whether it can be sent to other processes."""
    from hw_anon.cli.methods import foreign_methods, network_method
    from hw_anon.evaluate.baselines import make_baseline
    from hw_anon.evaluate.float_backend import Method, load_method

    if job.anonymiser is not None:
        return foreign_methods([job.anonymiser], crop_side=job.crop_side, values=job.onnx_values)[0], False
    if job.net is not None:
        return network_method(job.net, name=job.name), False
    if job.modifier is None:
        assert job.method is not None, "a job has a method, a network, a modifier or an anonymiser"
        return Method(backend=make_baseline(job.method), crop_side=job.crop_side), True
    return load_method(job.modifier, name=job.name, device=job.device), False


def method_frames(
    job: DetectorJob, method: Method, clips: SyntheticClips, split: str, report: Progress, *, movable: bool
) -> tuple[FrameBank, FrameBank]:
    """Returns the frames of a split, original and modified.

    Args:
        job: how many frames, and how many processes modify them.
        method: what modifies them.
        clips: the set.
        split: `train` or `test`; of the latter every frame is taken.
        report: called with what is done, how much of it is done, and how much there is.
        movable: whether the method can be sent to other processes.
    """
    from hw_anon.data.bank_loading import load_frame_bank
    from hw_anon.data.modified_frames import modify_bank

    bank = load_frame_bank(
        clips,
        clips.faces,
        split,
        every=job.every if split == "train" else 1,
        threads=job.workers,
        on_progress=partial(report, f"decoding {split} frames"),
    )
    modified = modify_bank(
        bank,
        method.backend,
        crop_side=method.crop_side,
        jobs=job.workers if movable else 1,
        on_progress=partial(report, f"modifying {split} frames"),
    )
    return bank, modified


@dataclass(frozen=True, slots=True)
class _Work:
    """A job with everything loaded that it needs."""

    job: DetectorJob
    title: str
    method: Method
    movable: bool
    seed: int | None
    clips: SyntheticClips
    device: torch.device
    on_progress: Progress | None

    def report(self, what: str, done: int, total: int) -> None:
        """Passes progress on."""
        if self.on_progress:
            self.on_progress(f"{self.title}: {what}", done, total)

    def frames(self, split: str) -> tuple[FrameBank, FrameBank]:
        """Returns the frames of a split, original and modified."""
        return method_frames(self.job, self.method, self.clips, split, self.report, movable=self.movable)

    def train(self, modified: FrameBank) -> tuple[DetectorRun, dict[str, Any]]:
        """Trains the detector and writes it; returns it with what results say about its training."""
        from hw_anon.nets.detector_checkpoint import load_detector, save_detector
        from hw_anon.train.detector import train_detector

        job, file = self.job, detector_file(self.job.out, self.title)
        run = train_detector(
            job.recipe,
            modified,
            device=self.device,
            start=None if job.warm_start is None else load_detector(job.warm_start)[0].state_dict(),
            pretrained=imagenet_weights(job),
            checkpoint=file.with_name("checkpoint.pt"),
            on_step=lambda done, total, loss: self.report(f"training, loss {loss:.3f}", done, total),
        )
        training = {
            "recipe": job.recipe.to_dict(),
            "steps": run.steps,
            "epochs": round(run.epochs, 2),
            "seconds": round(run.seconds, 1),
            "final_loss": round(sum(run.losses[-50:]) / len(run.losses[-50:]), 4),
            "data": run.data,
            "crop_side": self.method.crop_side,
            "warm_start": job.warm_start is not None,
            "device": self.device.type,
        }
        save_detector(file, run.detector, self.clips.actions, {"method": self.method.backend.name, **training})
        return run, training

    def measure(
        self,
        run: DetectorRun,
        training: dict[str, Any],
        originals: FrameBank,
        modified: FrameBank,
        *,
        train_frames: int,
    ) -> ActionResult:
        """Measures the method on the test frames."""
        from hw_anon.evaluate.action import ActionResult, bank_pictures, measure_fidelity
        from hw_anon.evaluate.foreign import foreign_figures
        from hw_anon.nets.detector_checkpoint import load_detector

        clear = self.job.clear_detector
        return ActionResult(
            method=self.method.backend.name,
            dataset=self.clips.title,
            seed=self.seed,
            command=self.job.command,
            learned=bool(self.job.modifier or self.job.net),
            train_frames=train_frames,
            frames=len(modified),
            clips=len(modified.clips.unique()),
            near_face=tuple(self.clips.actions[index] for index in self.clips.near_face),
            own=self._detect(run.detector, modified, "detecting"),
            clear=None if clear is None else self._detect(load_detector(clear)[0], modified, "clear detector"),
            faces=self._faces(modified),
            fidelity=measure_fidelity(originals, modified),
            foreign=foreign_figures(
                self.method.backend, bank_pictures(originals), bank_pictures(modified), modified.regions
            ),
            training=training,
        )

    def _detect(self, detector: ActionDetector, modified: FrameBank, what: str) -> DetectionResult:
        from hw_anon.evaluate.action import detect_bank, measure_detector

        found = detect_bank(detector, modified, device=self.device, on_progress=partial(self.report, what))
        return measure_detector(found, modified, near_face=self.clips.near_face, seed=self.job.recipe.seed)

    def _faces(self, modified: FrameBank) -> dict[str, Estimate]:
        """Returns the share of faces still found by each installed detector, on frames spread evenly."""
        from hw_anon.core.errors import ToolError
        from hw_anon.evaluate.action import face_found
        from hw_anon.evaluate.face_panel import load_detector

        if self.job.face_frames == 0:
            return {}
        chosen = modified.subset(range(0, len(modified), -(-len(modified) // self.job.face_frames)))
        faces = [
            tuple(face.pixels() for face in self.clips.faces(self.clips.clips[clip], number))
            for clip, number in zip(chosen.clips.tolist(), chosen.numbers.tolist(), strict=True)
        ]
        shares = {}
        for name in _FACE_DETECTORS:
            advance = partial(self.report, f"looking for faces, {name}")
            with suppress(ToolError):  # its packages are not installed: nothing is measured
                find = load_detector(name, self.job.out / "cache").boxes
                share = face_found(chosen, faces, find, on_progress=advance)
                if share is not None:
                    shares[name] = share
        return shares


def imagenet_weights(job: DetectorJob) -> Any:
    """Reads the backbone's weights, a torch checkpoint; `None` if the job has none.

    Raises:
        ContractError: if they are missing or damaged.
    """
    if job.imagenet is None:
        return None
    import torch

    from hw_anon.core.errors import ContractError

    try:
        return torch.load(job.imagenet, map_location="cpu", weights_only=True)
    except Exception as exc:  # torch raises whatever a damaged archive leads to
        raise ContractError(f"{job.imagenet}: not a torch checkpoint ({exc})") from exc
