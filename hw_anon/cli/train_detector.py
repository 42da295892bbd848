"""`hw-anon train-detector`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from hw_anon.cli.detector_jobs import DetectorJob, detector_file, imagenet_weights, run_job, use_one_thread
from hw_anon.cli.detector_options import (
    BatchOption,
    ClearDetectorOption,
    ClipsOption,
    DetectorOption,
    EpochsOption,
    EveryOption,
    FaceFramesOption,
    ImagenetOption,
    JobsOption,
    LearningRateOption,
    MethodOption,
    MinutesOption,
    ModifierOption,
    NameOption,
    NetsOption,
    OutOption,
    SeedOption,
    WarmStartOption,
    WindowEpochsOption,
    WorkersOption,
)
from hw_anon.cli.method_options import AnonymiserOption, CropSideOption, DeviceOption, OnnxValuesOption
from hw_anon.console.output import JsonOption, command_line, emit_document, note, print_table, progress
from hw_anon.core.config import suggest
from hw_anon.core.errors import ConfigError

if TYPE_CHECKING:
    from hw_anon.train.detector import DetectorRecipe

__all__ = ["check_files", "check_networks", "method_jobs", "method_names", "register", "sized_detector"]

_ALL = "all"
_CLEAR = "original"


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("train-detector")(train_detector)


def train_detector(
    clips: ClipsOption,
    method: MethodOption = None,
    modifier: ModifierOption = None,
    net: NetsOption = None,
    anonymiser: AnonymiserOption = None,
    onnx_values: OnnxValuesOption = None,
    name: NameOption = None,
    out: OutOption = Path("build/results"),
    detector: DetectorOption = "edge",
    epochs: EpochsOption = 10.0,
    window_epochs: WindowEpochsOption = 0.0,
    batch: BatchOption = 16,
    learning_rate: LearningRateOption = 1e-3,
    minutes: MinutesOption = None,
    seed: SeedOption = None,
    every: EveryOption = 1,
    crop_side: CropSideOption = 256,
    face_frames: FaceFramesOption = 400,
    warm_start: WarmStartOption = None,
    clear_detector: ClearDetectorOption = None,
    imagenet: ImagenetOption = None,
    jobs: JobsOption = 1,
    workers: WorkersOption = 1,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Train an action detector on frames modified by a method, and measure what can still be seen in them.

    For each method: frame mAP at an IoU of 0.5 of its own detector and of the one trained on clear frames, by class and
    for the near-face actions; faces still found; L1, SSIM and flicker. `original` comes first: its detector is the
    clear one of the others. Writes action/METHOD.json and detectors/METHOD/detector.safetensors; an interrupted
    training goes on from its checkpoint when the same command is given again.

    Example: hw-anon train-detector --clips build/synthetic --method original --method mask --minutes 5
    """
    from hw_anon.cli.methods import foreign_methods
    from hw_anon.train.windows import WindowRecipe

    recipe = sized_detector(clips, detector, seed=0 if seed is None else seed)
    recipe = replace(recipe, epochs=epochs, batch=batch, learning_rate=learning_rate, minutes=minutes)
    if window_epochs:
        recipe = replace(recipe, windows=WindowRecipe(epochs=window_epochs))
    base = DetectorJob(
        clips=clips,
        out=out,
        recipe=recipe,
        command=command_line(),
        name=name,
        seed=seed,
        crop_side=crop_side,
        onnx_values=onnx_values,
        every=every,
        face_frames=face_frames,
        warm_start=warm_start,
        clear_detector=clear_detector,
        imagenet=imagenet,
        device=device,
        workers=workers,
    )
    names = method_names(method or [], bool(modifier or net or anonymiser))
    foreign_methods(anonymiser or [], crop_side=crop_side, values=onnx_values)  # refused now, not after the first hour
    check_networks(net or [])
    check_files(base, modifier or [], trains_clear=_CLEAR in names)
    documents = list(_run(method_jobs(base, names, modifier or [], net or [], anonymiser or []), jobs))
    if as_json:
        emit_document(documents)
        return
    print_table("action detection, %", _COLUMNS, [_row(document) for document in documents])
    note(f"results: {out / 'action'}")


_COLUMNS = ("method", "mAP@0.5", "near face", "clear detector", "near face", "face found", "L1", "SSIM", "flicker")


def sized_detector(clips: Path, detector: str, *, seed: int) -> DetectorRecipe:
    """Returns the usual recipe of a detector for a set's actions.

    Raises:
        ConfigError: if there is no such detector.
        ContractError: if the set is missing or damaged.
    """
    from hw_anon.data.synthetic.sets import open_clips
    from hw_anon.nets.action import edge_config, paper_config, smoke_config
    from hw_anon.train.detector import DetectorRecipe

    sizes = {"smoke": smoke_config, "edge": edge_config, "paper": paper_config}
    if detector not in sizes:
        raise ConfigError(f"there is no detector {detector!r}; {suggest(detector, sizes)}")
    return DetectorRecipe(detector=sizes[detector](len(open_clips(clips).actions)), seed=seed)


def method_names(asked: Sequence[str], with_others: bool) -> list[str]:
    """Returns the baselines to measure, each once, `original` first.

    Raises:
        ConfigError: if one does not exist, or nothing was asked for.
    """
    from hw_anon.evaluate.baselines import BASELINE_NAMES, is_baseline

    for name in asked:
        if name != _ALL and not is_baseline(name):
            raise ConfigError(f"there is no method {name!r}; {suggest(name, (*BASELINE_NAMES, _ALL))}")
    if not asked and not with_others:
        raise ConfigError(
            "nothing to train: give --method (a baseline, or all), --modifier (a checkpoint) or --anonymiser"
        )
    chosen = [*BASELINE_NAMES, *asked] if _ALL in asked else list(asked)
    return sorted(dict.fromkeys(name for name in chosen if name != _ALL), key=lambda name: name != _CLEAR)


def check_networks(nets: Sequence[str]) -> None:
    """Refuses what is no network of the chip.

    Raises:
        ConfigError: if one does not exist.
    """
    if nets:
        from quant.zoo import network_config

        for net in nets:
            network_config(net)


def check_files(base: DetectorJob, modifiers: Sequence[Path], *, trains_clear: bool) -> None:
    """Refuses checkpoints that are missing, damaged, or something else.

    Raises:
        ConfigError: if one is a directory, or a modifier's name is a baseline's.
        ContractError: otherwise.
    """
    from hw_anon.evaluate.float_backend import load_method
    from hw_anon.nets.detector_checkpoint import load_detector

    if base.warm_start is not None:
        load_detector(base.warm_start)
    if base.clear_detector is not None and (base.clear_detector.exists() or not trains_clear):
        load_detector(base.clear_detector)
    for modifier in modifiers:
        load_method(modifier, name=base.name, device=base.device)
    imagenet_weights(base)


def method_jobs(
    base: DetectorJob,
    names: Sequence[str],
    modifiers: Sequence[Path],
    nets: Sequence[str] = (),
    anonymisers: Sequence[str] = (),
) -> list[DetectorJob]:
    """Returns the jobs in order, each with the clear detector that is there by then."""
    clear = base.clear_detector
    own = detector_file(base.out, _CLEAR if base.seed is None else f"{_CLEAR}@{base.seed}")
    if clear is None and (_CLEAR in names or own.is_file()):
        clear = own
    jobs = [replace(base, method=name, clear_detector=None if name == _CLEAR else clear) for name in names]
    jobs += [replace(base, modifier=path, clear_detector=clear) for path in modifiers]
    jobs += [replace(base, net=net, clear_detector=clear) for net in nets]
    return jobs + [replace(base, anonymiser=text, clear_detector=clear) for text in anonymisers]


def _run(jobs: Sequence[DetectorJob], at_a_time: int) -> Iterator[dict[str, Any]]:
    """Runs the jobs, `original` before all others; yields the results in order."""
    with progress() as display:
        first = [job for job in jobs if job.method == _CLEAR]
        rest = [job for job in jobs if job.method != _CLEAR]
        alone = [*first, *(rest if at_a_time == 1 else [])]
        for job in alone:
            task = display.add_task(str(job.method or job.modifier or job.net or job.anonymiser))

            def advance(what: str, done: int, total: int, task: Any = task) -> None:
                display.update(task, description=what, completed=done, total=total)

            yield run_job(job, advance)
            display.remove_task(task)
        if at_a_time > 1 and rest:
            import multiprocessing
            from concurrent.futures import ProcessPoolExecutor

            task = display.add_task(f"{len(rest)} methods, {at_a_time} at a time", total=len(rest))
            # Fresh processes: a fork of one that uses a GPU cannot.
            spawn = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(at_a_time, mp_context=spawn, initializer=use_one_thread) as pool:
                for document in pool.map(run_job, rest):
                    display.advance(task)
                    yield document


def _row(document: dict[str, Any]) -> tuple[Any, ...]:
    percent = ("map50", "map50_near_face", "map50_clear_detector", "map50_near_face_clear_detector", "face_found")
    title = document["method"] if document["seed"] is None else f"{document['method']}@{document['seed']}"
    return (
        title,
        *(_percent(document, name) for name in percent),
        *(_plain(document[name]) for name in ("l1", "ssim", "flicker")),
    )


def _percent(document: dict[str, Any], name: str) -> str:
    if document[name] is None:
        return "–"
    low, high = document[f"{name}_ci"]
    return f"{100 * document[name]:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def _plain(figure: float | None) -> str:
    return "–" if figure is None else f"{figure:.3f}"
