"""The co-design search: size and precision of the modifier, what they cost on a board, what they leave of a person.

Each trial draws a network, asks what its cheapest folding at the wanted rate takes of the board, and, if it fits,
trains it briefly and measures it as the chip computes it. Nothing here knows how the cost is found or the network
trained: both are handed in. The study lives in a journal file, so that a stopped search goes on, and machines that see
the same file share one search.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hw_anon.core.atomic import write_text_atomically
from hw_anon.core.config import Config, require_range
from hw_anon.core.errors import ConfigError, HwAnonError, ToolError
from quant.modifier import ModifierConfig

if TYPE_CHECKING:
    import optuna

__all__ = ["Cost", "Measured", "Point", "SearchSpace", "front", "run_search", "search_points", "write_search"]

OBJECTIVES = ("identity", "error", "share")
"""What is minimised: AUC of verification between original and modified faces, L1 to what the teacher answers, and the
largest share of the board's LUTs, DSPs or block RAMs."""
_WORST = 1.0
_EXCESS = "excess"


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchSpace(Config):
    """What a network may be."""

    widths: tuple[int, ...] = (8, 12, 16, 24, 32, 48, 64)
    """Channels of a stage; the three stages do not become narrower."""
    most_blocks: int = 5
    """Residual blocks at most."""
    weight_bits: tuple[int, ...] = (2, 3, 4)
    """Bits of the weights within."""
    act_bits: tuple[int, ...] = (2, 3, 4)
    """Bits of the activations within."""
    input_size: int = 64
    """Side of a crop."""
    key_channels: int = 0
    """Key channels."""

    def __post_init__(self) -> None:
        if not self.widths or not self.weight_bits or not self.act_bits:
            raise ConfigError("SearchSpace: widths, weight_bits and act_bits need one choice at least")
        require_range(self, "most_blocks", 0, 9)

    def draw(self, trial: optuna.Trial) -> ModifierConfig:
        """Returns the network of a trial."""
        widths = sorted(int(trial.suggest_categorical(f"width{i}", list(self.widths))) for i in range(3))
        act_bits = int(trial.suggest_categorical("act_bits", list(self.act_bits)))
        return self._network(
            widths=(widths[0], widths[1], widths[2]),
            blocks=trial.suggest_int("blocks", 0, self.most_blocks),
            weight_bits=int(trial.suggest_categorical("weight_bits", list(self.weight_bits))),
            act_bits=act_bits,
        )

    def parameters(self, config: ModifierConfig) -> dict[str, int] | None:
        """Returns what `draw` has to be given for a network; `None` if it is not one of these."""
        chosen = {f"width{i}": width for i, width in enumerate(config.widths)}
        chosen |= {"act_bits": config.act_bits, "blocks": config.blocks, "weight_bits": config.weight_bits}
        allowed = (
            set(config.widths) <= set(self.widths)
            and config.act_bits in self.act_bits
            and config.weight_bits in self.weight_bits
            and config.blocks <= self.most_blocks
        )
        same = allowed and config == self._network(
            widths=config.widths,
            blocks=config.blocks,
            weight_bits=config.weight_bits,
            act_bits=config.act_bits,
        )
        return chosen if same else None

    def _network(self, *, widths: tuple[int, int, int], blocks: int, weight_bits: int, act_bits: int) -> ModifierConfig:
        return ModifierConfig(
            input_size=self.input_size,
            widths=widths,
            blocks=blocks,
            weight_bits=weight_bits,
            act_bits=act_bits,
            branch_bits=min(act_bits + 1, 8),
            key_channels=self.key_channels,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What a network takes of a board at the wanted rate, by estimate."""

    share: float
    """Largest share of LUTs, DSPs or block RAMs."""
    excess: str
    """What goes beyond the budget; empty if the network fits."""
    details: dict[str, Any]
    """The folding's figures, JSON values."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What a trained network does to faces of people never seen."""

    identity: float
    """AUC of verification between original and modified faces: 0.5 is chance."""
    error: float
    """L1 between its faces and those that its teacher answers, 0..1."""
    details: dict[str, Any]
    """Further figures, JSON values."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """A finished trial."""

    number: int
    """Number of the trial."""
    config: dict[str, Any]
    """The network."""
    identity: float
    """See `Measured.identity`; 1 if it does not fit and was not trained."""
    error: float
    """See `Measured.error`; 1 likewise."""
    share: float
    """See `Cost.share`."""
    excess: str
    """See `Cost.excess`."""
    details: dict[str, Any]
    """Figures of folding and training."""


def run_search(
    journal: Path,
    *,
    name: str,
    space: SearchSpace,
    cost: Callable[[ModifierConfig], Cost],
    measure: Callable[[ModifierConfig], Measured],
    trials: int,
    seed: int,
    first: Sequence[ModifierConfig] = (),
    on_point: Callable[[Point], None] | None = None,
) -> list[Point]:
    """Goes on with a search until its journal has so many finished trials, those of other machines counted.

    Args:
        journal: the journal file, made if missing.
        name: name of the study in it: another board, rate, training or set of people is another study.
        space: what networks may be.
        cost: what a network takes.
        measure: trains and measures a network that fits.
        trials: finished trials in the end.
        seed: seed of the sampler; a search that goes on draws on from there, it does not draw the same networks again.
        first: networks that are tried before any is drawn, each once in a study; those outside of `space` are left out.
        on_point: called after each trial of this process.

    Raises:
        ToolError: if Optuna is not installed.
    """
    study = _open(journal, name, seed)
    library = _import_optuna()
    finished = (library.trial.TrialState.COMPLETE,)

    def objective(trial: optuna.Trial) -> tuple[float, float, float]:
        config = space.draw(trial)
        trial.set_user_attr("config", config.as_json())
        try:
            taken = cost(config)
        except HwAnonError as exc:  # no folding reaches the rate: as informative as one that is too large
            taken = Cost(share=10.0, excess=str(exc), details={})
        trial.set_user_attr(_EXCESS, taken.excess)
        trial.set_constraint(_EXCESS, 1.0 if taken.excess else -1.0)
        trial.set_user_attr("cost", taken.details)
        if taken.excess:
            return _WORST, _WORST, taken.share
        measured = measure(config)
        trial.set_user_attr("measured", measured.details)
        return measured.identity, measured.error, taken.share

    def done(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        del study
        if on_point and trial.state in finished:
            on_point(_point(trial))

    for asked in map(space.parameters, first):
        if asked is not None:
            study.enqueue_trial(asked, skip_if_exists=True)
    have = len(study.get_trials(deepcopy=False, states=finished))
    if have < trials:
        enough = library.study.MaxTrialsCallback(trials, states=finished)
        study.optimize(objective, n_trials=trials - have, callbacks=[enough, done])
    return search_points(journal, name=name)


def search_points(journal: Path, *, name: str) -> list[Point]:
    """Returns the finished trials of a study, oldest first.

    Raises:
        ToolError: if Optuna is not installed.
    """
    finished = (_import_optuna().trial.TrialState.COMPLETE,)
    return [_point(trial) for trial in _open(journal, name, 0).get_trials(deepcopy=False, states=finished)]


def front(points: Sequence[Point]) -> list[Point]:
    """Returns the points that fit and that no other fitting one beats in all three objectives, cheapest first."""

    def values(point: Point) -> tuple[float, float, float]:
        return point.identity, point.error, point.share

    fitting = [point for point in points if not point.excess]
    kept = {
        values(point): point
        for point in fitting
        if not any(
            values(other) != values(point) and all(a <= b for a, b in zip(values(other), values(point), strict=True))
            for other in fitting
        )
    }
    return sorted(kept.values(), key=lambda point: point.share)


def write_search(points: Sequence[Point], directory: Path, *, title: str, command: str) -> dict[str, Path]:
    """Writes `search.json` and `search.png` into a directory; returns the files by kind.

    Args:
        points: all finished trials.
        directory: made if missing.
        title: what was searched for, for the picture.
        command: the command that did.
    """
    from quant.search_figure import draw_search

    directory.mkdir(parents=True, exist_ok=True)
    files = {"json": directory / "search.json", "figure": directory / "search.png"}
    best = front(points)
    document = {
        "title": title,
        "command": command,
        "objectives": list(OBJECTIVES),
        "points": [asdict(point) for point in points],
        "front": [point.number for point in best],
    }
    write_text_atomically(files["json"], json.dumps(document, indent=2) + "\n")
    draw_search(points, best, files["figure"], title=title)
    return files


def _point(trial: optuna.trial.FrozenTrial) -> Point:
    identity, error, share = trial.values
    attributes = trial.user_attrs
    return Point(
        number=trial.number,
        config=dict(attributes["config"]),
        identity=identity,
        error=error,
        share=share,
        excess=str(attributes[_EXCESS]),
        details={"cost": attributes.get("cost", {}), "measured": attributes.get("measured", {})},
    )


def _import_optuna() -> Any:
    """Imports Optuna, quietly.

    Raises:
        ToolError: if it is not installed.
    """
    try:
        import optuna
    except ImportError as exc:
        raise ToolError("the search needs Optuna; install it with: pip install 'hw-anon[search]'") from exc
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _open(journal: Path, name: str, seed: int) -> optuna.Study:
    """Opens or makes a study; what does not fit its board counts as worse than all that does."""
    library = _import_optuna()
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    journal.parent.mkdir(parents=True, exist_ok=True)
    lock = JournalFileOpenLock(str(journal))  # works on network file systems too
    storage = library.storages.JournalStorage(JournalFileBackend(str(journal), lock_obj=lock))
    study: optuna.Study = library.create_study(
        study_name=name,
        storage=storage,
        directions=["minimize"] * len(OBJECTIVES),
        load_if_exists=True,
    )
    drawn = len(study.get_trials(deepcopy=False))
    sampler_seed = int(np.random.default_rng((seed, drawn)).integers(1 << 31))
    study.sampler = library.samplers.NSGAIISampler(seed=sampler_seed, population_size=16)
    return study
