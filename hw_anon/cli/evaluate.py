"""`hw-anon evaluate`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hw_anon.cli.board_process import BoardPythonOption
from hw_anon.cli.build import DEFAULT_WORK, BoardOption, ClockOption, RateOption
from hw_anon.cli.camera_methods import CameraChoice, CameraOption, DesignOption, ShowOption, open_cameras
from hw_anon.cli.method_options import (
    AnonymiserOption,
    AttackerPeopleOption,
    AttackerSetOption,
    AttackOption,
    AttackStepsOption,
    BackendOption,
    BaselinesOption,
    CropSideOption,
    DeviceOption,
    EnlargeOption,
    JudgeOption,
    ModifierOption,
    OnnxValuesOption,
    PairsOption,
    PeopleOption,
    PicturesOption,
    ResultsOption,
    SeenOption,
    SetOption,
    TrainPicturesOption,
)
from hw_anon.cli.methods import CAMERAS, MethodMaker, backend_names, foreign_methods, make_attacks, trained_methods
from hw_anon.cli.workspace import NetOption, WorkOption, Workspace
from hw_anon.console.output import JsonOption, command_line, emit_document, note, print_table, progress, status
from hw_anon.console.places import directory_to_write
from hw_anon.core.config import suggest
from hw_anon.core.errors import ConfigError

if TYPE_CHECKING:
    from hw_anon.evaluate.float_backend import Method
    from hw_anon.evaluate.identity_sets import JudgedSet, SetOptions
    from hw_anon.evaluate.privacy import PrivacyResult, PrivacySettings
    from hw_anon.evaluate.protocol import Attack

__all__ = ["register"]

DEFAULT_OUT = Path("build/evaluation")
"""Where the report goes unless --out says another."""
_FOLDS = 10


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("evaluate")(evaluate)


def evaluate(
    backend: BackendOption = None,
    baselines: BaselinesOption = False,
    modifier: ModifierOption = None,
    anonymiser: AnonymiserOption = None,
    onnx_values: OnnxValuesOption = None,
    dataset: SetOption = "att",
    judge: JudgeOption = None,
    seen: SeenOption = None,
    people: PeopleOption = None,
    pictures: PicturesOption = None,
    pairs: PairsOption = None,
    train_pictures: TrainPicturesOption = 5,
    attack: AttackOption = None,
    attacker_set: AttackerSetOption = None,
    attacker_people: AttackerPeopleOption = None,
    attack_steps: AttackStepsOption = None,
    crop_side: CropSideOption = 256,
    enlarge: EnlargeOption = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of people, pairs, noise, attackers.")] = 0,
    device: DeviceOption = "auto",
    out: Annotated[
        Path, typer.Option("--out", callback=directory_to_write, help="Directory for privacy.json and privacy.md.")
    ] = DEFAULT_OUT,
    results_dir: ResultsOption = None,
    net: NetOption = "modifier-s",
    board: BoardOption = "pynq-z2",
    faces_per_s: RateOption = 120.0,
    clk_mhz: ClockOption = None,
    camera: CameraOption = None,
    design: DesignOption = None,
    show: ShowOption = None,
    board_python: BoardPythonOption = None,
    work: WorkOption = DEFAULT_WORK,
    as_json: JsonOption = False,
) -> None:
    """Measure how well modified faces are still recognised: baselines, trained modifiers, and what was built of one.

    Verification and identification by two recognisers, original against modified and modified against modified, and by
    attackers that retrain: recognisers of modified faces, and a network that restores them. On one core the whole AT&T
    set takes four minutes for each method, one with --attack none. --json prints an object for each method, protocol
    and judge; privacy.json has intervals and sample sizes as well.

    --anonymiser measures the tools of others alike: rows say how many faces they left as they were.

    --backend sim and board send each picture through the whole --camera, by the driver, and compare every frame with
    its golden model; golden is that model alone. They take --attack none, and rows say what became of the frames.

    Example: hw-anon evaluate --backend original --backend blur-8 --people 10 --json
    """
    from hls.flow.config import BuildConfig
    from hw_anon.evaluate.identity_sets import SetOptions, parse_identity_set
    from hw_anon.evaluate.privacy import PrivacySettings

    workspace = Workspace(work)
    names = backend_names(backend or [], baselines=baselines, others=bool(modifier or anonymiser), cameras=True)
    cameras = [name for name in names if name in CAMERAS]
    choice = CameraChoice(camera=camera, design=design, show=show, python=board_python)
    choice.require(cameras, attack or [])
    config = BuildConfig(board=board, faces_per_s=faces_per_s, clk_mhz=clk_mhz)
    known = tuple(_judges(seen)) if seen else ()
    maker = MethodMaker(net=net, config=config, workspace=workspace, crop_side=crop_side, seed=seed, seen=known)
    judges, trained = _judges(judge or []), trained_methods(modifier or [], device=device)
    trained += foreign_methods(anonymiser or [], crop_side=crop_side, seen=known, values=onnx_values)
    theirs = SetOptions(people=attacker_people, enlarge=enlarge)
    for each in filter(None, (dataset, attacker_set)):
        parse_identity_set(each)  # refused now, not when the faces of the other are found
    others = _open(attacker_set, workspace, theirs).faces if attacker_set else None
    attacks = make_attacks(attack or [], device=device, steps=attack_steps, others=others)
    judged = _open(dataset, workspace, SetOptions(people=people, pictures=pictures, enlarge=enlarge, seed=seed))
    settings = PrivacySettings(folds=_folds(judged), pairs_per_fold=pairs, train_pictures=train_pictures, seed=seed)
    keep = partial(_kept, settings=settings, directory=results_dir)
    rest = [name for name in names if name not in CAMERAS]
    with ExitStack() as stack:
        methods = [*trained, *open_cameras(cameras, choice, stack)]
        results = _measure(rest, maker, methods, judged, judges, attacks, settings, keep)
    _deliver(results, settings, out, as_json)


def _kept(result: PrivacyResult, *, settings: PrivacySettings, directory: Path | None) -> PrivacyResult:
    """Writes a result into a results directory, if there is one, with the mAP that it has; returns it."""
    from hw_anon.evaluate.privacy_files import with_action, write_privacy_files

    if directory is None:
        return result
    joined = with_action(result, directory)
    write_privacy_files([joined], settings, directory, command=command_line())
    return joined


def _deliver(results: list[PrivacyResult], settings: PrivacySettings, out: Path, as_json: bool) -> None:
    """Writes the files, prints the document or the tables."""
    from hw_anon.evaluate.report import privacy_table, write_privacy_report

    files = write_privacy_report(results, settings, out, command=command_line())
    if as_json:
        emit_document([row for result in results for row in result.printed()])
        return
    columns, rows = privacy_table(results)
    for method, *cells in rows:
        print_table(method, ("figure", "value [95 % interval]"), list(zip(columns[1:], cells, strict=True)))
    for result in results:
        if (figures := result.camera or result.foreign) is not None:
            print_table(f"Frames of {result.method}", ("figure", "value"), list(figures.as_json().items()))
    for kind, path in files.items():
        note(f"{kind}: {path}")


def _judges(asked: Sequence[str]) -> list[str]:
    """Returns the judges asked for, each once; all if none.

    Raises:
        ConfigError: if one does not exist.
    """
    from hw_anon.evaluate.judges import JUDGE_NAMES

    for name in asked:
        if name not in JUDGE_NAMES:
            raise ConfigError(f"there is no judge {name!r}; {suggest(name, JUDGE_NAMES)}")
    return list(dict.fromkeys(asked or JUDGE_NAMES))


def _open(spec: str, workspace: Workspace, options: SetOptions) -> JudgedSet:
    from hw_anon.evaluate.identity_sets import open_identity_set

    with status(f"finding the faces of {spec}"):
        judged = open_identity_set(
            spec, downloads=workspace.downloads, cache=workspace.root / "cache" / "faces", options=options
        )
    if judged.pairs_lost:
        note(f"{judged.pairs_lost} published pairs are left out: no face was found in one of their pictures")
    return judged


def _folds(judged: JudgedSet) -> int:
    if judged.pairs is not None:
        return len(set(judged.pairs.fold.tolist()))
    return min(_FOLDS, len(set(judged.faces.people.tolist())) // 2)


def _measure(
    names: list[str],
    maker: MethodMaker,
    trained: list[Method],
    judged: JudgedSet,
    judges: list[str],
    attacks: list[Attack],
    settings: PrivacySettings,
    keep: Callable[[PrivacyResult], PrivacyResult],
) -> list[PrivacyResult]:
    """Measures every method on the same pictures and pairs; each result is kept before the next one is begun."""
    from hw_anon.evaluate.judges import load_judge
    from hw_anon.evaluate.protocol import Originals, evaluate_privacy

    results = []
    with progress() as display:
        task = display.add_task("originals")
        title = "originals"

        def advance(what: str, done: int, total: int) -> None:
            display.update(task, description=f"{title}: {what}", completed=done, total=total)

        originals = Originals(judged.faces, [load_judge(name) for name in judges], on_progress=advance)
        made = (method for name in names for method in maker.make(name))  # each only when it is its turn
        for method in itertools.chain(made, trained):
            title = method.backend.name
            result = evaluate_privacy(
                method.backend,
                originals,
                crop_side=method.crop_side,
                seen=method.seen,
                settings=settings,
                pairs=judged.pairs,
                attacks=attacks,
                method_seed=method.seed,
                on_progress=advance,
            )
            results.append(keep(result))
    return results
