"""What is measured while training goes on, on people and clips that it never sees.

The figures steer a run; published ones come from `hw_anon.evaluate`, with judges of their own and intervals. Here every
classifier D judges: on original faces it must stay honest (the paper: 94.75 % verification), on modified ones it is to
be fooled (66.95 %).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from hw_anon.core.errors import ContractError
from hw_anon.data.banks import FaceBank, FrameBank
from hw_anon.losses.detection import detection_loss
from hw_anon.train.batches import NO_JITTER, FaceBatch, cut_faces, draw_nothing, pick_frames, step_generator, step_seed
from hw_anon.train.steps import Table

__all__ = ["HeldOut", "auc", "held_out_faces", "make_pairs", "validate", "verification_accuracy"]

_CHUNK = 64


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class HeldOut:
    """Data that no step trains on."""

    faces: FaceBank
    """People who are not in the training set."""
    frames: FrameBank
    """Clips of people who are not in the training set."""


def auc(scores: Tensor, same: Tensor) -> float:
    """Returns the area under the ROC curve: how often a pair of one person scores above a pair of two.

    Args:
        scores: `[P]`.
        same: `[P]` bool; both kinds occur.
    """
    values, inverse = scores.double().unique(return_inverse=True)
    counts = torch.bincount(inverse, minlength=len(values)).double()
    ranks = counts.cumsum(0) - (counts - 1) / 2  # ties share their mean rank
    positive, negative = int(same.sum()), int((~same).sum())
    total = float(ranks[inverse][same].sum())
    return (total - positive * (positive + 1) / 2) / (positive * negative)


def verification_accuracy(scores: Tensor, same: Tensor) -> float:
    """Returns the share of pairs that are judged rightly, each half by the best threshold of the other half.

    Args:
        scores: `[P]`; a pair is accepted at or above the threshold.
        same: `[P]` bool.
    """
    halves = [slice(0, len(scores) // 2), slice(len(scores) // 2, None)]
    right = 0
    for chosen, tested in (halves, halves[::-1]):
        candidates = scores[chosen].unique()
        fits = ((scores[chosen][None] >= candidates[:, None]) == same[chosen][None]).double().mean(1)
        right += int(((scores[tested] >= candidates[fits.argmax()]) == same[tested]).sum())
    return right / len(scores)


def make_pairs(labels: Tensor, most: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Returns pairs of pictures, half of them of one person.

    Args:
        labels: `[N]` int64; at least two people, one of them with two pictures.
        most: pairs at most.
        seed: seed of the choice.

    Returns:
        Left and right index `[P]` int64, and whether both are one person `[P]` bool; kinds alternate.

    Raises:
        ContractError: if there are no two pictures of one person, or no two people.
    """
    generator = step_generator(seed, 0, "pairs")
    left, right = torch.triu_indices(len(labels), len(labels), 1)
    same = labels[left] == labels[right]
    kinds = [torch.nonzero(same)[:, 0], torch.nonzero(~same)[:, 0]]
    count = min(most // 2, *map(len, kinds))
    if count == 0:
        raise ContractError("held-out faces: verification needs two people at least, and two pictures of one of them")
    chosen = [kind[torch.randperm(len(kind), generator=generator)[:count]] for kind in kinds]
    order = torch.stack(chosen, 1).reshape(-1)
    return left[order], right[order], same[order]


def held_out_faces(table: Table, bank: FaceBank, count: int) -> FaceBatch:
    """Returns `count` faces of a bank, spread evenly, without jitter."""
    indices = _spread(len(bank), count)
    return cut_faces(bank, indices, table.players.size, NO_JITTER, draw_nothing(len(indices)))


@torch.no_grad()
def validate(table: Table, data: HeldOut, seed: int) -> dict[str, Any]:
    """Measures the players as they are, in this process alone; leaves their modes as they were.

    Args:
        table: the game.
        data: what is held out, on the players' device (boxes and labels of frames on the CPU).
        seed: seed of pairs and samples.

    Returns:
        `l1` of M on held-out faces; for each classifier accuracy and AUC of verification among originals, among
        modified faces, and between both; `action_loss` on modified and `action_loss_clear` on unmodified frames;
        sample sizes.
    """
    settings = table.recipe.validation
    modes = {name: module.training for name, module in table.players.modules().items()}
    for name, module in table.players.modules().items():
        module.train(name == "detector")  # A tells its losses in training mode only
    faces = held_out_faces(table, data.faces, settings.faces)
    modified = torch.cat([table.modify(part) for part in faces.images.split(_CHUNK)])
    report: dict[str, Any] = {"l1": float((modified - faces.images).abs().mean())}
    report |= _identity(table, faces, modified, settings.pairs, seed)
    report |= _actions(table, data.frames, settings.frames, seed)
    for name, module in table.players.modules().items():
        module.train(modes[name])
    return report


def _identity(table: Table, faces: FaceBatch, modified: Tensor, most: int, seed: int) -> dict[str, Any]:
    left, right, same = make_pairs(faces.labels.cpu(), most, seed)
    judges = []
    for classifier in table.players.classifiers:

        def features(images: Tensor, classifier: Any = classifier) -> Tensor:
            parts = zip(images.split(_CHUNK), faces.landmarks.split(_CHUNK), strict=True)
            embedded = [table.features(classifier, part, landmarks) for part, landmarks in parts]
            return F.normalize(torch.cat(embedded), dim=1).cpu()

        original, changed = features(faces.images), features(modified)
        protocols = {
            "original": (original, original),
            "modified": (changed, changed),
            "crossed": (original, changed),
        }
        judge: dict[str, Any] = {"kind": classifier.config.kind}
        for name, (first, second) in protocols.items():
            scores = (first[left] * second[right]).sum(1)
            judge[name] = {"accuracy": verification_accuracy(scores, same), "auc": auc(scores, same)}
        judges.append(judge)
    return {"classifiers": judges, "faces": len(faces.labels), "pairs": len(same)}


def _actions(table: Table, bank: FrameBank, count: int, seed: int) -> dict[str, Any]:
    indices = _spread(len(bank), count)
    losses: dict[str, list[Tensor]] = {"action_loss": [], "action_loss_clear": []}
    for part in indices.split(table.recipe.game.frames):
        seeds = [step_seed(seed, i, "validation") for i in part.tolist()]
        batch = pick_frames(bank, part, NO_JITTER, draw_nothing(len(part)), seeds)
        for name, frames in (("action_loss", table.modify_frames(batch)), ("action_loss_clear", batch.frames)):
            losses[name].append(detection_loss(table.detect(frames, batch, shared=False)) * len(part))
    means = {name: float(torch.stack(values).sum() / len(indices)) for name, values in losses.items()}
    return means | {"frames": len(indices)}


def _spread(count: int, wanted: int) -> Tensor:
    """Returns `wanted` indices (or all) spread evenly over 0 to count-1."""
    return torch.linspace(0, count - 1, min(count, wanted)).round().long()
