"""`hw-anon train`."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from hw_anon.cli.chip_game import chip_modifier
from hw_anon.cli.training_data import DataOptions, load_training_data, parse_frame_size
from hw_anon.cli.training_options import (
    ClipsOption,
    DeviceOption,
    EveryOption,
    FaceBoxesOption,
    FrameSizeOption,
    HeldOutOption,
    MaxPeopleOption,
    MaxPicturesOption,
    MinutesOption,
    OutOption,
    PeopleOption,
    PortraitSizeOption,
    RecipeNameOption,
    ResumeOption,
    SeedOption,
    SettingsOption,
    SkipMissingOption,
    ThreadsOption,
)
from hw_anon.cli.workspace import WorkOption
from hw_anon.console.output import JsonOption, command_line, emit_document, note, print_table, progress

if TYPE_CHECKING:
    import torch

    from hw_anon.train.config import TrainRecipe
    from hw_anon.train.distributed import World
    from hw_anon.train.loop import OnStep, Progress, Training
    from hw_anon.train.outputs import SaveModifier

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("train")(train)


def train(
    people: PeopleOption,
    clips: ClipsOption,
    out: OutOption,
    recipe_name: RecipeNameOption = "edge",
    settings: SettingsOption = None,
    seed: SeedOption = 0,
    resume: ResumeOption = False,
    device: DeviceOption = "auto",
    minutes: MinutesOption = None,
    portrait_size: PortraitSizeOption = 128,
    frame_size: FrameSizeOption = None,
    every: EveryOption = 1,
    max_people: MaxPeopleOption = None,
    max_pictures: MaxPicturesOption = None,
    held_out: HeldOutOption = 0.1,
    skip_missing: SkipMissingOption = False,
    face_boxes: FaceBoxesOption = None,
    threads: ThreadsOption = 1,
    work: WorkOption = Path("build"),
    as_json: JsonOption = False,
) -> None:
    """Train a modifier by the game of modifier, face classifiers and action detector (Algorithm 1).

    Writes modifier.safetensors, detector.safetensors, the classifiers, recipe.json, metrics.json, log.jsonl,
    TensorBoard events and samples.png. Recipes of the chip (chip-s, chip-m, chip-s-keyed) write chip/ in place of the
    first, a network that every other command takes as --net OUT/chip, and distilled/, what it started from.
    In photographs and videos faces are looked for before the first step, once: what was found is kept.
    Several processes: torchrun --nproc-per-node 2 -m hw_anon.cli train …

    Example: hw-anon train --recipe edge --people build/people --clips build/people --out build/edge-0 --seed 0
    """
    from hw_anon.recipes import named_recipe, with_settings

    recipe = with_settings(named_recipe(recipe_name), settings or [])
    data = DataOptions(
        people=people,
        clips=clips,
        work=work,
        face_boxes=face_boxes or work / "cache" / "faces",
        portrait_size=portrait_size,
        frame_size=parse_frame_size(frame_size),
        every=every,
        max_people=max_people,
        max_pictures=max_pictures,
        held_out=held_out,
        skip_missing=skip_missing,
        threads=threads,
    )
    run = _Run(recipe=recipe, data=data, out=out, seed=seed, device=device, resume=resume, minutes=minutes)
    metrics, finished = run.go()
    if metrics is None:
        return
    if as_json:
        emit_document({"directory": str(out), **metrics})
        return
    _show(metrics)
    note(f"{'finished' if finished else 'stopped, --resume goes on'}: {out}")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Run:
    """One training run as it was asked for."""

    recipe: TrainRecipe
    data: DataOptions
    out: Path
    seed: int
    device: str
    resume: bool
    minutes: float | None

    def go(self) -> tuple[dict[str, Any] | None, bool]:
        """Trains; returns the figures, in the leading process alone, and whether the end was reached."""
        import torch

        from hw_anon.evaluate.float_backend import pick_device
        from hw_anon.train.distributed import joined, leave
        from hw_anon.train.outputs import write_outputs

        place = pick_device(self.device)
        world = joined(place)
        if place.type == "cuda" and world.size > 1:
            place = torch.device("cuda", world.rank % torch.cuda.device_count())
        training, described, save = self._training(place, world)
        if self.resume and training.resume() and world.leads:
            note(f"going on at step {training.step:,} of {training.schedule.total:,}")
        bar, advance = _progress_bar(self.recipe.name, training.schedule.total, shown=world.leads)
        with bar:
            finished = training.run(minutes=self.minutes, on_step=advance)
        leave(world)
        if not world.leads:
            return None, finished
        return write_outputs(training, command=command_line(), data=described, save=save), finished

    def _training(self, place: torch.device, world: World) -> tuple[Training, dict[str, Any], SaveModifier | None]:
        """Reads the data and sets the run up.

        Raises:
            ConfigError: if the directory holds another run.
        """
        from hw_anon.core.errors import ConfigError
        from hw_anon.train.loop import STATE_FILE, Training
        from hw_anon.train.players import build_players

        if (self.out / STATE_FILE).exists() and not self.resume:
            raise ConfigError(f"{self.out} holds the checkpoint of a run: give --resume to go on, or another --out")
        with progress() as bar:

            def watch(what: str) -> Any:
                task = bar.add_task(what, total=None)
                return lambda done, total: bar.update(task, completed=done, total=total)

            data, described = load_training_data(self.data, watch)
        modifier, save = chip_modifier(
            self.recipe, data, described, self.out, seed=self.seed, device=str(place), world=world
        )
        data = data.to(place)
        actions = len(data.frames.actions)
        players = build_players(
            self.recipe, data.faces, actions=actions, seed=self.seed, modifier=modifier, device=place
        )
        training = Training(self.recipe, players, data, directory=self.out, seed=self.seed, device=place, world=world)
        return training, described, save


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
