"""`hw-anon pretrain`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hw_anon.cli.workspace import NetOption, WorkOption, Workspace
from hw_anon.console.output import JsonOption, emit_document, note, print_table, progress
from hw_anon.console.places import directory_to_write

__all__ = ["register"]

DEFAULT_WORK = Path("build")
"""Working directory unless --work says another."""


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("pretrain")(pretrain)


def pretrain(
    net: NetOption = "modifier-xs",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            callback=directory_to_write,
            help="Directory for the weights; below the working directory if not given.",
        ),
    ] = None,
    steps: Annotated[int, typer.Option("--steps", help="Optimiser steps.")] = 4000,
    batch: Annotated[int, typer.Option("--batch", help="Pictures a step.")] = 32,
    learning_rate: Annotated[float, typer.Option("--learning-rate", help="Peak learning rate.")] = 0.008,
    seed: Annotated[int, typer.Option("--seed", help="Seed of weights, order and augmentation.")] = 1,
    device: Annotated[str, typer.Option("--device", help="Torch device, e.g. cpu or cuda.")] = "cpu",
    work: WorkOption = DEFAULT_WORK,
    as_json: JsonOption = False,
) -> None:
    """Train a modifier to reproduce its input: weights that show a face, for work on the compiler.

    Such weights do not anonymise. An interrupted run goes on from its checkpoint when the same command is given again.
    Writes weights.safetensors, recipe.json and metrics.json.

    Example: hw-anon pretrain --net modifier-xs --steps 4000 --out build/weights/modifier-xs
    """
    from hw_anon.data.att import load_att_faces
    from quant.pretrain import PretrainRecipe, save_weights
    from quant.pretrain import pretrain as train

    recipe = PretrainRecipe(net=net, steps=steps, batch=batch, learning_rate=learning_rate, seed=seed, device=device)
    workspace = Workspace(work)
    directory = out or workspace.root / "weights" / net
    faces = load_att_faces(workspace.downloads)
    with progress() as bar:
        task = bar.add_task(f"training {net}", total=steps)

        def advance(step: int, loss: float) -> None:
            bar.update(task, completed=step, description=f"training {net}, loss {loss:.4f}")

        model = train(recipe, faces, checkpoint=workspace.root / "cache" / f"pretrain-{net}.pt", on_step=advance)
    metrics = save_weights(model, recipe, faces, directory)
    if as_json:
        emit_document({"directory": str(directory), "metrics": metrics})
        return
    rows = [
        (label, entry["crops"], entry["integer_l1"], entry["integer_psnr_db"])
        for label, entry in (("held-out AT&T people", metrics["held_out_att"]), ("portrait", metrics["portrait"]))
    ]
    print_table(f"{net} as the chip computes it", ("faces", "crops", "L1 (0..1)", "PSNR dB"), rows)
    note(f"weights: {directory}")
