"""The terms beside equation (4), things before faces, keys, and regions that err."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hw_anon.core.boxes import MIN_REGION, Box
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.data.banks import FaceBank, FrameBank
from hw_anon.nets.checkpoint import save_modifier
from hw_anon.nets.modifier import JohnsonModifier
from hw_anon.recipes import RECIPES, smoke
from hw_anon.train.batches import (
    NO_JITTER,
    FaceBatch,
    Jitter,
    cut_faces,
    draw,
    pick_frames,
    pictures_of,
    step_generator,
)
from hw_anon.train.config import ChipConfig
from hw_anon.train.keys import append_keys, draw_keys
from hw_anon.train.loop import keep_statistics
from hw_anon.train.occlude import occlude
from hw_anon.train.players import build_players
from hw_anon.train.schedule import Phase, Schedule, ScheduleConfig
from hw_anon.train.terms import feature_distance, key_terms, occluded_l1, region_mask
from tests.train.setting import recipe, training, with_published


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_things_lie_before_their_share_of_the_faces_and_hide_them_alone() -> None:
    images = torch.rand(200, 3, 32, 32, generator=_generator())
    covered = occlude(images, 0.5, _generator(1))
    shares = covered.cover.mean((1, 2, 3))
    assert 70 < int((shares > 0).sum()) < 130
    assert (covered.images[shares == 0] == images[shares == 0]).all()
    outside = (covered.cover == 0).expand_as(images)
    assert torch.equal(covered.images[outside], images[outside])
    solid = (covered.cover == 1).expand_as(images)
    other = occlude(1.0 - images, 0.5, _generator(1)).images
    assert torch.allclose(covered.images[solid], other[solid], atol=1e-6), "of the face nothing shines through"
    assert covered.images.min() >= 0
    assert covered.images.max() <= 1


def test_the_l1_of_things_does_not_look_at_the_face() -> None:
    images, cover = torch.zeros(2, 3, 4, 4), torch.zeros(2, 1, 4, 4)
    cover[0, :, :2] = 1.0
    faces = FaceBatch(
        images=images, landmarks=torch.zeros(2, 5, 2), labels=torch.zeros(2), softness=torch.zeros(2), cover=cover
    )
    modified = torch.ones_like(images)
    modified[0, :, :2] = 0.25
    assert occluded_l1(modified, faces).item() == pytest.approx(0.25)
    assert occluded_l1(modified, replace(faces, cover=None)).item() == 0.0


def test_features_are_compared_where_faces_are() -> None:
    mask = region_mask([(Box(x=0, y=0, width=8, height=8),), ()], 16, 16, torch.device("cpu"))
    assert mask.sum() == 64
    clear = [torch.ones(2, 2, 8, 8), torch.ones(2, 2, 4, 4)]
    changed = [level.clone() for level in clear]
    changed[0][:, :, 5:] = 9.0
    assert feature_distance(changed, clear, mask).item() == 0.0
    changed[0][0, :, :4, :4] = 2.0
    assert feature_distance(changed, clear, mask).item() == pytest.approx(0.5)


def test_key_terms_fall_when_keys_part_and_pictures_of_one_key_meet() -> None:
    here, there = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    apart, stable = key_terms(here, there, here, 0.1)
    assert (apart.item(), stable.item()) == (pytest.approx(0.1), pytest.approx(0.0))
    apart, stable = key_terms(here, here, there, 0.1)
    assert (apart.item(), stable.item()) == (pytest.approx(1.0), pytest.approx(1.0))


def test_keys_are_bytes_behind_the_colours() -> None:
    keys = draw_keys(6, 3, _generator())
    assert torch.equal((keys * 255).round() / 255, keys)
    seen = append_keys(torch.zeros(6, 3, 4, 4), keys)
    assert seen.shape == (6, 6, 4, 4)
    assert torch.equal(seen[:, 3:, 2, 1], keys)
    images = torch.zeros(2, 3, 4, 4)
    assert append_keys(images, draw_keys(2, 0, _generator())) is images


def test_pictures_of_one_person_are_drawn(faces: FaceBank) -> None:
    people = torch.tensor([3, 0, 3, 5])
    drawn = torch.stack([pictures_of(faces.labels, people, _generator(seed)) for seed in range(12)])
    assert torch.equal(faces.labels[drawn], people.expand(12, -1))
    assert len(drawn[:, 0].unique()) > 2


def test_regions_err_as_much_as_the_jitter_says(faces: FaceBank, frames: FrameBank) -> None:
    jitter = replace(NO_JITTER, box_shift=0.05, box_scale=0.1)
    indices = torch.zeros(400, dtype=torch.int64)
    cut = cut_faces(faces, indices, 16, jitter, draw(400, _generator(), jitter))
    still = cut_faces(faces, indices[:1], 16, NO_JITTER, draw(1, _generator()))
    spread = cut.landmarks[:, 2].std(0)
    assert (spread > 0.3).all(), "the nose moves in the crop"
    assert (spread < 3.0).all()
    assert torch.allclose(cut.landmarks[:, 2].median(0).values, still.landmarks[0, 2], atol=1.0)

    own = frames.regions[0][0]
    picked = pick_frames(frames, indices[:100], jitter, draw(100, _generator(), jitter))
    regions = [listed[0] for listed in picked.regions]
    assert all(region.inside(64, 64) and min(region.width, region.height) >= MIN_REGION for region in regions)
    assert len({(region.x, region.y, region.width, region.height) for region in regions}) > 50
    widths = torch.tensor([float(region.width) for region in regions])
    assert (widths / own.width).log().std().item() == pytest.approx(0.1, abs=0.04)


def test_the_last_epochs_keep_statistics() -> None:
    schedule = Schedule(ScheduleConfig(epochs=3, frozen_norms_epochs=1, finetune_epochs=0), faces=4, batch=2)
    assert [schedule.at(step).frozen_norms for step in range(6)] == [False] * 4 + [True] * 2
    assert all(schedule.at(step).phase is Phase.GAME for step in range(6))
    net = torch.nn.Sequential(torch.nn.BatchNorm2d(3), torch.nn.Conv2d(3, 3, 1)).train()
    keep_statistics(net)
    net(torch.rand(2, 3, 4, 4))
    assert int(net[0].num_batches_tracked) == 0


KEYED = {"key_apart": 1.0, "key_stable": 1.0}


def test_a_keyed_game_draws_fresh_keys_and_compares_under_them(tmp_path: Path) -> None:
    modifier = replace(smoke().modifier, key_channels=2)
    chosen = with_published(objective=KEYED, game={"keys": 2, "key_faces": 3}, modifier=modifier)
    run = training(tmp_path, chosen)
    first, second = run._faces(5), run._faces(6)
    assert first.keys is not None
    assert second.keys is not None
    assert torch.equal(first.keys[0], first.keys[2])
    assert not torch.equal(first.keys[0], first.keys[1])
    assert not torch.equal(first.keys[0], second.keys[0])
    mates = run._mates(5, first)
    assert mates is not None
    assert torch.equal(mates.labels, first.labels[:3])
    frames = run._frames(5)
    assert frames.keys is not None
    assert frames.keys.shape == (2, 2)
    run.step = 4
    losses = run.one_step()
    assert {"m_key_apart", "m_key_stable"} <= losses.keys()
    assert torch.equal(run.table.modify(first.images), run.table.modify(first.images)), "one power-up without keys"


def test_frames_and_things_take_part_where_they_are_asked_for(tmp_path: Path) -> None:
    wanted = {"occluded": 2.0, "frame_l1": 3.0, "frame_features": 0.5}
    chosen = recipe(objective=wanted, face_jitter=Jitter(occlude=1.0))
    run = training(tmp_path, chosen)
    run.step = 3
    losses = run.one_step()
    known = ("adversarial", "detection", "embedding", "occluded", "frame_l1", "frame_features")
    parts = {name: losses[f"m_{name}"] for name in known}
    assert all(value != 0 for value in parts.values())
    objective = chosen.objective
    total = parts["adversarial"] + parts["detection"] + objective.photorealistic * losses["m_l1"]
    total = total + objective.embedding * parts["embedding"] + sum(w * parts[n] for n, w in wanted.items())
    assert losses["m_total"].item() == pytest.approx(total.item(), rel=1e-4)


def test_recipes_that_cannot_be_played_are_refused(faces: FaceBank) -> None:
    base = smoke()
    with pytest.raises(ConfigError, match="key channels"):
        replace(base, objective=replace(base.objective, key_apart=1.0))
    with pytest.raises(ConfigError, match=r"face_jitter\.occlude"):
        replace(base, objective=replace(base.objective, occluded=1.0))
    with pytest.raises(ConfigError, match="2 to 8"):
        ChipConfig(bits=9)
    with pytest.raises(ConfigError, match="handed in"):
        build_players(replace(base, chip=ChipConfig()), faces, actions=3, seed=0)
    for name in ("chip-s", "chip-m", "chip-s-keyed"):
        made = RECIPES[name]()
        assert made.chip is not None
        assert made.name == name
        assert (made.key_channels > 0) == name.endswith("keyed")


def test_a_trained_detector_starts_the_game(tmp_path: Path, faces: FaceBank) -> None:
    from hw_anon.nets.detector_checkpoint import save_detector

    taught = build_players(smoke(), faces, actions=3, seed=9).detector
    save_detector(tmp_path / "a.safetensors", taught, ("red", "green", "blue"), {})
    chosen = replace(smoke(), detector_checkpoint=tmp_path / "a.safetensors")
    players = build_players(chosen, faces, actions=3, seed=0)
    for own, other in zip(players.detector.parameters(), taught.parameters(), strict=True):
        assert torch.equal(own, other)
    with pytest.raises(Exception, match="knows 3 actions"):
        build_players(chosen, faces, actions=4, seed=0)


def test_a_trained_modifier_starts_the_game(tmp_path: Path, faces: FaceBank) -> None:
    taught = build_players(smoke(), faces, actions=3, seed=9).modifier
    assert isinstance(taught, JohnsonModifier)
    save_modifier(tmp_path / "m.safetensors", taught, {})
    chosen = replace(smoke(), modifier_checkpoint=tmp_path / "m.safetensors")
    players = build_players(chosen, faces, actions=3, seed=0)
    for own, other in zip(players.modifier.parameters(), taught.parameters(), strict=True):
        assert torch.equal(own, other)
    with pytest.raises(ContractError, match="crops of 32"):
        build_players(replace(chosen, modifier=replace(chosen.modifier, size=64)), faces, actions=3, seed=0)
    with pytest.raises(ConfigError, match=r"chip\.start"):
        replace(chosen, chip=ChipConfig())


def test_a_keyed_float_modifier_takes_its_key() -> None:
    config = replace(smoke().modifier, key_channels=3)
    net = JohnsonModifier(config)
    assert net(torch.zeros(2, 6, 32, 32)).shape == (2, 3, 32, 32)
    assert step_generator(0, 0, "a").initial_seed() != step_generator(0, 0, "b").initial_seed()
