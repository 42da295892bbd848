"""A modifier for the chip learns what a trained float modifier does: the warm start of the quantised game.

The student sees faces cut as the camera cuts them, some with a thing before them. Its target is the teacher's answer
to the face *without* the thing, and the thing itself where it covers the face: so it learns from the start what the
teacher does not know, to leave objects alone. Precision comes down in stages: weights that were found at 8 bits start
the search at 6, those start it at 4.

The teacher may also be drawn, see `distil_lessons`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hw_anon.core.errors import ContractError
from hw_anon.data.banks import FaceBank
from hw_anon.train.batches import step_generator
from quant.backend import QatBackend
from quant.distil_actions import ActionWatch, held_batch_norms
from quant.distil_lessons import Teacher, draw_lesson, examples
from quant.distil_losses import Lesson, Recogniser, pixel_loss
from quant.distil_recipe import DistilRecipe
from quant.export import integer_net, weights_sha256
from quant.float_twin import TWIN_FILE, FloatTwin, float_twin_onnx
from quant.modifier import Modifier, ModifierConfig
from quant.quick import QuickNet
from quant.training import freeze_batch_norms, read_checkpoint, write_checkpoint, write_trained, write_weights
from quant.zoo import load_net, net_record

__all__ = [
    "distil",
    "distil_metrics",
    "distil_network",
    "noted_recipe",
    "save_distilled",
    "starting_state",
]

PURPOSE = "modifier for the chip, distilled from a float modifier"
_CHUNK = 64


def distil(
    recipe: DistilRecipe,
    teacher: Teacher,
    faces: FaceBank,
    *,
    checkpoint: Path,
    teacher_hash: str = "",
    watch: ActionWatch | None = None,
    on_step: Callable[[int, float], None] | None = None,
) -> Modifier:
    """Trains a student; a run that was interrupted goes on from its checkpoint.

    Args:
        recipe: what to train and how.
        teacher: whose answers are learned, on the recipe's device.
        faces: pictures of training people, on the recipe's device.
        checkpoint: file for the checkpoint, removed at the end.
        teacher_hash: what tells the teacher from others: a checkpoint is of one recipe, network, teacher and faces.
        watch: who watches actions, if the recipe has `actions`.
        on_step: called with the step's number (from 1) and its loss.

    Returns:
        The student on the CPU, in evaluation mode.

    Raises:
        ConfigError: if the checkpoint belongs to another run.
        ContractError: if the checkpoint or the start is corrupt or of another network.
    """
    return distil_network(
        recipe,
        recipe.student,
        teacher,
        faces,
        checkpoint=checkpoint,
        teacher_hash=teacher_hash,
        watch=watch,
        on_step=on_step,
    )


def distil_network(
    recipe: DistilRecipe,
    config: ModifierConfig,
    teacher: Teacher,
    faces: FaceBank,
    *,
    checkpoint: Path,
    teacher_hash: str = "",
    watch: ActionWatch | None = None,
    on_step: Callable[[int, float], None] | None = None,
) -> Modifier:
    """Trains a student of any configuration, see `distil`."""
    torch.manual_seed(recipe.seed)
    stages = recipe.stages(config)
    assert (watch is None) == (recipe.actions is None), "made for recipes with actions"
    origin = {"network": config.as_json(), "teacher": teacher_hash, "faces": faces.content_hash()}
    origin |= {} if watch is None else {"actions": watch.origin()}
    identity = {**recipe.to_dict(), **origin}
    resumed = read_checkpoint(checkpoint, identity)
    state: Mapping[str, Tensor] | None = None if recipe.start is None else starting_state(recipe.start, config)
    state = resumed["net"] if resumed else state
    first = int(resumed["step"]) if resumed else 0
    for index, (begin, staged) in enumerate(stages):
        end = stages[index + 1][0] if index + 1 < len(stages) else recipe.steps
        if first >= end or begin == end:
            continue
        net = _stage(recipe, staged, state, end - begin, faces if end == recipe.steps else None)
        net.watch = watch
        if resumed and first > begin:
            net.load(resumed)
        for step in range(max(first, begin), end):
            loss = net.step(step - begin, draw_lesson(recipe, teacher, faces, staged, step))
            if on_step:
                on_step(step + 1, loss)
            if (step + 1) % recipe.checkpoint_every == 0 and step + 1 < recipe.steps:
                write_checkpoint(checkpoint, {"recipe": identity, "step": step + 1, **net.state()})
        state = net.net.state_dict()
    checkpoint.unlink(missing_ok=True)
    student = Modifier(config)
    student.load_state_dict({name: tensor.cpu() for name, tensor in (state or {}).items()})
    return student.eval()


class _Stage:
    """A network at one precision with its optimiser."""

    def __init__(self, recipe: DistilRecipe, net: Modifier, steps: int, last: FaceBank | None) -> None:
        self.net, self._recipe, self._steps = net, recipe, steps
        self._frozen_from = frozen_from = round(steps * (1.0 - recipe.frozen_share)) if last else steps
        self._judged_from = round(steps * (1.0 - recipe.recogniser_share)) if last else steps
        self._recogniser: Recogniser | None = None
        self.watch: ActionWatch | None = None
        """Who watches actions in this stage."""
        self._faces = last
        self._quick: Any = torch.compile(QuickNet(net)) if recipe.quick and recipe.quantised and frozen_from else None
        self._exact = net if recipe.quantised else FloatTwin(net)
        self._optimiser = torch.optim.Adam(net.parameters(), lr=recipe.learning_rate)
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimiser, recipe.learning_rate, total_steps=max(steps, 2), pct_start=0.1
        )
        net.train()

    def step(self, number: int, lesson: Lesson) -> float:
        """Makes one step; returns its loss."""
        if number >= self._frozen_from:
            freeze_batch_norms(self.net)
        compute = self._exact if self._quick is None or number >= self._frozen_from else self._quick
        answer = compute(lesson.seen)
        loss = pixel_loss(answer, lesson, self._recipe.edge_weight, self._recipe.terms)
        if number >= self._judged_from and self._recipe.terms.recogniser:
            loss = loss + self._likeness(answer, lesson, number)
        if self.watch is not None and self.watch.due(number):
            with held_batch_norms(self.net):
                loss = loss + self.watch.loss(self._exact, self.net.config.input_size, number)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 10.0)
        self._optimiser.step()
        self._schedule.step()
        return float(loss.detach())

    def _likeness(self, answer: Tensor, lesson: Lesson, number: int) -> Tensor:
        if self._recogniser is None:
            assert self._faces is not None, "only the last stage is judged"
            self._recogniser = Recogniser(self._faces, self.net.config.input_size)
        generator = step_generator(self._recipe.seed, number, "likeness")
        return self._recogniser.loss(answer, lesson, self._recipe.terms, generator)

    def state(self) -> dict[str, Any]:
        """Returns what a checkpoint holds."""
        parts = {"net": self.net, "optimiser": self._optimiser, "schedule": self._schedule}
        return {name: part.state_dict() for name, part in parts.items()}

    def load(self, state: Mapping[str, Any]) -> None:
        """Goes on from a checkpoint; the network's own state is in it already."""
        self._optimiser.load_state_dict(state["optimiser"])
        self._schedule.load_state_dict(state["schedule"])


def _stage(
    recipe: DistilRecipe,
    config: ModifierConfig,
    state: Mapping[str, Tensor] | None,
    steps: int,
    last: FaceBank | None,
) -> _Stage:
    """Returns a stage; `last` is the bank for the last one, else `None`."""
    net = Modifier(config)
    if state is not None:
        net.load_state_dict(state)  # before the optimiser: Brevitas replaces learned scales on loading
    return _Stage(recipe, net.to(recipe.device), steps, last)


def starting_state(directory: Path, config: ModifierConfig) -> dict[str, Tensor]:
    """Returns the weights in a directory as a network of some configuration may start from them.

    Bits may differ, and the weights may lack the key: nobody heeds it then at first.

    Raises:
        ContractError: if they are missing or of another network.
    """
    state = load_net(str(directory)).state_dict()
    wanted = Modifier(config).state_dict()
    first = "stem.0.conv.weight"
    if state[first].shape[1] < wanted[first].shape[1]:
        extra = torch.zeros_like(wanted[first])
        extra[:, : state[first].shape[1]] = state[first]
        state[first] = extra
    if state.keys() != wanted.keys() or any(state[name].shape != tensor.shape for name, tensor in wanted.items()):
        raise ContractError(f"{directory}: holds the weights of another network")
    return state


@torch.no_grad()
def distil_metrics(
    net: Modifier, teacher: Teacher, faces: FaceBank, *, quantised: bool = True, most: int = 512
) -> dict[str, Any]:
    """Measures the integer network, which the chip computes, against its teacher on faces without jitter.

    Args:
        net: the student on the CPU, in evaluation mode.
        teacher: on the CPU.
        faces: pictures of people who were not trained on, on the CPU.
        quantised: whether the student rounds; its float twin is measured otherwise.
        most: pictures at most, taken evenly.

    Returns:
        Mean absolute differences in 0..1: student to teacher, as trained and as integers; both to the original.
    """
    indices = torch.linspace(0, len(faces) - 1, min(most, len(faces))).round().long()
    seen, answer = examples(teacher, faces, indices, net.config)
    compute = net if quantised else FloatTwin(net)
    trained = torch.cat([compute(part) for part in seen.split(_CHUNK)]).clamp(0.0, 1.0)
    computed, kind = (_integers(net, seen), "integer") if quantised else (trained, "float")
    crops = seen[:, :3]

    def distance(a: Tensor, b: Tensor) -> float:
        return round(float((a - b).abs().mean()), 5)

    return {
        "pictures": len(crops),
        "people": int(faces.labels[indices].unique().numel()),
        **({"l1_to_teacher_qat": distance(trained, answer)} if quantised else {}),
        f"l1_to_teacher_{kind}": distance(computed, answer),
        f"l1_to_original_{kind}": distance(computed, crops),
        "l1_of_teacher_to_original": distance(answer, crops),
    }


def _integers(net: Modifier, seen: Tensor) -> Tensor:
    """Returns what the chip would answer, `[N, 3, S, S]` 0..1."""
    levels = (seen * 255.0).round().byte().permute(0, 2, 3, 1).contiguous().numpy()
    answers = QatBackend(integer_net(net)).modify(levels).astype(np.float32)
    return torch.from_numpy(answers).permute(0, 3, 1, 2) / 255


def save_distilled(
    net: Modifier,
    recipe: DistilRecipe,
    directory: Path,
    *,
    metrics: Mapping[str, Any],
    teacher: Mapping[str, Any],
    data: Mapping[str, Any],
) -> dict[str, Any]:
    """Writes weights, recipe and metrics into `directory` (atomically) and returns the metrics.

    A float twin's weights are written as ONNX: it is no network of the chip.

    Args:
        net: the student.
        recipe: how it was trained; the start must still be there.
        directory: made anew.
        metrics: what `distil_metrics` measured.
        teacher: who taught, with the judges that its training saw, and the student's purpose if it is another than
            usual, as JSON values.
        data: where the faces come from.
    """
    purpose = teacher.get("purpose", PURPOSE) + ("" if recipe.quantised else "; its float twin, without rounding")
    measured = {
        "purpose": purpose,
        "held_out": dict(metrics),
        "macs_per_inference": net.macs(),
        "weights_sha256": weights_sha256(net),
    }
    if recipe.quantised:
        measured["largest_gain_change"] = round(integer_net(net).largest_gain_change, 5)
    record = {
        "purpose": purpose,
        "data": dict(data),
        "teacher": {name: value for name, value in teacher.items() if name != "purpose"},
        "judges_seen": _judges_seen(teacher, recipe),
        "seed": recipe.seed,
        "recipe": noted_recipe(recipe),
        "config": net.config.as_json(),
        "torch": torch.__version__,
    }
    if recipe.quantised:
        write_weights(net, directory, record=record, metrics=measured)
    else:
        write_trained(TWIN_FILE, float_twin_onnx(net), directory, record=record, metrics=measured)
    return measured


def noted_recipe(recipe: DistilRecipe) -> dict[str, Any]:
    """Returns a recipe as a record has it: of where it starts only the name, no path of a machine."""
    return replace(recipe, start=None if recipe.start is None else Path(recipe.start.name)).to_dict()


def _judges_seen(teacher: Mapping[str, Any], recipe: DistilRecipe) -> list[str]:
    """Returns the public recognisers that the teacher's training saw, or that of the weights it started from."""
    start = {} if recipe.start is None else net_record(str(recipe.start))
    own = ("sface",) if recipe.terms.recogniser and recipe.recogniser_share else ()
    return sorted({*teacher.get("judges_seen", ()), *start.get("judges_seen", ()), *own})
