"""The user study: balanced, the same for the same seed, without a hint of the answers, and scored right."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.video_path import crop_resize, paste
from hw_anon.evaluate.baselines import make_baseline
from hw_anon.evaluate.faces import IdentityFaces
from hw_anon.evaluate.gallery import GalleryMethod, picture_uri
from hw_anon.evaluate.identity_sets import JudgedSet
from hw_anon.evaluate.study import ANSWERS_FORMAT, Study, StudySettings, make_study, write_study
from hw_anon.evaluate.study_score import read_answers, read_key, score_study

pytest.importorskip("jinja2", reason="missing: jinja2")
pytest.importorskip("PIL", reason="missing: pillow")

SETTINGS = StudySettings(named=5, candidates=4, shown=3, side=48, seed=7)


class Questions(HTMLParser):
    """Options and pictures by question."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.options: dict[str, list[str]] = {}
        self.pictures: dict[str, list[str]] = {}
        self.addresses: list[str] = []
        self._question = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        fields = {name: value or "" for name, value in attrs}
        if tag == "fieldset":
            self._question = fields["id"]
        if tag == "input":
            self.options.setdefault(fields["name"], []).append(fields["value"])
        if tag == "img":
            self.pictures.setdefault(self._question, []).append(fields["src"])
        self.addresses += [fields[name] for name in ("src", "href", "action") if name in fields]


@pytest.fixture
def study(toy_faces: IdentityFaces) -> Study:
    return make_study(toy_faces, _method("blur-8"), SETTINGS, command="hw-anon study")


def _method(name: str) -> GalleryMethod:
    return GalleryMethod(backend=make_baseline(name), crop_side=64)


def test_pairs_are_balanced_and_every_question_can_be_answered(study: Study) -> None:
    page = Questions(study.page)
    assert Counter(study.key["pairs"].values()) == {"same": 12, "different": 12}
    assert set(page.options) == {*study.key["pairs"], *study.key["named"], "trust"}
    assert all(page.options[name] == ["same", "different"] for name in study.key["pairs"])
    assert all(page.options[name] == ["1", "2", "3", "4", "no idea"] for name in study.key["named"])
    assert page.options["trust"] == ["1", "2", "3", "4", "5"]
    assert {len(page.pictures[name]) for name in study.key["pairs"]} == {2}
    assert all(len(set(page.pictures[name])) == len(page.pictures[name]) for name in page.pictures if name != "trust")


def test_the_key_is_right(toy_faces: IdentityFaces) -> None:
    """With pictures left as they are, the person of each can be looked up."""
    two = np.arange(len(toy_faces)) % 4 < 2
    faces = replace(
        toy_faces, people=toy_faces.people[two],
        **{name: tuple(itertools.compress(getattr(toy_faces, name), two)) for name in ("pictures", "faces", "regions")},
    )  # fmt: skip
    settings = StudySettings(named=30, candidates=4, side=48, seed=7)
    made = make_study(faces, _method("original"), settings, command="")
    page = Questions(made.page)
    which = {}
    for index, (picture, region) in enumerate(zip(faces.pictures, faces.regions, strict=True)):
        shown = paste(picture, region, crop_resize(picture, region, 64))
        which |= {picture_uri(crop_resize(version, region, 48)): index for version in (shown, picture)}
    people = faces.people.tolist()
    for name, answer in made.key["pairs"].items():
        first, second = (which[source] for source in page.pictures[name])
        assert (people[first] == people[second]) == (answer == "same")
        assert first != second
    for name, answer in made.key["named"].items():
        asked, *candidates = (which[source] for source in page.pictures[name])
        assert people[candidates[answer - 1]] == people[asked]
        assert [people[candidate] for candidate in candidates].count(people[asked]) == 1
        assert asked not in candidates, "another picture of the person"


def test_the_page_tells_no_answer_and_needs_nothing_else(study: Study) -> None:
    page = Questions(study.page)
    assert all(address.startswith("data:image/jpeg;base64,") for address in page.addresses)
    bare = re.sub(r"data:image/jpeg;base64,[A-Za-z0-9+/=]+", "", study.page)
    assert "http" not in bare.replace('http-equiv="Content-Security-Policy"', "")
    assert "default-src 'none'" in bare
    for secret in ("blur-8", "toy", "checked>", "data-answer", "correct"):
        assert secret not in bare, secret
    # Beside the numbers in names and labels, all questions of a kind are the same text.
    pairs = re.findall(r'<fieldset id="pair-.*?</fieldset>', bare, flags=re.DOTALL)
    named = re.findall(r'<fieldset id="name-.*?</fieldset>', bare, flags=re.DOTALL)
    for kind in (pairs, named):
        assert len({re.sub(r"(pair|name)-\d+|(Pair|Face) \d+", "", text) for text in kind}) == 1


def test_answers_are_spread_and_follow_the_seed(toy_faces: IdentityFaces, study: Study) -> None:
    again = make_study(toy_faces, _method("blur-8"), SETTINGS, command="hw-anon study")
    assert (again.page, again.key) == (study.page, study.key)
    other = make_study(toy_faces, _method("blur-8"), StudySettings(named=5, candidates=4, side=48, seed=8), command="")
    assert other.key["study"] != study.key["study"]
    assert other.key["pairs"] != study.key["pairs"]
    many = make_study(toy_faces, _method("mask"), StudySettings(named=40, candidates=4, side=32), command="")
    assert min(Counter(many.key["named"].values())[number] for number in (1, 2, 3, 4)) >= 4


def test_too_few_people_are_refused(toy_faces: IdentityFaces) -> None:
    with pytest.raises(ConfigError, match="needs 30 people"):
        make_study(toy_faces, _method("mask"), StudySettings(candidates=30), command="")
    with pytest.raises(ConfigError, match="candidates"):
        StudySettings(candidates=1)


KEY = {
    "format": "hw-anon study key 1",
    "study": "s",
    "method": "m",
    "dataset": "d",
    "settings": {"candidates": 4},
    "pairs": {"pair-01": "same", "pair-02": "same", "pair-03": "different", "pair-04": "different"},
    "named": {"name-01": 2, "name-02": 3},
}


def test_scores_by_hand() -> None:
    first = dict(zip(("pair-01", "pair-02", "pair-03", "pair-04"), ("same", "same", "different", "same"), strict=True))
    first |= {"name-01": "2", "trust": "5"}
    second = dict(zip(("pair-01", "pair-02", "pair-03"), ("same", "different", "different"), strict=True))
    second |= {"name-01": "no idea", "name-02": "1", "trust": "3"}
    score = score_study(KEY, {"a": first, "b": second})
    assert score.pairs is not None
    assert (score.pairs.value, score.pairs.n) == (pytest.approx(5 / 7), 7)
    # Wilson: (5 + 1.9208) / (7 + 3.8416) ± 1.96 * sqrt(5 * 2 / 7 + 0.9604) / 10.8416
    assert score.pairs.low == pytest.approx(0.6384 - 0.2794, abs=2e-3)
    assert score.pairs.high == pytest.approx(0.6384 + 0.2794, abs=2e-3)
    assert (score.hits, score.false_alarms) == ((3, 4), (1, 3))
    # z((3 + 0.5) / 5) - z((1 + 0.5) / 4) = z(0.7) - z(0.375) = 0.5244 + 0.3186
    assert score.d_prime is not None
    assert score.d_prime.value == pytest.approx(0.8430, abs=1e-4)
    assert score.named is not None
    assert (score.named.value, score.named.n, score.named_chance) == (pytest.approx(1 / 3), 3, 0.25)
    assert score.no_idea == (1, 3)
    assert score.trust is not None
    assert (score.trust.value, score.trust_mean) == (0.5, 4.0)
    assert score.by_participant == {"a": (0.75, 1.0), "b": (pytest.approx(2 / 3), 0.0)}
    assert score.unanswered == 2 * 7 - 12
    assert score.as_json()["paper"] == {"pairs": 0.533, "named": 0.1975, "trust": 0.8}
    with pytest.raises(ConfigError, match="no answers"):
        score_study(KEY, {})


def _answers(path: Path, **changes: object) -> Path:
    document = {"format": ANSWERS_FORMAT, "study": "s", "answers": {"pair-01": "same", "name-01": "no idea"}} | changes
    path.write_text(json.dumps(document))
    return path


def test_files_of_answers_and_keys_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    assert read_answers(_answers(path), KEY) == {"pair-01": "same", "name-01": "no idea"}
    for changes, message in (
        ({"study": "t"}, "answers of study 't'"),
        ({"format": "x"}, "no answers of a study"),
        ({"answers": {"pair-09": "same"}}, "'same' is no answer to 'pair-09'"),
        ({"answers": {"name-01": "5"}}, "'5' is no answer"),
        ({"answers": {"trust": "0"}}, "'0' is no answer"),
    ):
        with pytest.raises(ContractError, match=message) as caught:
            read_answers(_answers(path, **changes), KEY)
        assert "a.json" in str(caught.value)
    for text, message in (("{", "cannot be read"), ("[]", "expected a table"), ("{}", "not the key")):
        path.write_text(text)
        with pytest.raises(ContractError, match=message):
            read_key(path)
    for key, message in (
        (KEY | {"named": {"name-01": 5}}, "none of the candidates"),
        (KEY | {"pairs": {"pair-01": "yes"}}, "neither same nor different"),
        (KEY | {"settings": {}}, "how many candidates"),
    ):
        path.write_text(json.dumps(key))
        with pytest.raises(ContractError, match=message):
            read_key(path)


def test_the_command_scores_files(study: Study, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from hw_anon.cli import main

    files = write_study(study, tmp_path)
    key = read_key(files["key"])
    right = {**key["pairs"], **{name: str(answer) for name, answer in key["named"].items()}, "trust": "4"}
    path = _answers(tmp_path / "a.json", study=key["study"], answers=right)
    assert main(["study", "score", "--key", str(files["key"]), str(path), "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert (document["pairs_accuracy"]["value"], document["named_accuracy"]["value"]) == (1.0, 1.0)
    assert main(["study", "score", "--key", str(files["key"]), str(path)]) == 0
    assert "19.75 %" in capfd.readouterr().out
    assert main(["study", "score", "--key", str(path), str(path)]) == 3
    assert main(["study", "--out", str(tmp_path)]) == 2
    assert np.all([path.is_file() for path in files.values()])


def test_an_anonymiser_of_others_is_asked_about_and_its_misses_counted(
    toy_faces: IdentityFaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from hw_anon.cli import main
    from hw_anon.evaluate import identity_sets

    monkeypatch.setattr(identity_sets, "open_identity_set", lambda *_, **__: JudgedSet(faces=toy_faces))
    tool = tmp_path / "tool.py"
    level = np.median([picture.mean() for picture in toy_faces.pictures])
    tool.write_text(f"def bright_only(frame, regions):\n    return frame if frame.mean() < {level} else frame * 0\n")
    arguments = ["study", "--candidates", "4", "--anonymiser", f"mine={tool}:bright_only", "--out", str(tmp_path)]
    assert main([*arguments, "--backend", "blur-8"]) == 2
    assert main([*arguments, "--work", str(tmp_path)]) == 0
    key = read_key(tmp_path / "key.json")
    assert (key["method"], key["takes"]) == ("mine", "frames")
    assert 0 < key["n_untouched"] < key["n_faces"] <= len(toy_faces)
    assert f"{key['n_untouched']} of {key['n_faces']} faces" in capfd.readouterr().err
    shown = set(Questions((tmp_path / "study.html").read_text()).pictures["trust"])
    black = np.zeros((StudySettings().side, StudySettings().side, 3), np.uint8)
    assert picture_uri(black) in shown
    own = make_study(toy_faces, _method("blur-8"), SETTINGS, command="hw-anon study")
    assert "n_untouched" not in own.key, "of others only"
