"""How `hw-anon search` trains the network of a trial and measures it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quant.distil_recipe import DistilRecipe
    from quant.modifier import ModifierConfig
    from quant.search import Measured
    from quant.search_kept import KeptMeasures

__all__ = ["SearchTraining", "measuring"]

_QUICK_FROZEN = 0.1  # frozen steps are exact ones, three times slower


@dataclass(frozen=True, slots=True, eq=False)
class SearchTraining:
    """How the networks of all trials are trained and measured."""

    people: Path
    teacher: str
    steps: int = field(kw_only=True)
    batch: int = field(kw_only=True)
    pictures: int = field(kw_only=True)
    quick: bool = field(kw_only=True)
    device: str = field(kw_only=True)

    def name(self) -> str:
        """Returns what tells it from others; the device is left out."""
        from hw_anon.cli.chip_game import teacher_file
        from hw_anon.cli.drawn_teacher import AVERAGE
        from hw_anon.core.hashing import sha256_bytes, sha256_file
        from hw_anon.data.samples import require_file
        from hw_anon.train.average_face import AverageFaceConfig

        index = require_file(self.people / "people.jsonl", "a synthetic set, made by hw-anon synthesise")
        drawn = self.teacher == AVERAGE
        asked = AverageFaceConfig().content_hash() if drawn else sha256_file(teacher_file(self.teacher))
        parts = [sha256_file(index), asked, self.steps, self.batch, self.pictures, self.quick]
        return sha256_bytes(repr(parts).encode())[:12]


def measuring(training: SearchTraining, kept: KeptMeasures) -> Callable[[ModifierConfig], Measured]:
    """Returns what distils a network and measures it; pictures are read when the first one is trained."""
    import torch

    from quant.distil import distil_network
    from quant.search import Measured
    from quant.search_measure import measure_student

    held: dict[str, Any] = {}

    def measure(config: ModifierConfig) -> Measured:
        known = kept.get(config)
        if known is not None:
            return known
        if not held:
            held.update(_lessons(training))
        torch.compiler.reset()  # it gives up on compiling a class that has come in eight shapes
        with tempfile.TemporaryDirectory() as scratch:  # a trial that was stopped is drawn anew, never gone on with
            checkpoint = Path(scratch) / "trial.pt"
            net = distil_network(_recipe(training), config, held["teacher"], held["train"], checkpoint=checkpoint)
        figures = measure_student(net, held["judge"], held["test"], most=training.pictures)
        measured = Measured(identity=figures["auc_original_modified"], error=figures["l1_to_teacher"], details=figures)
        kept.put(config, measured)
        return measured

    return measure


def _recipe(training: SearchTraining) -> DistilRecipe:
    """Returns how each network is distilled; only a longer training asks SFace.

    Quick trainings have no stages of more bits: each would be compiled anew.
    """
    from hw_anon.cli.drawn_teacher import AVERAGE
    from quant.distil_losses import HIDING, NO_TERMS
    from quant.distil_recipe import DistilRecipe

    recipe = DistilRecipe(
        net="modifier-s",
        steps=training.steps,
        batch=training.batch,
        terms=HIDING if training.teacher == AVERAGE else NO_TERMS,
        device=training.device,
    )
    return replace(recipe, quick=True, bits=(), frozen_share=_QUICK_FROZEN) if training.quick else recipe


def _lessons(training: SearchTraining) -> dict[str, Any]:
    """Returns training and test people, who teaches, and who answers to the test people's pictures."""
    from hw_anon.cli.chip_game import teacher_file
    from hw_anon.cli.distil import load_faces
    from hw_anon.cli.drawn_teacher import AVERAGE, DrawnOptions, draw_teacher
    from hw_anon.nets.checkpoint import load_modifier

    (train, test), _ = load_faces(training.people, size=128, threads=1)
    banks = {"train": train.to(training.device), "test": test}
    if training.teacher == AVERAGE:
        drawn = draw_teacher(train, test, training.people, DrawnOptions())
        return {**banks, "teacher": drawn.train, "judge": drawn.test}
    teacher, judge = (load_modifier(teacher_file(training.teacher))[0].requires_grad_(False) for _ in range(2))
    return {**banks, "teacher": teacher.to(training.device), "judge": judge}
