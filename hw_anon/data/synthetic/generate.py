"""Draws a synthetic set with several processes, and goes on where an earlier run was stopped.

One person or one clip is one job and one archive. An archive that is whole and was made by the same job, settings and
version is done; all others are drawn. So a run that was killed loses at most the jobs in hand, a damaged archive heals,
and a set can be made larger. Bytes do not depend on the number of processes.

Each process works with one thread; what makes numeric libraries keep to that has to be set before they are loaded, as
`hw-anon synthesise` does.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hw_anon.core.atomic import write_text_atomically
from hw_anon.core.errors import ConfigError, ContractError, ToolError
from hw_anon.core.hashing import sha256_bytes
from hw_anon.data.synthetic.plan import ClipJob, PersonJob, SynthesisConfig, clip_jobs, person_jobs
from hw_anon.data.synthetic.sets import read_recipe
from hw_anon.data.synthetic.shards import FORMAT, RECIPE, encode_picture, plain_label, read_shard, write_shard
from hw_anon.data.synthetic.studio import Shot, Studio

__all__ = ["Drawn", "Progress", "generate"]

_GROWING = ("people", "test_people", "clips", "test_clips", "pictures_per_person")

Job = PersonJob | ClipJob
StudioMaker = Callable[[], Studio]
"""A module-level function: other processes import it."""
Progress = Callable[[int, int], None]
"""Called with the number of pictures that are there and the number of all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """What a run did."""

    portraits: int
    """Portraits drawn by this run."""
    frames: int
    """Frames drawn by this run."""
    kept: int
    """Pictures that were there already."""
    portraits_cpu_s: float
    """Processor time of drawing and writing the portraits, over all processes."""
    frames_cpu_s: float
    """Processor time of drawing and writing the frames, over all processes."""
    wall_s: float
    """Time that drawing took, without compiling."""

    def as_json(self) -> dict[str, float | int]:
        """Returns the numbers as plain values, times to the millisecond."""
        return {name: round(value, 3) for name, value in asdict(self).items()}


def generate(
    config: SynthesisConfig,
    directory: Path,
    studio_maker: StudioMaker,
    *,
    workers: int = 1,
    on_progress: Progress | None = None,
) -> Drawn:
    """Makes a synthetic set, or completes it.

    Args:
        config: which pictures.
        directory: where the set is; made if missing.
        studio_maker: makes whoever draws, in every process; a module-level function.
        workers: how many processes draw.
        on_progress: called after each job.

    Raises:
        ConfigError: if the directory holds something else, a set of other settings or of another version, or `workers`
            is out of range.
        ToolError: if a package is missing, or a process died.
        OSError: if the disk is full or the directory cannot be written.
    """
    if workers < 1:
        raise ConfigError(f"workers = {workers}: allowed range is 1 and above (processes)")
    studio = studio_maker()
    _claim(directory, config, studio)
    jobs: tuple[Job, ...] = (*person_jobs(config), *clip_jobs(config, studio.actions))
    missing = [job for job in jobs if _finished(job, config, studio.version, directory) is None]
    total = sum(_pictures(job, config) for job in jobs)
    kept = done = total - sum(_pictures(job, config) for job in missing)
    if on_progress:
        on_progress(done, total)
    if missing:
        studio.warm_up()
    start = time.perf_counter()
    cpu_s = {PersonJob: 0.0, ClipJob: 0.0}
    for job, seconds in _work_off(missing, config, directory, studio, studio_maker, workers):
        done += _pictures(job, config)
        cpu_s[type(job)] += seconds
        if on_progress:
            on_progress(done, total)
    wall_s = time.perf_counter() - start
    _write_index(jobs, config, studio.version, directory)
    portraits = sum(_pictures(job, config) for job in missing if isinstance(job, PersonJob))
    return Drawn(
        portraits=portraits,
        frames=total - kept - portraits,
        kept=kept,
        portraits_cpu_s=cpu_s[PersonJob],
        frames_cpu_s=cpu_s[ClipJob],
        wall_s=wall_s,
    )


def _claim(directory: Path, config: SynthesisConfig, studio: Studio) -> None:
    """Notes the settings in the directory, after checking that they fit what is there."""
    path = directory / RECIPE
    recipe = {
        "format": FORMAT,
        "generator": studio.version,
        "settings": config.to_dict(),
        "actions": list(studio.actions),
        "near_face": list(studio.near_face),
    }
    if path.exists():
        before = read_recipe(directory)
        if before["generator"] != studio.version:
            raise ConfigError(f"{directory}: made by another version of the generator; delete it or choose another")
        for name, value in config.to_dict().items():
            if name not in _GROWING and before["settings"].get(name) != value:
                raise ConfigError(
                    f"{directory}: made with {name} = {before['settings'].get(name)}, not {value}; "
                    "only the numbers of people, pictures and clips may change: choose another directory"
                )
    elif directory.exists() and any(directory.iterdir()):
        raise ConfigError(f"{directory}: holds other files; choose a new directory for the set")
    write_text_atomically(path, json.dumps(recipe, indent=2, sort_keys=True) + "\n")


def _work_off(
    jobs: Sequence[Job],
    config: SynthesisConfig,
    directory: Path,
    studio: Studio,
    studio_maker: StudioMaker,
    workers: int,
) -> Iterator[tuple[Job, float]]:
    """Yields each finished job and its processor time, in the order in which they end."""
    if workers == 1 or len(jobs) < 2:
        for job in jobs:
            yield job, _draw(job, config, directory, studio)
        return
    context = multiprocessing.get_context("spawn")  # threads of the caller's libraries do not survive a fork
    pool = ProcessPoolExecutor(
        min(workers, len(jobs)), context, initializer=_start_process, initargs=(config, directory, studio_maker)
    )
    running: dict[Future[float], Job] = {}
    waiting = iter(jobs)
    try:
        for _ in range(2 * workers):
            _submit(pool, waiting, running)
        while running:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job = running.pop(future)
                yield job, future.result()
                _submit(pool, waiting, running)
    except BrokenExecutor as exc:
        raise ToolError(f"a drawing process ended unexpectedly ({exc})") from exc
    finally:
        pool.shutdown(cancel_futures=True)


def _submit(pool: ProcessPoolExecutor, waiting: Iterator[Job], running: dict[Future[float], Job]) -> None:
    for job in waiting:
        running[pool.submit(_draw_in_process, job)] = job
        return


_process: tuple[SynthesisConfig, Path, Studio] | None = None


def _start_process(config: SynthesisConfig, directory: Path, studio_maker: StudioMaker) -> None:
    global _process
    with contextlib.suppress(ImportError):
        import cv2

        cv2.setNumThreads(1)
    _process = config, directory, studio_maker()


def _draw_in_process(job: Job) -> float:
    assert _process is not None, "the process was started by _start_process"
    config, directory, studio = _process
    return _draw(job, config, directory, studio)


def _draw(job: Job, config: SynthesisConfig, directory: Path, studio: Studio) -> float:
    """Draws and writes one job; returns the processor time in seconds."""
    start = time.process_time()
    suffix = "png" if config.picture_format == "png" else "jpg"
    labels: dict[str, Any] = {"key": _key(job, config, studio.version), "name": job.name, "split": job.split}
    if isinstance(job, PersonJob):
        labels["traits"] = asdict(studio.traits(job.person))
        shots: Iterator[Shot] = studio.portraits(job.person, job.seeds, config.portrait_size)
    else:
        labels |= {"action": job.action, "performer": job.performer}
        shots = studio.clip(
            job.person, job.action, job.seed, frames=config.frames_per_clip, fps=config.fps, size=config.size
        )
    pictures, files = [], []
    for number, shot in enumerate(shots, start=1):
        pictures.append(plain_label(shot))
        files.append((f"{number:04d}.{suffix}", encode_picture(shot, config.picture_format, config.jpeg_quality)))
    assert len(files) == _pictures(job, config), "the studio draws as many pictures as it was asked for"
    write_shard(_path(job, directory), {**labels, "pictures": pictures}, files)
    return time.process_time() - start


def _pictures(job: Job, config: SynthesisConfig) -> int:
    return len(job.seeds) if isinstance(job, PersonJob) else config.frames_per_clip


def _path(job: Job, directory: Path) -> Path:
    return directory / ("people" if isinstance(job, PersonJob) else "clips") / f"{job.name}.tar"


def _key(job: Job, config: SynthesisConfig, version: str) -> str:
    """Returns what the archive of a job depends on, hashed."""
    settings = {name: value for name, value in config.to_dict().items() if name not in _GROWING}
    content = {"format": FORMAT, "version": version, "settings": settings, "job": asdict(job)}
    return sha256_bytes(json.dumps(content, sort_keys=True).encode())


def _finished(job: Job, config: SynthesisConfig, version: str, directory: Path) -> dict[str, Any] | None:
    """Returns the labels of a job that is done, `None` for others."""
    path = _path(job, directory)
    if not path.is_file():
        return None
    try:
        labels = read_shard(path)
    except ContractError:
        return None
    return labels if labels.get("key") == _key(job, config, version) else None


def _write_index(jobs: Sequence[Job], config: SynthesisConfig, version: str, directory: Path) -> None:
    """Writes `people.jsonl` and `clips.jsonl`: what is in the archives, to be read at once."""
    for kind, name in ((PersonJob, "people.jsonl"), (ClipJob, "clips.jsonl")):
        lines = []
        for job in jobs:
            if isinstance(job, kind):
                labels = _finished(job, config, version, directory)
                if labels is None:
                    raise ContractError(f"{_path(job, directory)}: changed while the set was made; run again")
                file = _path(job, directory).relative_to(directory).as_posix()
                lines.append(json.dumps({"file": file, **labels}, sort_keys=True, separators=(",", ":")) + "\n")
        write_text_atomically(directory / name, "".join(lines))
