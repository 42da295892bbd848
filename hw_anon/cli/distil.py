"""`hw-anon distil`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from hw_anon.cli.workspace import WorkOption, Workspace
from hw_anon.console.output import JsonOption, emit_document, note, print_table, progress
from hw_anon.console.places import directory_to_write

__all__ = ["load_faces", "register", "run_distillation"]

_QUICK_FROZEN_SHARE = 0.04  # those steps are the network's own, which cost three times as much
_NOTED = ("recipe_name", "seed", "judges_seen")
"""What a student's record says of its teacher."""


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("distil")(distil)


def distil(
    people: Annotated[Path, typer.Option("--people", help="Portraits, made by hw-anon synthesise.")],
    out: Annotated[
        Path,
        typer.Option(
            "--out", callback=directory_to_write, help="Directory for weights.safetensors, recipe.json, metrics.json."
        ),
    ],
    teacher: Annotated[
        str,
        typer.Option(
            "--teacher",
            help="A trained float modifier: modifier.safetensors, its directory, or edge-0; or average: the mean "
            "face of many people, drawn in each face's pose.",
        ),
    ] = "edge-0",
    net: Annotated[
        str, typer.Option("--net", help="Student: name of a network, or a directory with weights.")
    ] = "modifier-s",
    start: Annotated[
        str | None, typer.Option("--start", help="Weights to start from: name of a shipped network, or a directory.")
    ] = None,
    bits: Annotated[
        str, typer.Option("--bits", help="Bits of the stages before the network's own, e.g. 8,6; empty: none.")
    ] = "8,6",
    steps: Annotated[int, typer.Option("--steps", help="Optimiser steps of all stages.")] = 4000,
    batch: Annotated[int, typer.Option("--batch", help="Faces a step.")] = 32,
    learning_rate: Annotated[float, typer.Option("--learning-rate", help="Peak learning rate of a stage.")] = 4e-3,
    hide: Annotated[
        bool,
        typer.Option("--hide", help="Also minimise what is left of the person, by pixels and by the recogniser SFace."),
    ] = False,
    recogniser_share: Annotated[
        float,
        typer.Option("--recogniser-share", help="With --hide: last share of the steps in which SFace takes part."),
    ] = 0.2,
    likeness: Annotated[
        float,
        typer.Option("--likeness", help="With --hide: how much SFace is to take the answer for the teacher's face."),
    ] = 0.2,
    own_likeness: Annotated[
        float,
        typer.Option("--own-likeness", help="With --hide: how much SFace is not to take it for the person's own."),
    ] = 0.4,
    leak: Annotated[
        float, typer.Option("--leak", help="With --hide: weight of errors that point back to the original.")
    ] = 0.25,
    mouths: Annotated[
        float,
        typer.Option("--mouths", help="Share of the faces whose mouth is painted open; the answer does not change."),
    ] = 0.0,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Compiled steps in bfloat16: for CPUs that multiply it; needs a C++ compiler."),
    ] = False,
    rounding: Annotated[
        bool,
        typer.Option(
            "--rounding/--no-rounding",
            help="The student rounds as the chip does; without, its float twin is trained and written as modifier.onnx "
            "for --anonymiser (leave --bits empty).",
        ),
    ] = True,
    key_channels: Annotated[
        int,
        typer.Option("--key-channels", help="Key channels of the student; the average face changes with the key."),
    ] = 0,
    covered: Annotated[
        int,
        typer.Option(
            "--covered",
            help="With average: near-face actions of each person, rendered from near by, whose things and hands are "
            "to be left alone.",
        ),
    ] = 0,
    things: Annotated[
        float,
        typer.Option("--things", help="With --covered: how much more a pixel weighs that hand or thing covers."),
    ] = 8.0,
    photographs: Annotated[
        str | None,
        typer.Option(
            "--photographs",
            help="With average: photographs of people to learn from as well, all of them: folder:DIR (a folder each), "
            "casia:PATH, att, att-odd (then att-even are people never seen).",
        ),
    ] = None,
    photograph_share: Annotated[
        float, typer.Option("--photograph-share", help="Share of the faces of training that are photographs.")
    ] = 0.2,
    actions: Annotated[
        str | None,
        typer.Option("--actions", help="Clips of people at their actions, which the student is to leave to be read."),
    ] = None,
    action_detector: Annotated[
        Path | None,
        typer.Option("--action-detector", help="With --actions: a detector trained on their clear frames; it watches."),
    ] = None,
    action_every: Annotated[
        int, typer.Option("--action-every", help="With --actions: every so-manieth step they are watched.")
    ] = 4,
    action_weight: Annotated[
        float, typer.Option("--action-weight", help="With --actions: weight of the detector's losses.")
    ] = 0.5,
    action_features: Annotated[
        float, typer.Option("--action-features", help="With --actions: weight of what its features lose.")
    ] = 0.5,
    seed: Annotated[int, typer.Option("--seed", help="Seed of everything random.")] = 0,
    device: Annotated[str, typer.Option("--device", help="Torch device, e.g. cpu or cuda.")] = "cpu",
    portrait_size: Annotated[int, typer.Option("--portrait-size", help="Side of portraits in memory, pixels.")] = 128,
    threads: Annotated[int, typer.Option("--threads", help="Threads that decode pictures.")] = 1,
    work: WorkOption = Path("build"),
    as_json: JsonOption = False,
) -> None:
    """Teach a quantised modifier what a float modifier does: the warm start of the game on the chip's own network.

    An interrupted run goes on from its checkpoint when the same command is given again. What is written is a network
    that every other command takes as --net DIR.

    Example: hw-anon distil --teacher edge-0 --people build/people --out build/weights/modifier-s
    """
    from hw_anon.cli.chip_game import teacher_file
    from hw_anon.cli.distil_actions import WatchedActions
    from hw_anon.cli.drawn_teacher import AVERAGE, DrawnOptions, draw_teacher
    from hw_anon.cli.photographs import Photographs
    from hw_anon.core.errors import ConfigError
    from quant.distil_actions import ActionTerms
    from quant.distil_losses import HIDING, NO_TERMS
    from quant.distil_recipe import DistilRecipe
    from quant.zoo import weights_directory

    stages = tuple(_whole(part) for part in bits.split(",") if part.strip())
    place = Workspace(work).root
    real = None
    if photographs is not None:
        real = Photographs(people=photographs, share=photograph_share, work=place, size=portrait_size, threads=threads)
    drawn = DrawnOptions(covered=covered, key_channels=key_channels, cache=place / "cache", photographs=real)
    if teacher != AVERAGE and (covered or key_channels or photographs):
        raise ConfigError(f"--covered, --key-channels and --photographs are of --teacher {AVERAGE}")
    watched = None
    if (actions is None) != (action_detector is None):
        raise ConfigError("--actions and --action-detector belong together")
    if actions is not None and action_detector is not None:
        watched = WatchedActions(
            clips=actions, detector=action_detector, face_boxes=place / "face-boxes", threads=threads
        )
    looks = ActionTerms(every=action_every, detection=action_weight, features=action_features)
    recipe = DistilRecipe(
        net=net,
        start=None if start is None else weights_directory(start),
        steps=steps,
        key_channels=key_channels,
        quantised=rounding,
        bits=stages,
        batch=batch,
        learning_rate=learning_rate,
        mouths=mouths,
        actions=None if watched is None else looks,
        quick=quick,
        seed=seed,
        device=device,
    )
    hiding = replace(HIDING, leak=leak, target_likeness=likeness, own_likeness=own_likeness)
    terms = replace(hiding if hide else NO_TERMS, things=things if covered else 0.0)
    recipe = _completed(replace(recipe, terms=terms), recogniser_share if hide else 0.0, average=teacher == AVERAGE)
    faces, described = load_faces(people, size=portrait_size, threads=threads)
    checkpoint = place / "cache" / f"distil-{out.name}.pt"
    source = draw_teacher(*faces, people, drawn) if teacher == AVERAGE else teacher_file(teacher)
    metrics = run_distillation(recipe, source, faces, out, checkpoint=checkpoint, data=described, watched=watched)
    if as_json:
        emit_document({"directory": str(out), "metrics": metrics})
        return
    held_out = metrics["held_out"]
    computed, kind = ("as the chip computes it", "integer") if rounding else ("without rounding", "float")
    title = f"{net} {computed}, {held_out['pictures']} pictures of people never seen"
    names = {
        f"l1_to_teacher_{kind}": "to its teacher",
        f"l1_to_original_{kind}": "to the original",
        "l1_of_teacher_to_original": "its teacher to the original",
    }
    print_table(title, ("distance", "L1 (0..1)"), [(label, held_out[name]) for name, label in names.items()])
    note(f"weights: {out}")


def _completed(recipe: Any, share: float, *, average: bool) -> Any:
    """Returns a recipe with what follows from the options: when SFace takes part, and how faces are varied."""
    from quant.distil_recipe import CAMERA_JITTER

    recipe = replace(recipe, recogniser_share=share)
    if recipe.quick:
        recipe = replace(recipe, frozen_share=_QUICK_FROZEN_SHARE)
    return replace(recipe, jitter=CAMERA_JITTER, noise=0.02) if average else recipe


def _whole(text: str) -> int:
    from hw_anon.core.errors import ConfigError

    try:
        return int(text)
    except ValueError as exc:
        raise ConfigError(f"--bits: {text!r} is no whole number") from exc


def load_faces(people: Path, *, size: int, threads: int) -> tuple[tuple[Any, Any], dict[str, Any]]:
    """Reads the portraits of both splits; also returns what they are, for records.

    Args:
        people: a synthetic set.
        size: side of a portrait in memory.
        threads: how many decode at a time.
    """
    from hw_anon.core.hashing import sha256_file
    from hw_anon.data.bank_loading import load_face_bank
    from hw_anon.data.synthetic.plan import SPLITS
    from hw_anon.data.synthetic.sets import open_people, read_recipe

    banks = []
    with progress() as bar:
        for split in SPLITS:
            portraits = open_people(people, split)
            task = bar.add_task(f"portraits, {split}", total=len(portraits))

            def watch(done: int, total: int, task: Any = task) -> None:
                bar.update(task, completed=done, total=total)

            banks.append(load_face_bank(portraits, portraits.face, size, threads=threads, on_progress=watch))
    made = read_recipe(people)
    described = {
        "set": "portraits of synthetic people, made by hw-anon synthesise; held-out people are others",
        "people": sha256_file(people / "people.jsonl"),
        "generator": made["generator"],
        "settings": made["settings"],
        "portrait_size": size,
    }
    return (banks[0], banks[1]), described


def run_distillation(
    recipe: Any,
    source: Any,
    faces: tuple[Any, Any],
    out: Path,
    *,
    checkpoint: Path,
    data: dict[str, Any],
    watched: Any = None,
) -> dict[str, Any]:
    """Distils, measures on the held-out people, writes the directory; returns the metrics.

    Args:
        recipe: a `quant.distil.DistilRecipe`.
        source: checkpoint of the float modifier; or a `drawn_teacher.Drawn`.
        faces: portraits of training and of held-out people.
        out: the student's directory.
        checkpoint: file of the unfinished run.
        data: where the faces come from.
        watched: a `distil_actions.WatchedActions`, if the recipe has `actions`.

    Raises:
        ConfigError: if teacher and student take crops of other sizes.
    """
    from hw_anon.cli.distil_actions import watch_actions
    from quant.distil import distil as teach
    from quant.distil import distil_metrics, save_distilled

    if isinstance(source, Path):
        train, test, noted = _network(source, recipe)
        taught = faces[0]
    else:
        train, test, noted, taught = source.train, source.test, source.record, source.taught
    watch = None
    if watched is not None:
        watch, data["actions"] = watch_actions(watched, recipe.actions, seed=recipe.seed)
    with progress() as bar:
        task = bar.add_task("distilling", total=recipe.steps)

        def advance(step: int, loss: float) -> None:
            bar.update(task, completed=step, description=f"distilling, loss {loss:.4f}")

        taught = taught.to(recipe.device)
        net = teach(
            recipe, train, taught, checkpoint=checkpoint, teacher_hash=noted["sha256"], watch=watch, on_step=advance
        )
    return save_distilled(
        net,
        recipe,
        out,
        metrics=distil_metrics(net, test, faces[1], quantised=recipe.quantised),
        teacher=noted,
        data=data,
    )


def _network(file: Path, recipe: Any) -> tuple[Any, Any, dict[str, Any]]:
    """Returns a float modifier as the teacher of training and of held-out people, and what records say of it."""
    import copy

    from hw_anon.core.errors import ConfigError
    from hw_anon.core.hashing import sha256_file
    from hw_anon.nets.checkpoint import load_modifier

    model, metadata = load_modifier(file)
    side = recipe.student.input_size
    if (model.config.size, model.config.key_channels) != (side, 0):
        raise ConfigError(f"{file}: a teacher of {side}×{side} crops without a key is needed, see its config")
    noted: dict[str, Any] = {name: metadata[name] for name in _NOTED if name in metadata}
    model.requires_grad_(False)
    here = copy.deepcopy(model).to(recipe.device)
    return here, model, {"sha256": sha256_file(file), "name": file.parent.name, **noted}
