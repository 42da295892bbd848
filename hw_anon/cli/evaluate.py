"""`hw-anon evaluate`."""

from __future__ import annotations

import itertools
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hw_anon.cli.build import BoardOption, ClockOption, RateOption
from hw_anon.cli.methods import MethodMaker, backend_names, make_attacks, trained_methods
from hw_anon.cli.output import JsonOption, emit_document, note, print_table, progress, status
from hw_anon.cli.workspace import NetOption, WorkOption, Workspace
from hw_anon.core.config import suggest
from hw_anon.core.errors import ConfigError

if TYPE_CHECKING:
    from hw_anon.evaluate.float_backend import Method
    from hw_anon.evaluate.identity_sets import JudgedSet, SetOptions
    from hw_anon.evaluate.privacy import PrivacyResult, PrivacySettings
    from hw_anon.evaluate.protocol import Attack

__all__ = ["register"]

_FOLDS = 10


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("evaluate")(evaluate)


def evaluate(
    backend: Annotated[
        list[str] | None,
        typer.Option(
            "--backend",
            help="A baseline (original, blur-8, mask, …), or qat, twin, rtl of --net; repeatable. "
            "All baselines if nothing is asked for.",
        ),
    ] = None,
    baselines: Annotated[bool, typer.Option("--baselines", help="All baselines, besides what is asked for.")] = False,
    modifier: Annotated[
        list[str] | None,
        typer.Option("--modifier", help="Trained modifier.safetensors, or NAME=PATH; repeatable (several seeds)."),
    ] = None,
    dataset: Annotated[
        str,
        typer.Option(
            "--set",
            help="Identity set: att (real faces, fetched on first use), lfw:DIR, casia:DIR, folder:DIR (a folder for "
            "each person), synthetic:DIR.",
        ),
    ] = "att",
    judge: Annotated[
        list[str] | None, typer.Option("--judge", help="Face recogniser: dlib or sface; repeatable. Both if none.")
    ] = None,
    seen: Annotated[
        list[str] | None,
        typer.Option("--seen", help="Judge that training of qat, twin or rtl used; repeatable. Modifiers say it."),
    ] = None,
    people: Annotated[
        int | None, typer.Option("--people", min=4, help="Only so many people of the set: quicker, less certain.")
    ] = None,
    pictures: Annotated[
        int | None, typer.Option("--pictures", min=2, help="Only the first so many pictures of each person.")
    ] = None,
    pairs: Annotated[
        int | None, typer.Option("--pairs", min=1, help="Only so many pairs of one person in each fold.")
    ] = None,
    train_pictures: Annotated[
        int, typer.Option("--train-pictures", min=2, help="Pictures of each person that the parrots learn from.")
    ] = 5,
    attack: Annotated[
        list[str] | None,
        typer.Option(
            "--attack",
            help="Attacker that trains a network: inversion, parrot-cnn (both if none), inversion-sface, parrot-sface, "
            "or none; repeatable. The linear parrots always run.",
        ),
    ] = None,
    attacker_set: Annotated[
        str | None,
        typer.Option("--attacker-set", help="Set of other people that inversion trains on, e.g. synthetic-train:DIR."),
    ] = None,
    attack_steps: Annotated[
        int | None, typer.Option("--attack-steps", min=1, help="Training steps of each attacker, if not its own.")
    ] = None,
    crop_side: Annotated[
        int, typer.Option("--crop-side", min=24, max=512, help="Side in pixels of the crops that baselines take.")
    ] = 256,
    enlarge: Annotated[
        float | None,
        typer.Option("--enlarge", help="Side of the replaced region over the face's: 1.2 for att, 1.6 for others."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of people, pairs, noise, attackers.")] = 0,
    device: Annotated[str, typer.Option("--device", help="Where networks run: auto, cpu, cuda.")] = "auto",
    out: Annotated[Path, typer.Option("--out", help="Directory for privacy.json and privacy.md.")] = Path(
        "build/evaluation"
    ),
    results_dir: Annotated[
        Path | None,
        typer.Option("--results", help="Results directory: gets privacy/SET/METHOD.json, gives the mAP it has."),
    ] = None,
    net: NetOption = "modifier-s",
    board: BoardOption = "pynq-z2",
    faces_per_s: RateOption = 120.0,
    clk_mhz: ClockOption = None,
    work: WorkOption = Path("build"),
    as_json: JsonOption = False,
) -> None:
    """Measure how well modified faces are still recognised: baselines, trained modifiers, and what was built of one.

    Verification and identification by two recognisers, original against modified and modified against modified, and by
    attackers that retrain: recognisers of modified faces, and a network that restores them. On one core the whole AT&T
    set takes four minutes for each method, one with --attack none.

    Example: hw-anon evaluate --backend original --backend blur-8 --people 10 --json
    """
    from hls.flow.config import BuildConfig
    from hw_anon.evaluate.identity_sets import SetOptions
    from hw_anon.evaluate.privacy import PrivacySettings
    from hw_anon.evaluate.privacy_files import with_action, write_privacy_files

    names = backend_names(backend or [], baselines=baselines, others=bool(modifier))
    judges, known = _judges(judge or []), tuple(_judges(seen or [])) if seen else ()
    config = BuildConfig(board=board, faces_per_s=faces_per_s, clk_mhz=clk_mhz)
    workspace = Workspace(work)
    options = SetOptions(people=people, pictures=pictures, enlarge=enlarge, seed=seed)
    trained = trained_methods(modifier or [], device=device)
    others = _open(attacker_set, workspace, SetOptions(enlarge=enlarge)).faces if attacker_set else None
    attacks = make_attacks(attack or [], device=device, steps=attack_steps, others=others)
    judged = _open(dataset, workspace, options)
    folds = _folds(judged)
    settings = PrivacySettings(folds=folds, pairs_per_fold=pairs, train_pictures=train_pictures, seed=seed)
    maker = MethodMaker(net=net, config=config, workspace=workspace, crop_side=crop_side, seed=seed, seen=known)
    command = shlex.join(["hw-anon", *sys.argv[1:]])

    def keep(result: PrivacyResult) -> PrivacyResult:
        if results_dir is None:
            return result
        joined = with_action(result, results_dir)
        write_privacy_files([joined], settings, results_dir, command=command)
        return joined

    results = _measure(names, maker, trained, judged, judges, attacks, settings, keep)
    _deliver(results, settings, out, command, as_json)


def _deliver(results: list[PrivacyResult], settings: PrivacySettings, out: Path, command: str, as_json: bool) -> None:
    """Writes the files, prints the document or the tables."""
    from hw_anon.evaluate.report import privacy_table, write_privacy_report

    files = write_privacy_report(results, settings, out, command=command)
    if as_json:
        emit_document([row for result in results for row in result.rows()])
        return
    columns, rows = privacy_table(results)
    for method, *cells in rows:
        print_table(method, ("figure", "value [95 % interval]"), list(zip(columns[1:], cells, strict=True)))
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
