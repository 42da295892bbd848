"""`hw-anon study` and `hw-anon study score`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hw_anon.cli.method_options import CropSideOption, DeviceOption, OnnxValuesOption
from hw_anon.cli.workspace import NetOption, WorkOption, Workspace
from hw_anon.console.output import JsonOption, command_line, emit_document, note, print_table, status
from hw_anon.console.places import directory_to_write
from hw_anon.core.errors import ConfigError

if TYPE_CHECKING:
    from hw_anon.evaluate.float_backend import Method
    from hw_anon.evaluate.study_score import StudyScore
    from hw_anon.evaluate.verification import Estimate

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds the commands to `app`."""
    group = typer.Typer(rich_markup_mode="rich", context_settings={"help_option_names": ["-h", "--help"]})
    group.callback(invoke_without_command=True)(study)
    group.command("score")(score)
    app.add_typer(group, name="study")


def study(
    context: typer.Context,
    backend: Annotated[
        str | None, typer.Option("--backend", help="A baseline (blur-8, mask, …), or qat, twin, rtl of --net.")
    ] = None,
    modifier: Annotated[
        str | None, typer.Option("--modifier", help="Trained modifier.safetensors, or NAME=PATH; instead of --backend.")
    ] = None,
    anonymiser: Annotated[
        str | None,
        typer.Option(
            "--anonymiser",
            help="An anonymiser of others instead: package.module:function, file.py:function, or network.onnx, NAME= "
            "before it if wanted (docs/foreign.md).",
        ),
    ] = None,
    onnx_values: OnnxValuesOption = None,
    dataset: Annotated[
        str, typer.Option("--set", help="People never seen in training: att, lfw:DIR, folder:DIR, synthetic:DIR.")
    ] = "att",
    people: Annotated[int | None, typer.Option("--people", min=4, help="Only so many people of the set.")] = None,
    pairs: Annotated[int, typer.Option("--pairs", min=1, help="Pairs of one person in Q1, and as many of two.")] = 12,
    named: Annotated[int, typer.Option("--named", min=1, help="People to be named in Q2.")] = 16,
    candidates: Annotated[int, typer.Option("--candidates", min=2, help="Originals to choose from in Q2.")] = 8,
    crop_side: CropSideOption = 256,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of people, pictures and order.")] = 0,
    device: DeviceOption = "auto",
    out: Annotated[
        Path, typer.Option("--out", callback=directory_to_write, help="Directory for study.html and key.json.")
    ] = Path("build/study"),
    net: NetOption = "modifier-s",
    work: WorkOption = Path("build"),
    as_json: JsonOption = False,
) -> None:
    """Build the paper's user study: one web page for participants, and the key that they must not see.

    Q1: do two modified pictures show the same person; Q2: who is it; Q3: would you trust it. Participants open
    study.html in any browser, without a network, and send back the file that it saves; `hw-anon study score` does the
    rest.

    Example: hw-anon study --modifier build/edge/modifier.safetensors --set att --out build/study
    """
    if context.invoked_subcommand is not None:
        return
    from hw_anon.evaluate.gallery import GalleryMethod
    from hw_anon.evaluate.identity_sets import SetOptions, open_identity_set, parse_identity_set
    from hw_anon.evaluate.study import StudySettings, make_study, write_study

    parse_identity_set(dataset)  # refused now, not when the method is built
    workspace = Workspace(work)
    settings = StudySettings(positive_pairs=pairs, negative_pairs=pairs, named=named, candidates=candidates, seed=seed)
    method = _method(backend, modifier, anonymiser, onnx_values, net, workspace, crop_side, seed, device)
    with status(f"finding the faces of {dataset}"):
        judged = open_identity_set(
            dataset,
            downloads=workspace.downloads,
            cache=workspace.root / "cache" / "faces",
            options=SetOptions(people=people, seed=seed),
        )
    shown = GalleryMethod(backend=method.backend, crop_side=method.crop_side)
    command = command_line()
    made = make_study(judged.faces, shown, settings, command=command)
    files = write_study(made, out)
    if as_json:
        emit_document({"study": made.key["study"], **{kind: str(path) for kind, path in files.items()}})
        return
    if untouched := made.key.get("n_untouched"):
        note(f"{untouched} of {made.key['n_faces']} faces shown as modified are as they were: it changed nothing there")
    for kind, path in files.items():
        note(f"{kind}: {path}")


def score(
    answers: Annotated[list[Path], typer.Argument(help="Files that participants saved from the page.")],
    key: Annotated[Path, typer.Option("--key", help="The study's key.json.")],
    as_json: JsonOption = False,
) -> None:
    """Score the answers of a study: accuracies with 95 % intervals, d' of Q1, and the paper's numbers beside them.

    Example: hw-anon study score --key build/study/key.json answers-*.json
    """
    from hw_anon.evaluate.study_score import read_answers, read_key, score_study

    truth = read_key(key)
    given = {str(path): read_answers(path, truth) for path in answers}
    result = score_study(truth, given)
    if as_json:
        emit_document(result.as_json())
        return
    columns = ("question", "value [95 % interval]", "answers", "chance", "paper")
    title = f"{result.participants} participants, {truth['method']} on {truth['dataset']}"
    print_table(title, columns, _rows(result))
    if result.unanswered:
        note(f"{result.unanswered} questions were left open: they count for nothing")


def _rows(result: StudyScore) -> list[tuple[str, str, str, str, str]]:
    from hw_anon.evaluate.study_score import PAPER

    def row(
        question: str, estimate: Estimate | None, chance: str, paper: str, *, scale: float = 100, unit: str = " %"
    ) -> tuple[str, str, str, str, str]:
        if estimate is None:
            return question, "–", "0", chance, paper
        value, low, high = (f"{scale * number:.2f}" for number in (estimate.value, estimate.low, estimate.high))
        return question, f"{value}{unit} [{low}, {high}]", f"{estimate.n:,}", chance, paper

    known = {name: f"{100 * value:g} %" for name, value in PAPER.items()}
    return [
        row("Q1 same person: right", result.pairs, "50 %", known["pairs"]),
        row("Q1 same person: d'", result.d_prime, "0", "–", scale=1, unit=""),
        row("Q2 who is it: right", result.named, f"{100 * result.named_chance:g} %", known["named"]),
        row("Q3 would trust it", result.trust, "–", known["trust"]),
    ]


def _method(
    backend: str | None,
    modifier: str | None,
    anonymiser: str | None,
    onnx_values: str | None,
    net: str,
    workspace: Workspace,
    crop_side: int,
    seed: int,
    device: str,
) -> Method:
    """Returns the one method asked for.

    Raises:
        ConfigError: if there is not exactly one.
    """
    from hls.flow.config import BuildConfig
    from hw_anon.cli.methods import MethodMaker, backend_names, foreign_methods, trained_methods

    if sum(given is not None for given in (backend, modifier, anonymiser)) != 1:
        raise ConfigError("a study is about one method: give either --backend, --modifier or --anonymiser")
    foreign = foreign_methods([anonymiser] if anonymiser else [], crop_side=crop_side, values=onnx_values)
    if foreign:
        return foreign[0]
    if modifier is not None:
        return trained_methods([modifier], device=device)[0]
    maker = MethodMaker(net=net, config=BuildConfig(), workspace=workspace, crop_side=crop_side, seed=seed, seen=())
    return maker.make(backend_names([backend or ""], baselines=False, others=False)[0])[0]
