"""One update of each player, as in Algorithm 1. Every function returns its losses as scalars without gradients.

The players' gradients never mix: while one is updated, those of all others are switched off (gradients pass through
them), and an optimiser holds the parameters of one player.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from hw_anon.losses.adversarial import classifier_loss, modifier_loss
from hw_anon.losses.detection import detection_loss
from hw_anon.losses.objective import full_objective
from hw_anon.losses.photorealistic import photorealistic_loss
from hw_anon.nets.video_path import anonymise_frames
from hw_anon.train.batches import FaceBatch, FrameBatch, soften, step_generator
from hw_anon.train.config import Bound, TrainRecipe
from hw_anon.train.distributed import World
from hw_anon.train.keys import append_keys, draw_keys
from hw_anon.train.players import Classifier, Players, frozen
from hw_anon.train.sampling import sample_counts, seed_frames, weigh_losses
from hw_anon.train.schedule import make_adam
from hw_anon.train.terms import key_terms, lost_features, occluded_l1

__all__ = [
    "Losses",
    "Table",
    "bounded",
    "embedding_similarity",
    "update_classifier",
    "update_detector",
    "update_modifier",
    "warm_up_modifier",
]

Losses = dict[str, Tensor]
"""Scalars by name, without gradients."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Table:
    """Where the game is played: the players with their optimisers, the arithmetic, the processes."""

    recipe: TrainRecipe
    """Weights and options."""
    players: Players
    """M, D and A."""
    optimisers: dict[str, torch.optim.Adam]
    """One for each player that learns, by the names in `Players.modules`."""
    device: torch.device
    """Where the players are."""
    world: World
    """The processes."""

    @classmethod
    def set_up(cls, recipe: TrainRecipe, players: Players, device: torch.device, world: World) -> Table:
        """Gives each player its optimiser."""
        optimisers = {
            name: make_adam(module.parameters(), learning_rate(recipe, name))
            for name, module in players.modules().items()
            if any(parameter.requires_grad for parameter in module.parameters())
        }
        return cls(recipe=recipe, players=players, optimisers=optimisers, device=device, world=world)

    def arithmetic(self) -> Any:
        """Returns the context in which M and D compute: bfloat16 on CUDA if the recipe says so."""
        half = self.recipe.game.precision == "bfloat16" and self.device.type == "cuda"
        return torch.autocast("cuda", dtype=torch.bfloat16) if half else nullcontext()

    def modify(self, images: Tensor, keys: Tensor | None = None) -> Tensor:
        """Returns M(f), `[N, 3, S, S]` float32.

        Args:
            images: `[N, 3, S, S]` f.
            keys: `[N, K]` key of each face; for a keyed M without it, one and the same for all, always.
        """
        if self.players.key_channels:
            if keys is None:
                fixed = draw_keys(1, self.players.key_channels, step_generator(0, 0, "one power-up"))
                keys = fixed.to(images.device).expand(len(images), -1)
            images = append_keys(images, keys)
        exact = self.recipe.game.modifier_precision == "float32"
        with nullcontext() if exact else self.arithmetic():
            modified: Tensor = self.players.modifier(images)
        return modified.float()

    def features(self, classifier: Classifier, images: Tensor, landmarks: Tensor) -> Tensor:
        """Returns D's features, `[N, E]` float32."""
        with self.arithmetic():
            features: Tensor = classifier(images, landmarks)
        return features.float()

    def modify_frames(self, batch: FrameBatch) -> Tensor:
        """Returns v', differentiable in M; a frame without a face is v itself (note 1 on Algorithm 1)."""
        return self.play_frames(batch)[0]

    def play_frames(self, batch: FrameBatch) -> tuple[Tensor, Tensor]:
        """Returns v', and the mean L1 between its faces and those of v, `[]`, 0 without a face."""
        distances = [batch.frames.new_zeros(())]
        counts = torch.tensor([len(listed) for listed in batch.regions], device=batch.frames.device)

        def modify(crops: Tensor) -> Tensor:
            keys = None if batch.keys is None else batch.keys.repeat_interleave(counts, 0)
            modified = self.modify(crops, keys)
            distances.append((modified - crops).abs().mean())
            return modified

        size = self.players.size
        return anonymise_frames(batch.frames, batch.regions, modify, size=size, rounding=False), distances[-1]

    def renew_optimiser(self, name: str) -> torch.optim.Adam:
        """Gives a player a fresh optimiser at its present learning rate, and returns it."""
        rate = self.optimisers[name].param_groups[0]["lr"]
        self.optimisers[name] = make_adam(self.players.modules()[name].parameters(), rate)
        return self.optimisers[name]

    def detect(self, frames: Tensor, batch: FrameBatch, *, shared: bool = True) -> Losses:
        """Returns A's four losses of equation (1), *with* gradients.

        Args:
            frames: `[B, 3, H, W]` v or v'.
            batch: what is in them, and the frames' seeds.
            shared: whether the batch is this process's share, so that the losses are weighted for the mean over
                processes, which then all have to call this.
        """
        seed_frames(self.players.detector, batch.seeds)
        losses: Losses = self.players.detector(frames, batch.targets)
        if not shared or self.world.size == 1:
            return losses
        counts = sample_counts(self.players.detector).to(frames.device)
        return weigh_losses(losses, counts, self.world.mean(counts))

    def take(self, name: str, max_norm: float | None = None) -> None:
        """Averages one player's gradients over the processes, limits their norm, and makes its optimiser's step."""
        optimiser = self.optimisers[name]
        parameters: list[nn.Parameter] = optimiser.param_groups[0]["params"]
        self.world.average_gradients(parameters)
        if max_norm is not None:
            nn.utils.clip_grad_norm_(parameters, max_norm)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)


def learning_rate(recipe: TrainRecipe, player: str) -> float:
    """Returns the recipe's learning rate of a player, before any drop."""
    game = recipe.game
    if player == "modifier":
        return game.modifier_rate
    return game.detector_rate if player == "detector" else game.classifier_rate


def bounded(losses: Tensor, bound: Bound, level: float) -> Tensor:
    """Returns L_D as gradient ascent sees it.

    Args:
        losses: `[N]` L_D of each face.
        bound: "none" leaves them, "clamp" gives min(L, level), "softplus" level - softplus(level - L), which is
            smooth, always below the level, and close to L far below it.
        level: the loss beyond which nothing is to be gained.

    Returns:
        `[N]`.
    """
    if bound == "clamp":
        return losses.clamp(max=level)
    if bound == "softplus":
        return level - F.softplus(level - losses)
    return losses


def embedding_similarity(modified: Tensor, original: Tensor, margin: float) -> Tensor:
    """Returns the mean cosine between features of M(f) and f, those below `margin` counted as `margin`.

    Args:
        modified: `[N, E]` D's features of M(f).
        original: `[N, E]` D's features of f; no gradients pass here.
        margin: -1 to 1.

    Returns:
        `[]`.
    """
    return F.cosine_similarity(modified, original.detach(), dim=1).clamp_min(margin).mean()


def update_classifier(table: Table, index: int, faces: FaceBatch, modified: Tensor | None) -> Losses:
    """Updates one D on original and modified faces: it minimises -L_adv of equation (2).

    Args:
        table: the game.
        index: which classifier.
        faces: f with i_f.
        modified: `[N, 3, S, S]` M(f), no gradients pass here; `None` in the warm-up, where only originals count.
    """
    classifier, count = table.players.classifiers[index], len(faces.labels)
    images, landmarks, labels = soften(faces.images, faces.softness), faces.landmarks, faces.labels
    if modified is not None:
        images = torch.cat([images, soften(modified.detach(), faces.softness)])
        landmarks, labels = landmarks.repeat(2, 1, 1), labels.repeat(2)
    features = table.features(classifier, images, landmarks)
    losses = classifier.losses(features, labels)
    original, changed = losses[:count], losses[count:]
    total = original.mean() if modified is None else classifier_loss(changed, original)
    total.backward()
    table.take(f"classifier{index}")
    classifier.updates += 1
    right = (classifier.head.predict(features.detach()) == labels).float()
    logged = {f"d{index}_original": original.mean(), f"d{index}_original_right": right[:count].mean()}
    if modified is not None:
        logged |= {f"d{index}_modified": changed.mean(), f"d{index}_modified_right": right[count:].mean()}
    return {name: value.detach() for name, value in logged.items()}


def update_modifier(
    table: Table, faces: FaceBatch, modified: Tensor, frames: FrameBatch | None, mates: FaceBatch | None = None
) -> Losses:
    """Updates M by the full objective, equation (4); in a "joint" game A with it.

    Args:
        table: the game.
        faces: f with i_f, and the labels that M aims at if the target is random.
        modified: `[N, 3, S, S]` M(f), with gradients.
        frames: v with its actions; `None` where L_det takes no part in this step.
        mates: keyed M: for the first faces another picture of the same person, with the keys that M(f) is compared
            under; `None` where keys take no part.
    """
    players, objective, game = table.players, table.recipe.objective, table.recipe.game
    joint = frames is not None and game.detector_update == "joint"
    others: Sequence[nn.Module] = players.classifiers if joint else [*players.classifiers, players.detector]
    losses: Losses = {}
    detected = modified.new_zeros(())
    with frozen(*others):
        adversarial, of_features = _against_classifiers(table, faces, modified)
        if frames is not None:
            shown, frame_l1 = table.play_frames(frames)
            losses = table.detect(shown, frames)
            detected = detection_loss(losses)
            of_features |= _of_frames(table, frames, shown, frame_l1)
        if objective.occluded > 0:
            of_features["occluded"] = occluded_l1(modified, faces)
        if mates is not None:
            of_features |= _of_keys(table, faces, modified, mates)
        l1 = photorealistic_loss(modified, faces.images, weight=objective.photorealistic)
        total = full_objective(objective.detection * detected, objective.adversarial * adversarial, l1)
        total = total + sum(getattr(objective, name) * value for name, value in of_features.items())
        total.backward()
    table.take("modifier", game.modifier_norm)
    if joint:
        table.take("detector", game.detector_norm)
    logged = {"m_total": total, "m_adversarial": adversarial, "m_l1": (modified - faces.images).abs().mean()}
    logged |= {f"m_{name}": value for name, value in of_features.items()}
    if frames is not None:
        logged["m_detection"] = detected
    if joint:
        logged |= {f"a_{name.removeprefix('loss_')}": value for name, value in losses.items()}
    return {name: value.detach() for name, value in logged.items()}


def _of_frames(table: Table, batch: FrameBatch, shown: Tensor, frame_l1: Tensor) -> Losses:
    """Returns what M minimises of frames beside L_det, unweighted."""
    objective = table.recipe.objective
    of_frames: Losses = {"frame_l1": frame_l1} if objective.frame_l1 > 0 else {}
    if objective.frame_features > 0:
        of_frames["frame_features"] = lost_features(table.players.detector, batch, shown)
    return of_frames


def _of_keys(table: Table, faces: FaceBatch, modified: Tensor, mates: FaceBatch) -> Losses:
    """Returns what M minimises of keys, unweighted: means over D."""
    assert faces.keys is not None and mates.keys is not None, "drawn for a keyed M"
    count, objective = len(mates.labels), table.recipe.objective
    other = table.modify(faces.images[:count], mates.keys)
    mate = table.modify(mates.images, faces.keys[:count])
    images = soften(torch.cat([modified[:count], other, mate]), faces.softness[:count].repeat(3))
    landmarks = torch.cat([faces.landmarks[:count], faces.landmarks[:count], mates.landmarks])
    terms = []
    for classifier in table.players.classifiers:
        own, under_other, of_mate = table.features(classifier, images, landmarks).split(count)
        terms.append(torch.stack(key_terms(own, under_other, of_mate, objective.key_apart_margin)))
    apart, stable = torch.stack(terms).mean(0).unbind()
    return {"key_apart": apart, "key_stable": stable}


def _against_classifiers(table: Table, faces: FaceBatch, modified: Tensor) -> tuple[Tensor, Losses]:
    """Returns M's part of equation (2), `[]`, and what M minimises of features, by name, unweighted; means over D."""
    objective = table.recipe.objective
    ascents: list[Tensor] = []
    of_features: dict[str, list[Tensor]] = {"embedding": [], "anchor": []}
    seen = soften(modified, faces.softness)
    for classifier in table.players.classifiers:
        features = table.features(classifier, seen, faces.landmarks)
        if classifier.config.learns:
            ascents.append(_ascent(table, classifier, features, faces))
        elif objective.anchor > 0:
            of_features["anchor"].append(1.0 - F.cosine_similarity(features, classifier.anchor[None], dim=1).mean())
        if objective.embedding > 0:
            with torch.no_grad():
                own = table.features(classifier, faces.images, faces.landmarks)
            of_features["embedding"].append(embedding_similarity(features, own, objective.embedding_margin))
    means = {name: torch.stack(values).mean() for name, values in of_features.items() if values}
    return torch.stack(ascents).mean(), means


def _ascent(table: Table, classifier: Classifier, features: Tensor, faces: FaceBatch) -> Tensor:
    """Returns -E[L_D(M(f), i_f)], bounded as the recipe says, or with random aims E[L_D(M(f), j)]; `[]`."""
    if faces.aims is not None:
        return classifier.losses(features, faces.aims).mean()
    people, bound = classifier.head.classes, table.recipe.objective.bound

    def loss(truth: Tensor) -> Tensor:
        return bounded(classifier.losses(features, truth), bound, math.log(people))

    return modifier_loss(loss, faces.labels, classes=people)


def warm_up_modifier(table: Table, faces: FaceBatch) -> Losses:
    """Updates M to reproduce faces: equation (3) alone, with λ = 1."""
    loss = photorealistic_loss(table.modify(faces.images, faces.keys), faces.images, weight=1.0)
    loss.backward()
    table.take("modifier", table.recipe.game.modifier_norm)
    return {"m_l1": loss.detach()}


def update_detector(table: Table, batch: FrameBatch, *, modify: bool) -> Losses:
    """Updates A by equation (1); no gradient reaches M.

    Args:
        table: the game.
        batch: v with its actions.
        modify: whether A sees v' (as always in the game) or, in the warm-up, v.
    """
    frames = batch.frames
    if modify:
        with torch.no_grad():
            frames = table.modify_frames(batch)
    losses = table.detect(frames, batch)
    detection_loss(losses).backward()
    table.take("detector", table.recipe.game.detector_norm)
    return {f"a_{name.removeprefix('loss_')}": value.detach() for name, value in losses.items()}
