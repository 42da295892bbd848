"""`hw-anon train`."""

from __future__ import annotations

import shlex
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hw_anon.cli.chip_game import chip_modifier
from hw_anon.cli.output import JsonOption, emit_document, note, print_table, progress

if TYPE_CHECKING:
    import torch

    from hw_anon.train.loop import OnStep, Progress, TrainingData

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("train")(train)


def train(
    people: Annotated[Path, typer.Option("--people", help="Portraits, made by hw-anon synthesise.")],
    clips: Annotated[Path, typer.Option("--clips", help="Clips, made by hw-anon synthesise.")],
    out: Annotated[Path, typer.Option("--out", help="Directory for checkpoint, log and results.")],
    recipe_name: Annotated[
        str,
        typer.Option("--recipe", help="paper, edge, chip-s, chip-m, chip-s-keyed, smoke, or a file of settings."),
    ] = "edge",
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Change one setting of the recipe, e.g. game.faces=32.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of everything random.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint in --out.")] = False,
    device: Annotated[str, typer.Option("--device", help="Torch device: auto, cpu, cuda, cuda:1, …")] = "auto",
    minutes: Annotated[
        float | None, typer.Option("--minutes", help="Stop cleanly after this time; --resume goes on.")
    ] = None,
    portrait_size: Annotated[int, typer.Option("--portrait-size", help="Side of portraits in memory, pixels.")] = 128,
    every: Annotated[int, typer.Option("--every", help="Use every so-manieth frame of a clip.")] = 1,
    threads: Annotated[int, typer.Option("--threads", help="Threads that decode pictures.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Train a modifier by the game of modifier, face classifiers and action detector (Algorithm 1).

    Writes modifier.safetensors, detector.safetensors, the classifiers, recipe.json, metrics.json, log.jsonl,
    TensorBoard events and samples.png. Recipes of the chip (chip-s, chip-m, chip-s-keyed) write chip/ in place of the
    first, a network that every other command takes as --net OUT/chip, and distilled/, what it started from.
    Several processes: torchrun --nproc-per-node 2 -m hw_anon.cli train …

    Example: hw-anon train --recipe edge --people build/people --clips build/people --out build/edge-0 --seed 0
    """
    import torch

    from hw_anon.core.errors import ConfigError
    from hw_anon.recipes import named_recipe, with_settings
    from hw_anon.train.distributed import joined, leave
    from hw_anon.train.loop import STATE_FILE, Training
    from hw_anon.train.outputs import write_outputs
    from hw_anon.train.players import build_players

    recipe = with_settings(named_recipe(recipe_name), settings or [])
    place = _device(device)
    world = joined(place)
    if place.type == "cuda" and world.size > 1:
        place = torch.device("cuda", world.rank % torch.cuda.device_count())
    if (out / STATE_FILE).exists() and not resume:
        raise ConfigError(f"{out} holds the checkpoint of a run: give --resume to go on, or another --out")
    data, described = _load(people, clips, portrait_size=portrait_size, every=every, threads=threads)
    modifier, save = chip_modifier(recipe, data, described, out, seed=seed, device=str(place), world=world)
    data = data.to(place)
    actions = len(data.frames.actions)
    players = build_players(recipe, data.faces, actions=actions, seed=seed, modifier=modifier, device=place)
    training = Training(recipe, players, data, directory=out, seed=seed, device=place, world=world)
    if resume and training.resume() and world.leads:
        note(f"going on at step {training.step:,} of {training.schedule.total:,}")
    bar, advance = _progress_bar(recipe.name, training.schedule.total, shown=world.leads)
    with bar:
        finished = training.run(minutes=minutes, on_step=advance)
    leave(world)
    if not world.leads:
        return
    metrics = write_outputs(training, command=shlex.join(["hw-anon", *sys.argv[1:]]), data=described, save=save)
    if as_json:
        emit_document({"directory": str(out), **metrics})
        return
    _show(metrics)
    note(f"{'finished' if finished else 'stopped, --resume goes on'}: {out}")


def _device(name: str) -> torch.device:
    """Returns the device of that name; "auto" is CUDA where there is one.

    Raises:
        ConfigError: if torch knows no such device.
    """
    import torch

    from hw_anon.core.errors import ConfigError

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as exc:
        raise ConfigError(f"device {name!r}: expected auto, cpu, cuda or cuda:N") from exc
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"device {name!r}: this machine, or this torch, has no CUDA")
    return device


def _load(
    people: Path, clips: Path, *, portrait_size: int, every: int, threads: int
) -> tuple[TrainingData, dict[str, Any]]:
    """Reads both splits of portraits and clips into memory; also returns what they are, for results."""
    from hw_anon.core.hashing import sha256_bytes, sha256_file
    from hw_anon.data.banks import load_face_bank, load_frame_bank
    from hw_anon.data.synthetic.plan import Split
    from hw_anon.data.synthetic.sets import open_clips, open_people
    from hw_anon.train.loop import TrainingData
    from hw_anon.train.validate import HeldOut

    splits: tuple[Split, Split] = ("train", "test")
    with progress() as bar:

        def watch(what: str) -> Any:
            task = bar.add_task(what, total=None)
            return lambda done, total: bar.update(task, completed=done, total=total)

        faces = []
        for split in splits:
            portraits = open_people(people, split)
            watching = watch(f"portraits, {split}")
            faces.append(
                load_face_bank(portraits, portraits.face, portrait_size, threads=threads, on_progress=watching)
            )
        actions = open_clips(clips)
        frames = [
            load_frame_bank(
                actions, actions.faces, split, every=every, threads=threads, on_progress=watch(f"frames, {split}")
            )
            for split in splits
        ]
    hashes = {"people": sha256_file(people / "people.jsonl"), "clips": sha256_file(clips / "clips.jsonl")}
    described = {**hashes, "portrait_size": portrait_size, "every": every}
    name = sha256_bytes(repr(sorted(described.items())).encode())
    held_out = HeldOut(faces=faces[1], frames=frames[1])
    return TrainingData(faces=faces[0], frames=frames[0], held_out=held_out, name=name), described


def _progress_bar(name: str, total: int, *, shown: bool) -> tuple[AbstractContextManager[Any], OnStep | None]:
    if not shown:
        return nullcontext(), None
    bar = progress()
    task = bar.add_task(f"training {name}", total=total)

    def advance(state: Progress) -> None:
        text = f"{name}: {state.phase}, {state.steps_per_s:.2f} steps/s"
        bar.update(task, completed=state.step, description=text)

    return bar, advance


def _show(metrics: dict[str, Any]) -> None:
    validation = metrics["validation"]
    if not validation:
        return
    rows = [
        (f"D{i} ({judge['kind']})", protocol, judge[protocol]["accuracy"], judge[protocol]["auc"])
        for i, judge in enumerate(validation["classifiers"])
        for protocol in ("original", "modified", "crossed")
    ]
    title = f"held-out people, {validation['pairs']} pairs; L1 {validation['l1']:.4f}"
    print_table(title, ("classifier", "pairs", "accuracy", "AUC"), rows)
    losses = f"{validation['action_loss']:.3f}, on unmodified ones {validation['action_loss_clear']:.3f}"
    note(f"action loss on held-out frames: {losses}")
