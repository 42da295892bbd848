"""`hw-anon evaluate`."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hw_anon.cli.build import BoardOption, ClockOption, RateOption, note_stage
from hw_anon.cli.output import JsonOption, emit_document, note, print_table, progress, status
from hw_anon.cli.workspace import NetOption, WorkOption, Workspace
from hw_anon.core.config import suggest
from hw_anon.core.errors import ConfigError

if TYPE_CHECKING:
    from hls.flow.config import BuildConfig
    from hw_anon.core.backend import ModifierBackend
    from hw_anon.evaluate.faces import IdentityFaces
    from hw_anon.evaluate.protocol import PrivacyResult, PrivacySettings

__all__ = ["register"]

_BUILT = ("twin", "rtl")
_SETS = ("att",)
_FOLDS = 10


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("evaluate")(evaluate)


def evaluate(
    backend: Annotated[
        list[str] | None,
        typer.Option(
            "--backend", help="A baseline (original, blur-8, mask, …), twin or rtl; repeatable. All baselines if none."
        ),
    ] = None,
    baselines: Annotated[bool, typer.Option("--baselines", help="All baselines, besides any --backend.")] = False,
    dataset: Annotated[
        str, typer.Option("--set", help="Identity set: att (real faces, fetched on first use).")
    ] = "att",
    judge: Annotated[
        list[str] | None, typer.Option("--judge", help="Face recogniser: dlib or sface; repeatable. Both if none.")
    ] = None,
    seen: Annotated[
        list[str] | None, typer.Option("--seen", help="Judge that training of twin or rtl used; repeatable.")
    ] = None,
    people: Annotated[
        int | None, typer.Option("--people", min=4, help="Only so many people of the set: quicker, less certain.")
    ] = None,
    pairs: Annotated[
        int | None, typer.Option("--pairs", min=1, help="Only so many pairs of one person in each fold.")
    ] = None,
    train_pictures: Annotated[
        int, typer.Option("--train-pictures", min=2, help="Pictures of each person that the attacker learns from.")
    ] = 5,
    crop_side: Annotated[
        int, typer.Option("--crop-side", min=24, max=512, help="Side in pixels of the crops that baselines take.")
    ] = 256,
    enlarge: Annotated[
        float, typer.Option("--enlarge", help="Side of the replaced region over that of the detected face.")
    ] = 1.2,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of people, pairs, noise and intervals.")] = 0,
    out: Annotated[Path, typer.Option("--out", help="Directory for privacy.json and privacy.md.")] = Path(
        "build/evaluation"
    ),
    net: NetOption = "modifier-s",
    board: BoardOption = "pynq-z2",
    faces_per_s: RateOption = 120.0,
    clk_mhz: ClockOption = None,
    work: WorkOption = Path("build"),
    as_json: JsonOption = False,
) -> None:
    """Measure how well modified faces are still recognised: baselines, and the twin or RTL of a build.

    Verification and identification by two recognisers, original against modified and modified against modified, and by
    an attacker that is retrained on modified faces. The whole AT&T set takes one to two minutes for each method.

    Example: hw-anon evaluate --backend original --backend blur-8 --people 10 --json
    """
    from hls.flow.config import BuildConfig
    from hw_anon.evaluate.judges import JUDGE_NAMES
    from hw_anon.evaluate.protocol import PrivacySettings
    from hw_anon.evaluate.report import privacy_table, write_privacy_report

    names = _names(backend or [], baselines)
    judges = list(dict.fromkeys(judge or JUDGE_NAMES))
    unknown = [name for name in (*judges, *(seen or [])) if name not in JUDGE_NAMES]
    if unknown:
        raise ConfigError(f"there is no judge {unknown[0]!r}; {suggest(unknown[0], JUDGE_NAMES)}")
    config = BuildConfig(board=board, faces_per_s=faces_per_s, clk_mhz=clk_mhz)
    workspace = Workspace(work)
    faces = _identity_set(dataset, workspace, people, enlarge, seed)
    folds = min(_FOLDS, len(set(faces.people.tolist())) // 2)
    settings = PrivacySettings(folds=folds, pairs_per_fold=pairs, train_pictures=train_pictures, seed=seed)
    makers = _Makers(net, config, workspace, crop_side, seed)
    results = _measure(names, makers, faces, judges, seen or [], settings)
    command = shlex.join(["hw-anon", *sys.argv[1:]])
    files = write_privacy_report(results, settings, out, command=command)
    if as_json:
        emit_document([row for result in results for row in result.rows()])
        return
    columns, rows = privacy_table(results)
    for method, *cells in rows:
        print_table(method, ("figure", "value [95 % interval]"), list(zip(columns[1:], cells, strict=True)))
    for kind, path in files.items():
        note(f"{kind}: {path}")


@dataclass(frozen=True, slots=True)
class _Makers:
    """Makes backends by name, a build only when one is asked for."""

    net: str
    config: BuildConfig
    workspace: Workspace
    crop_side: int
    seed: int

    def make(self, name: str) -> tuple[ModifierBackend, int]:
        """Returns a backend and the side of its crops."""
        from hw_anon.evaluate.baselines import make_baseline

        if name not in _BUILT:
            return make_baseline(name, seed=self.seed), self.crop_side
        finished = self.workspace.built(self.net, self.config, on_stage=note_stage)
        side = int(finished.contract.input.shape[1])
        return (finished.twin() if name == "twin" else finished.rtl_backend()), side


def _names(asked: list[str], baselines: bool) -> list[str]:
    """Returns the backends to measure, each once.

    Raises:
        ConfigError: if one does not exist.
    """
    from hw_anon.evaluate.baselines import BASELINE_NAMES

    known = (*BASELINE_NAMES, *_BUILT)
    for name in asked:
        if name not in known:
            raise ConfigError(f"there is no backend {name!r}; {suggest(name, known)}")
    return list(dict.fromkeys([*(BASELINE_NAMES if baselines or not asked else ()), *asked]))


def _identity_set(dataset: str, workspace: Workspace, people: int | None, enlarge: float, seed: int) -> IdentityFaces:
    """Loads an identity set.

    Raises:
        ConfigError: if there is none of that name.
    """
    from hw_anon.data.att import load_att_faces
    from hw_anon.evaluate.faces import att_identity_faces

    if dataset not in _SETS:
        raise ConfigError(f"there is no identity set {dataset!r}; {suggest(dataset, _SETS)}")
    pictures = load_att_faces(workspace.downloads)
    with status("finding the faces"):
        return att_identity_faces(pictures, people=people, enlarge=enlarge, seed=seed)


def _measure(
    names: list[str],
    makers: _Makers,
    faces: IdentityFaces,
    judges: list[str],
    seen: list[str],
    settings: PrivacySettings,
) -> list[PrivacyResult]:
    """Measures every method on the same pictures and pairs."""
    from hw_anon.evaluate.judges import load_judge
    from hw_anon.evaluate.protocol import Originals, evaluate_privacy

    results = []
    with progress() as display:
        task = display.add_task("originals")
        method = "originals"

        def advance(what: str, done: int, total: int) -> None:
            display.update(task, description=f"{method}, judged by {what}", completed=done, total=total)

        originals = Originals(faces, [load_judge(name) for name in judges], on_progress=advance)
        for name in names:
            method = name
            backend, side = makers.make(name)
            known = seen if name in _BUILT else ()
            results.append(
                evaluate_privacy(backend, originals, crop_side=side, seen=known, settings=settings, on_progress=advance)
            )
    return results
