"""Actions in a distillation: who watches reaches the student and stays what it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="missing: torch")
pytest.importorskip("brevitas", reason="missing: brevitas")

from hw_anon.core.errors import ConfigError, ContractError  # noqa: E402
from hw_anon.data.banks import FrameBank  # noqa: E402
from hw_anon.nets.action import ActionDetector, smoke_config  # noqa: E402
from quant.distil import distil  # noqa: E402
from quant.distil_actions import ActionTerms, ActionWatch, held_batch_norms  # noqa: E402
from quant.distil_recipe import DistilRecipe  # noqa: E402
from quant.export import weights_sha256  # noqa: E402
from quant.modifier import Modifier, ModifierConfig  # noqa: E402
from quant.zoo import NETS  # noqa: E402
from tests.train.banks import face_bank, frame_bank  # noqa: E402

TINY = ModifierConfig(input_size=32, widths=(4, 6, 8), blocks=1)
TERMS = ActionTerms(every=2, frames=4)


def _detector(seed: int = 0) -> ActionDetector:
    torch.manual_seed(seed)
    return ActionDetector(smoke_config(3))


def _watch(terms: ActionTerms = TERMS, frames: FrameBank | None = None) -> ActionWatch:
    return ActionWatch(frames or frame_bank(), _detector(), terms, seed=0)


def _grey(images: torch.Tensor) -> torch.Tensor:
    return torch.full_like(images, 0.25)


def test_the_student_learns_and_the_detector_does_not() -> None:
    detector = _detector()
    watch = ActionWatch(frame_bank(), detector, TERMS, seed=0)
    before = {name: tensor.clone() for name, tensor in detector.state_dict().items()}
    net = Modifier(TINY).train()
    statistics = {name: buffer.clone() for name, buffer in net.named_buffers() if "running" in name}
    with held_batch_norms(net):
        watch.loss(net, 32, 0).backward()
    assert all(torch.equal(before[name], tensor) for name, tensor in detector.state_dict().items())
    assert all(parameter.grad is None and parameter.requires_grad for parameter in detector.parameters())
    assert any(parameter.grad is not None and parameter.grad.any() for parameter in net.parameters())
    now = dict(net.named_buffers())
    assert all(torch.equal(now[name], kept) for name, kept in statistics.items())
    assert all(module.training for module in net.modules())


def test_a_step_sees_the_same_frames_whenever_it_is_asked() -> None:
    first, again = ([float(_watch().loss(torch.zeros_like, 32, step).detach()) for step in (0, 4)] for _ in range(2))
    assert first == again and first[0] != first[1]
    assert [step for step in range(6) if _watch().due(step)] == [0, 2, 4]


def test_faces_that_are_left_alone_lose_no_features() -> None:
    features = ActionTerms(frames=4, detection=0.0, features=1.0)
    kept, black = (float(_watch(features).loss(modify, 32, 0).detach()) for modify in (lambda x: x, torch.zeros_like))
    assert kept < 0.5 * black
    both = _watch(replace(features, detection=1.0)).loss(torch.zeros_like, 32, 0)
    assert float(both.detach()) > black, "the detector's losses are added"


def test_clips_without_a_face_are_refused() -> None:
    bank = frame_bank()
    with pytest.raises(ContractError, match="shows a face"):
        _watch(frames=replace(bank, regions=((),) * len(bank)))


def test_a_watched_student_differs_and_goes_on_where_it_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(NETS, "tiny", TINY)
    plain = DistilRecipe(net="tiny", steps=6, bits=(), batch=2, checkpoint_every=2)
    recipe, faces = replace(plain, actions=TERMS), face_bank()

    def interrupt(step: int, _loss: float) -> None:
        if step == 3:
            raise KeyboardInterrupt

    whole = distil(recipe, _grey, faces, checkpoint=tmp_path / "a", watch=_watch())
    with pytest.raises(KeyboardInterrupt):
        distil(recipe, _grey, faces, checkpoint=tmp_path / "b", watch=_watch(), on_step=interrupt)
    other = _watch(frames=frame_bank(seed=5))
    with pytest.raises(ConfigError, match="network or data"):
        distil(recipe, _grey, faces, checkpoint=tmp_path / "b", watch=other)
    resumed = distil(recipe, _grey, faces, checkpoint=tmp_path / "b", watch=_watch())
    assert weights_sha256(resumed) == weights_sha256(whole)
    assert weights_sha256(distil(plain, _grey, faces, checkpoint=tmp_path / "c")) != weights_sha256(whole)
    with pytest.raises(ConfigError, match="without a key"):
        replace(recipe, key_channels=2)
