"""The players M, D and A, built from a recipe or handed in: any module may be M that takes and gives `[N, 3, S, S]`."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.data.banks import FaceBank
from hw_anon.data.weights import SFACE
from hw_anon.losses.angular import AngularSoftmax, angular_softmax_loss
from hw_anon.nets.action import ActionDetector
from hw_anon.nets.align import align_faces
from hw_anon.nets.checkpoint import FORMAT, load_modifier, read_network, write_tensors
from hw_anon.nets.detector_checkpoint import load_detector
from hw_anon.nets.modifier import JohnsonModifier
from hw_anon.nets.sface import SFACE_SIDE, SFace
from hw_anon.nets.sface_file import describe_sface, load_sface, rebuild_sface
from hw_anon.nets.sphereface import SphereFace
from hw_anon.train.batches import NO_JITTER, cut_faces, draw_nothing, step_seed
from hw_anon.train.config import ClassifierConfig, TrainRecipe
from hw_anon.train.sampling import install_samplers

__all__ = ["Classifier", "Players", "build_players", "frozen", "load_classifier", "save_classifier"]

_CHUNK = 128
_CLASSIFIER = "classifier"
_SFACE_FEATURES = 128


class Classifier(nn.Module):
    """D: alignment to its template, a recogniser up to its features, and the class weights of angular softmax."""

    def __init__(self, config: ClassifierConfig, network: nn.Module, people: int) -> None:
        """Puts a classifier together.

        Args:
            config: how it was made.
            network: aligned faces `[N, 3, h, w]` to features `[N, E]`.
            people: number of identities.
        """
        super().__init__()
        self.config = config
        self.network = network
        sface = config.kind == "sface"
        self.shape = (SFACE_SIDE, SFACE_SIDE) if sface else (config.network.height, config.network.width)
        features = _SFACE_FEATURES if sface else config.network.embedding
        self.head = AngularSoftmax(people, features, margin=config.margin, schedule=config.annealing)
        self.anchor: Tensor
        """`[E]` direction of the mean face, zeros until `start_head`."""
        self.register_buffer("anchor", torch.zeros(features))
        self.updates = 0
        """Updates of D so far, which set λ."""

    def forward(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """Computes features.

        Args:
            images: `[N, 3, S, S]` 0..1.
            landmarks: `[N, 5, 2]` in pixels of the images.

        Returns:
            `[N, E]`, not normalised.
        """
        height, width = self.shape
        features: Tensor = self.network(align_faces(images, landmarks, height=height, width=width))
        return features

    def losses(self, features: Tensor, labels: Tensor) -> Tensor:
        """Returns L_D of each face, `[N]`, at the present λ."""
        blend = self.head.schedule.at(self.updates)
        return angular_softmax_loss(features, self.head.weight, labels, blend=blend, margin=self.head.margin)

    @torch.no_grad()
    def start_head(self, bank: FaceBank, size: int) -> None:
        """Sets each class's weights to the mean direction of its people's features on original faces.

        The mean of these directions over all people becomes `anchor`.

        Args:
            bank: the training faces, on this module's device.
            size: side of M's crops.
        """
        total = torch.zeros_like(self.head.weight)
        zeros = draw_nothing(_CHUNK)
        for indices in torch.arange(len(bank)).split(_CHUNK):
            faces = cut_faces(bank, indices, size, NO_JITTER, zeros[: len(indices)])
            features = nn.functional.normalize(self(faces.images, faces.landmarks).float(), dim=1)
            total += torch.zeros_like(total).index_add_(0, faces.labels, features)
        means = nn.functional.normalize(total, dim=1)
        self.head.weight.copy_(means)
        self.anchor.copy_(nn.functional.normalize(means.mean(0), dim=0))


@dataclass(kw_only=True, slots=True, eq=False)
class Players:
    """Everyone in the game."""

    modifier: nn.Module
    """M: any module from `[N, 3 + key, S, S]` 0..1 to `[N, 3, S, S]` 0..1."""
    size: int
    """S."""
    classifiers: list[Classifier]
    """D, one or more."""
    detector: ActionDetector
    """A."""
    key_channels: int = 0
    """Key channels of M, which then takes `[N, 3 + key, S, S]`."""
    starts: list[dict[str, Tensor]] = field(init=False)
    """What each classifier started from, on the CPU: for restarts."""

    def __post_init__(self) -> None:
        install_samplers(self.detector)
        self.starts = [
            {name: tensor.detach().cpu().clone() for name, tensor in classifier.state_dict().items()}
            for classifier in self.classifiers
        ]

    def to(self, device: torch.device | str) -> Players:
        """Moves all players and returns them."""
        for module in self.modules().values():
            module.to(device)
        return self

    def modules(self) -> dict[str, nn.Module]:
        """Returns all players by name."""
        named: dict[str, nn.Module] = {"modifier": self.modifier, "detector": self.detector}
        return named | {f"classifier{i}": classifier for i, classifier in enumerate(self.classifiers)}

    def learning(self) -> list[int]:
        """Returns which classifiers are updated; the others stay as they started."""
        return [index for index, classifier in enumerate(self.classifiers) if classifier.config.learns]

    def restart(self, index: int) -> None:
        """Puts one classifier back to its start; its optimiser is the caller's to renew."""
        self.classifiers[index].load_state_dict(self.starts[index])
        self.classifiers[index].updates = 0


@contextmanager
def frozen(*modules: nn.Module) -> Iterator[None]:
    """Keeps modules from collecting gradients while the block runs; gradients pass through them."""
    held = [parameter for module in modules for parameter in module.parameters() if parameter.requires_grad]
    for parameter in held:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in held:
            parameter.requires_grad_(True)


def build_players(
    recipe: TrainRecipe,
    faces: FaceBank,
    *,
    actions: int,
    seed: int,
    modifier: nn.Module | None = None,
    device: torch.device | str = "cpu",
) -> Players:
    """Builds the players of a recipe; equal seeds give equal weights, on the CPU bit for bit.

    Args:
        recipe: their sizes and starts.
        faces: the training faces, on `device`, which class weights may start from.
        actions: number of actions.
        seed: seed of random weights.
        modifier: M in place of the recipe's, with the same crop size and as many key channels.
        device: where they play.

    Raises:
        ConfigError: if the recipe asks for a network of the chip and none is given.
        ContractError: if a file of weights is missing or holds another network.
        ToolError: if SFace's package is needed and not installed.
    """
    if recipe.chip is not None and modifier is None:
        raise ConfigError(f"recipe {recipe.name}: its modifier is a network of the chip; it has to be handed in")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(step_seed(seed, 0, "weights"))
        players = Players(
            modifier=modifier or _modifier(recipe),
            size=recipe.modifier.size,
            classifiers=[_classifier(config, faces.people) for config in recipe.classifiers],
            detector=_detector(recipe, actions),
            key_channels=recipe.key_channels,
        ).to(device)
    for i, classifier in enumerate(players.classifiers):
        if classifier.config.head_start == "means":
            classifier.start_head(faces, players.size)
            started = classifier.state_dict()
            players.starts[i] |= {name: started[name].cpu().clone() for name in ("head.weight", "anchor")}
    return players


def _modifier(recipe: TrainRecipe) -> JohnsonModifier:
    if recipe.modifier_checkpoint is None:
        return JohnsonModifier(recipe.modifier)
    modifier, _ = load_modifier(recipe.modifier_checkpoint)
    if modifier.config.size != recipe.modifier.size or modifier.config.key_channels != recipe.key_channels:
        raise ContractError(
            f"{recipe.modifier_checkpoint}: takes crops of {modifier.config.size} with {modifier.config.key_channels} "
            f"key channels, the recipe has {recipe.modifier.size} and {recipe.key_channels}"
        )
    return modifier


def _detector(recipe: TrainRecipe, actions: int) -> ActionDetector:
    if recipe.detector_checkpoint is None:
        weights = _torch_state(recipe.detector_weights) if recipe.detector_weights else None
        return ActionDetector(dataclasses.replace(recipe.detector, classes=actions), weights)
    detector, names, _ = load_detector(recipe.detector_checkpoint)
    if len(names) != actions:
        raise ContractError(f"{recipe.detector_checkpoint}: knows {len(names)} actions, the clips have {actions}")
    return detector


def _classifier(config: ClassifierConfig, people: int) -> Classifier:
    network: nn.Module
    if config.kind == "sface":
        network = load_sface(config.weights or SFACE.find())
    else:
        network = SphereFace(config.network)
        if config.weights is not None:
            network.load_public(_torch_state(config.weights))
    classifier = Classifier(config, network, people)
    classifier.requires_grad_(config.learns)
    return classifier


def _torch_state(path: Path) -> Mapping[str, Tensor]:
    try:
        state: Mapping[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as exc:
        raise ContractError(f"{path}: not a file of torch weights ({exc})") from exc
    return state


def save_classifier(path: Path, classifier: Classifier, metadata: Mapping[str, Any]) -> None:
    """Writes a classifier with its class weights.

    Args:
        path: the file, e.g. `classifier0.safetensors`.
        classifier: the classifier.
        metadata: further JSON values.

    Raises:
        OSError: if the file cannot be written.
    """
    structure = describe_sface(classifier.network) if isinstance(classifier.network, SFace) else None
    described = {
        **metadata,
        "format": FORMAT,
        "architecture": _CLASSIFIER,
        "config": dataclasses.replace(classifier.config, weights=None).to_dict(),
        "people": classifier.head.classes,
        "sface": structure,
    }
    write_tensors(path, classifier.state_dict(), described)


def load_classifier(path: Path) -> tuple[Classifier, dict[str, Any]]:
    """Reads a classifier.

    Args:
        path: a file that `save_classifier` wrote.

    Returns:
        The classifier on the CPU in evaluation mode, and the metadata.

    Raises:
        ContractError: if the file is missing or damaged, or holds another network.
    """
    tensors, metadata = read_network(path, _CLASSIFIER)
    config = ClassifierConfig.from_dict(metadata["config"], where="config")
    structure = copy.deepcopy(metadata["sface"])
    network = SphereFace(config.network) if structure is None else rebuild_sface(structure)
    classifier = Classifier(config, network, int(metadata["people"]))
    try:
        classifier.load_state_dict(tensors)
    except RuntimeError as exc:
        raise ContractError(f"{path}: tensors and structure do not fit: {exc}") from exc
    return classifier.eval(), metadata
