"""Distillation: the student comes nearer to its teacher, leaves things alone, and goes on where it was stopped."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="missing: torch")
pytest.importorskip("brevitas", reason="missing: brevitas")

from hw_anon.core.errors import ConfigError, ContractError  # noqa: E402
from hw_anon.data.banks import FaceBank  # noqa: E402
from hw_anon.train.batches import Jitter  # noqa: E402
from quant.distil import distil, distil_metrics, distil_network, save_distilled, starting_state  # noqa: E402
from quant.distil_recipe import DistilRecipe  # noqa: E402
from quant.export import weights_sha256  # noqa: E402
from quant.modifier import Modifier, ModifierConfig  # noqa: E402
from quant.zoo import NETS, load_net, network_config, weights_directory  # noqa: E402
from tests.train.banks import face_bank  # noqa: E402

TINY = ModifierConfig(input_size=32, widths=(4, 6, 8), blocks=1)


@pytest.fixture
def faces() -> FaceBank:
    return face_bank()


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> DistilRecipe:
    """A recipe for a network that only these tests know."""
    monkeypatch.setitem(NETS, "tiny", TINY)
    return DistilRecipe(net="tiny", steps=8, bits=(8,), batch=2, checkpoint_every=2)


def _grey(images: torch.Tensor) -> torch.Tensor:
    """A teacher that makes every face the same grey."""
    return torch.full_like(images, 0.25)


def test_stages_come_down_to_the_networks_own_bits(brief: DistilRecipe) -> None:
    recipe = replace(brief, steps=12, bits=(8, 6), own_bits=3, key_channels=2)
    stages = recipe.stages(recipe.student)
    assert [first for first, _ in stages] == [0, 3, 6]
    assert [config.weight_bits for _, config in stages] == [8, 6, 3]
    assert [config.branch_bits for _, config in stages] == [8, 7, 4]
    assert {config.key_channels for _, config in stages} == {2}
    assert [first for first, _ in replace(recipe, bits=()).stages(TINY)] == [0]
    with pytest.raises(ConfigError, match="2 to 8"):
        replace(brief, bits=(9,))


@pytest.mark.parametrize("stop", [3, 7])
def test_an_interrupted_run_ends_with_the_same_weights(
    brief: DistilRecipe, faces: FaceBank, tmp_path: Path, stop: int
) -> None:
    def interrupt(step: int, _loss: float) -> None:
        if step == stop:
            raise KeyboardInterrupt

    recipe = replace(brief, key_channels=2)
    whole = distil(recipe, _grey, faces, checkpoint=tmp_path / "a")
    with pytest.raises(KeyboardInterrupt):
        distil(recipe, _grey, faces, checkpoint=tmp_path / "b", on_step=interrupt)
    steps: list[int] = []
    resumed = distil(recipe, _grey, faces, checkpoint=tmp_path / "b", on_step=lambda step, _: steps.append(step))
    assert steps == list(range(stop, 9))
    assert weights_sha256(resumed) == weights_sha256(whole)
    assert not (tmp_path / "b").exists()


def test_a_checkpoint_is_of_one_network_teacher_and_set_of_faces(
    brief: DistilRecipe, faces: FaceBank, tmp_path: Path
) -> None:
    def interrupt(step: int, _loss: float) -> None:
        if step == 3:
            raise KeyboardInterrupt

    path = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        distil(brief, _grey, faces, checkpoint=path, teacher_hash="grey", on_step=interrupt)
    with pytest.raises(ConfigError, match="network or data"):
        distil(brief, _grey, faces, checkpoint=path, teacher_hash="another")
    others = replace(faces, pictures=255 - faces.pictures)
    with pytest.raises(ConfigError, match="network or data"):
        distil(brief, _grey, others, checkpoint=path, teacher_hash="grey")
    with pytest.raises(ConfigError, match="network or data"):
        wider = replace(TINY, widths=(6, 6, 8))
        distil_network(brief, wider, _grey, faces, checkpoint=path, teacher_hash="grey")


def test_faces_are_cut_as_a_detector_errs(brief: DistilRecipe, faces: FaceBank, tmp_path: Path) -> None:
    recipe = replace(brief, steps=2, bits=(), jitter=Jitter(box_shift=0.1, box_scale=0.1))
    distil(recipe, _grey, faces, checkpoint=tmp_path / "run")


def test_judges_that_the_start_saw_are_seen(brief: DistilRecipe, faces: FaceBank, tmp_path: Path) -> None:
    net, first = Modifier(TINY).eval(), tmp_path / "first"
    save_distilled(net, brief, first, metrics={}, teacher={"judges_seen": ["sface"]}, data={})
    save_distilled(net, replace(brief, start=first), tmp_path / "second", metrics={}, teacher={}, data={})
    record = json.loads((tmp_path / "second" / "recipe.json").read_text())
    assert record["judges_seen"] == ["sface"]
    assert record["recipe"]["start"] == "first", "no path of a machine"


def test_a_student_learns_from_its_teacher_and_is_found_as_a_directory(
    brief: DistilRecipe, faces: FaceBank, tmp_path: Path
) -> None:
    recipe = replace(brief, steps=60, batch=8, learning_rate=0.02, occlude=0.0, checkpoint_every=1000)
    untaught = Modifier(TINY).eval()
    before = distil_metrics(untaught, _grey, faces)["l1_to_teacher_integer"]
    net = distil(recipe, _grey, faces, checkpoint=tmp_path / "run")
    metrics = distil_metrics(net, _grey, faces)
    assert metrics["l1_to_teacher_integer"] < 0.3 * before
    assert metrics["people"] == 6
    directory = tmp_path / "taught"
    teacher = {"name": "grey", "judges_seen": ["sface"]}
    save_distilled(net, recipe, directory, metrics=metrics, teacher=teacher, data={"set": "patterns"})
    record = json.loads((directory / "recipe.json").read_text())
    assert record["judges_seen"] == ["sface"]
    assert DistilRecipe.from_dict(record["recipe"]) == recipe
    assert network_config(str(directory)) == TINY
    assert weights_sha256(load_net(str(directory))) == weights_sha256(net)


def test_weights_start_a_network_with_a_key_or_other_bits(brief: DistilRecipe, tmp_path: Path, faces: FaceBank) -> None:
    net = distil(brief, _grey, faces, checkpoint=tmp_path / "run")
    save_distilled(net, brief, tmp_path / "net", metrics={}, teacher={}, data={})
    keyed = Modifier(replace(TINY, key_channels=3).at_bits(4))
    keyed.load_state_dict(starting_state(tmp_path / "net", keyed.config))
    crops, keys = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 1, 1).expand(-1, -1, 32, 32)
    with torch.no_grad():
        assert torch.equal(keyed.eval()(torch.cat([crops, keys], 1)), net(crops)), "nobody heeds the key yet"
    with pytest.raises(ContractError, match="another network"):
        starting_state(tmp_path / "net", replace(TINY, blocks=2))
    with pytest.raises(ConfigError, match="neither a directory"):
        weights_directory(str(tmp_path / "nothing"))
