"""Options of commands that measure or show methods of anonymisation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hw_anon.console.places import directory_to_write

__all__ = [
    "AnonymiserOption",
    "AttackOption",
    "AttackStepsOption",
    "AttackerPeopleOption",
    "AttackerSetOption",
    "BackendOption",
    "BaselinesOption",
    "CropSideOption",
    "DeviceOption",
    "EnlargeOption",
    "JudgeOption",
    "ModifierOption",
    "OnnxValuesOption",
    "PairsOption",
    "PeopleOption",
    "PicturesOption",
    "ResultsOption",
    "SeenOption",
    "SetOption",
    "TrainPicturesOption",
]

BackendOption = Annotated[
    list[str] | None,
    typer.Option(
        "--backend",
        help="A baseline (original, blur-8, mask, …), or qat, twin, rtl of --net; repeatable. hw-anon evaluate: sim, "
        "board, golden of --camera, too. "
        "All baselines if nothing is asked for.",
    ),
]
BaselinesOption = Annotated[bool, typer.Option("--baselines", help="All baselines, besides what is asked for.")]
ModifierOption = Annotated[
    list[str] | None,
    typer.Option("--modifier", help="Trained modifier.safetensors, or NAME=PATH; repeatable (several seeds)."),
]
AnonymiserOption = Annotated[
    list[str] | None,
    typer.Option(
        "--anonymiser",
        help="An anonymiser of others: package.module:function, file.py:function, or network.onnx, NAME= before it if "
        "wanted; repeatable. A function takes a crop, or a frame and its regions (docs/foreign.md).",
    ),
]
OnnxValuesOption = Annotated[
    str | None,
    typer.Option(
        "--onnx-values",
        help="What black and white are to networks in float: 0..1, 0..255, or -1..1,0..1 (input, output).",
    ),
]
CropSideOption = Annotated[
    int,
    typer.Option("--crop-side", min=24, max=512, help="Side in pixels of the crops that baselines and functions take."),
]
DeviceOption = Annotated[str, typer.Option("--device", help="Where networks run: auto, cpu, cuda.")]

SetOption = Annotated[
    str,
    typer.Option(
        "--set",
        help="Identity set: att (real faces, fetched on first use; att-odd, att-even: half of the people), lfw:DIR, "
        "casia:DIR, folder:DIR (a folder for each person), synthetic:DIR.",
    ),
]
JudgeOption = Annotated[
    list[str] | None, typer.Option("--judge", help="Face recogniser: dlib or sface; repeatable. Both if none.")
]
SeenOption = Annotated[
    list[str] | None,
    typer.Option(
        "--seen", help="Judge that training of qat, twin, rtl or an anonymiser used; repeatable. Modifiers say it."
    ),
]
PeopleOption = Annotated[
    int | None, typer.Option("--people", min=4, help="Only so many people of the set: quicker, less certain.")
]
PicturesOption = Annotated[
    int | None, typer.Option("--pictures", min=2, help="Only the first so many pictures of each person.")
]
PairsOption = Annotated[
    int | None, typer.Option("--pairs", min=1, help="Only so many pairs of one person in each fold.")
]
TrainPicturesOption = Annotated[
    int, typer.Option("--train-pictures", min=2, help="Pictures of each person that the parrots learn from.")
]
AttackOption = Annotated[
    list[str] | None,
    typer.Option(
        "--attack",
        help="Attacker that trains a network: inversion, parrot-cnn (both if none), inversion-sface, parrot-sface, "
        "or none; repeatable. The linear parrots always run.",
    ),
]
AttackerSetOption = Annotated[
    str | None,
    typer.Option("--attacker-set", help="Set of other people that inversion trains on, e.g. synthetic-train:DIR."),
]
AttackerPeopleOption = Annotated[
    int | None, typer.Option("--attacker-people", min=2, help="Only so many people of the attacker's set.")
]
AttackStepsOption = Annotated[
    int | None, typer.Option("--attack-steps", min=1, help="Training steps of each attacker, if not its own.")
]
EnlargeOption = Annotated[
    float | None,
    typer.Option("--enlarge", help="Side of the replaced region over the face's: 1.2 for att, 1.6 for others."),
]
ResultsOption = Annotated[
    Path | None,
    typer.Option(
        "--results",
        callback=directory_to_write,
        help="Results directory: gets privacy/SET/METHOD.json, gives the mAP it has.",
    ),
]
