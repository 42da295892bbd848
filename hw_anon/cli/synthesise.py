"""`hw-anon synthesise`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from hw_anon.cli.synthesis_options import (
    CheckOption,
    ClipsOption,
    FpsOption,
    FramesOption,
    JpegQualityOption,
    OutOption,
    PeopleOption,
    PictureFormatOption,
    PicturesOption,
    PortraitSizeOption,
    SeedOption,
    SizeOption,
    TestClipsOption,
    TestPeopleOption,
    WorkersOption,
)
from hw_anon.cli.workspace import WorkOption, Workspace
from hw_anon.console.output import JsonOption, emit_document, note, print_table, progress, status

if TYPE_CHECKING:
    from hw_anon.data.synthetic.generate import Drawn
    from hw_anon.data.synthetic.plan import SynthesisConfig

__all__ = ["register"]

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("synthesise")(synthesise)


def synthesise(
    out: OutOption = Path("build/synthetic"),
    people: PeopleOption = 400,
    test_people: TestPeopleOption = None,
    pictures: PicturesOption = 12,
    clips: ClipsOption = 440,
    test_clips: TestClipsOption = None,
    frames: FramesOption = 16,
    fps: FpsOption = 8.0,
    size: SizeOption = 256,
    portrait_size: PortraitSizeOption = 128,
    seed: SeedOption = 0,
    picture_format: PictureFormatOption = "jpeg",
    jpeg_quality: JpegQualityOption = 92,
    workers: WorkersOption = None,
    check: CheckOption = False,
    work: WorkOption = Path("build"),
    as_json: JsonOption = False,
) -> None:
    """Make a set of synthetic people: portraits of many, and clips of them doing things near the face and elsewhere.

    Everything follows from the seed, whatever the number of processes. A run that was stopped goes on when the same
    command is given again. Writes archives of pictures with labels, card.json, card.md and contact sheets.

    Example: hw-anon synthesise --out build/synthetic --people 40 --clips 44 --seed 1
    """
    from hw_anon.data.synthetic.plan import SynthesisConfig

    config = SynthesisConfig.from_dict(
        {
            "people": people,
            "test_people": people // 4 if test_people is None else test_people,
            "pictures_per_person": pictures,
            "clips": clips,
            "test_clips": clips // 4 if test_clips is None else test_clips,
            "frames_per_clip": frames,
            "fps": fps,
            "size": size,
            "portrait_size": portrait_size,
            "seed": seed,
            "picture_format": picture_format,
            "jpeg_quality": jpeg_quality,
        },
        where="hw-anon synthesise",
    )
    processes = workers or len(os.sched_getaffinity(0))
    drawn = _draw(config, out, processes)
    card = _describe(out)
    document: dict[str, Any] = {"directory": str(out), "card": card, "drawn": drawn.as_json()}
    if check:
        document["quality"] = _check(out, Workspace(work).downloads)
    if as_json:
        emit_document(document)
        return
    rows = [(split, *counts.values()) for split, counts in card["splits"].items()]
    print_table(str(out), ("split", *card["splits"]["train"]), rows)
    _report_speed(drawn, processes)
    if check:
        _report_quality(document["quality"])
    note(f"card: {out / 'card.md'}, contact sheets: {out / 'sheets'}")


def _draw(config: SynthesisConfig, out: Path, workers: int) -> Drawn:
    from hw_anon.data.synthetic.generate import generate
    from hw_anon.data.synthetic.studio import load_studio

    with _single_threads(), progress() as bar:
        task = bar.add_task("drawing", total=None)

        def advance(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        return generate(config, out, load_studio, workers=workers, on_progress=advance)


def _describe(out: Path) -> dict[str, Any]:
    from hw_anon.data.synthetic.card import make_card, write_card
    from hw_anon.data.synthetic.sets import open_clips, open_people
    from hw_anon.data.synthetic.sheet import write_sheets

    with status("writing the data card and the contact sheets"):
        people, clips = [open_people(out, "train"), open_people(out, "test")], open_clips(out)
        card = make_card(out, people, clips)
        write_card(card, out)
        write_sheets(people, clips, out / "sheets")
    return card


def _check(out: Path, downloads: Path) -> dict[str, Any]:
    import json

    from hw_anon.core.atomic import write_text_atomically
    from hw_anon.data.synthetic.studio import load_studio
    from hw_anon.evaluate.synthetic_quality import measure_quality

    with progress() as bar:
        task = bar.add_task("measuring", total=None)

        def advance(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        quality = measure_quality(out, cache_dir=downloads, studio=load_studio(), on_progress=advance)
    write_text_atomically(out / "quality.json", json.dumps(quality, indent=2) + "\n")
    return quality


def _report_speed(drawn: Drawn, workers: int) -> None:
    if drawn.frames:
        each = 1000 * drawn.frames_cpu_s / drawn.frames
        note(f"frames: {drawn.frames:,}, {each:.0f} ms of processor time each")
    if drawn.portraits:
        each = 1000 * drawn.portraits_cpu_s / drawn.portraits
        note(f"portraits: {drawn.portraits:,}, {each:.0f} ms of processor time each")
    if drawn.portraits or drawn.frames:
        note(f"drawing took {drawn.wall_s:.0f} s with {workers} processes")
    if drawn.kept:
        note(f"kept from an earlier run: {drawn.kept:,} pictures")


def _report_quality(quality: dict[str, Any]) -> None:
    rows = [
        (name, group, size, entry["faces"], entry["recall"])
        for name, groups in quality["detectors"].items()
        for group, sizes in groups["recall"].items()
        for size, entry in sizes.items()
    ]
    print_table("faces found (not covered)", ("detector", "pictures", "height, pixels", "faces", "recall"), rows)
    recogniser = quality["recogniser"]
    note(f"SFace tells {recogniser['people']} people apart: AUC {recogniser['auc']['value']:.4f}")
    for bar in quality["bars"]:
        note(f"{'reached' if bar['reached'] else 'MISSED '} {bar['bar']}: {bar['value']:.4g}")


@contextmanager
def _single_threads() -> Iterator[None]:
    """Lets the processes that start within the block load their numeric libraries with one thread each."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value
