"""The data card counts right, the sheets show what is in the set."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hw_anon.data.images import read_picture
from hw_anon.data.synthetic.card import make_card, synthesis_command, write_card
from hw_anon.data.synthetic.generate import generate
from hw_anon.data.synthetic.plan import SynthesisConfig
from hw_anon.data.synthetic.sets import open_clips, open_people
from hw_anon.data.synthetic.sheet import contact_sheet, write_sheets
from tests.data.synthetic.fake_studio import fake_studio

CONFIG = SynthesisConfig(
    people=6,
    test_people=2,
    pictures_per_person=2,
    clips=7,
    test_clips=3,
    frames_per_clip=2,
    size=96,
    portrait_size=64,
    picture_format="png",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished set."""
    directory = tmp_path_factory.mktemp("made") / "set"
    generate(CONFIG, directory, fake_studio)
    return directory


def test_the_card_counts_what_is_there(made: Path) -> None:
    people, clips = [open_people(made, "train"), open_people(made, "test")], open_clips(made)
    card = make_card(made, people, clips)
    assert card["splits"] == {
        "train": {"people": 4, "portraits": 8, "clips": 4, "performers": 4, "frames": 8},
        "test": {"people": 2, "portraits": 4, "clips": 3, "performers": 2, "frames": 6},
    }
    assert card["actions"]["wave"] == {"near_face": False, "train": 2, "test": 1}
    assert card["actions"]["drink"] == {"near_face": True, "train": 1, "test": 1}
    for counts in card["people"].values():
        assert sum(counts.values()) == 6
    ages = [part.traits(i).age for part in people for i in range(len(part.identities))]
    assert card["people"]["age_years"]["20 to 30"] == sum(20 <= age < 30 for age in ages)
    assert card["frame_faces"]["pictures"] == 14
    assert card["frame_faces"]["without_face"] == 2 * sum(clips.actions[clips.action(c)] == "idle" for c in clips.clips)
    assert card["frame_faces"]["height_px"]["24 to 32"] == 14 - card["frame_faces"]["without_face"]
    assert card["portrait_faces"]["height_px_percentiles"]["50"] == 16


def test_the_command_makes_the_same_settings_again() -> None:
    words = synthesis_command(CONFIG).split()[4:]
    given = {name[2:].replace("-", "_"): value for name, value in zip(words[::2], words[1::2], strict=True)}
    raw = {name: int(value) if value.isdecimal() else value for name, value in given.items()}
    assert SynthesisConfig.from_dict(raw) == CONFIG
    assert "--fps 12.5" in synthesis_command(SynthesisConfig(fps=12.5))


def test_card_and_sheets_are_written(made: Path) -> None:
    people, clips = [open_people(made, "train"), open_people(made, "test")], open_clips(made)
    card = make_card(made, people, clips)
    write_card(card, made)
    assert json.loads((made / "card.json").read_text()) == card
    text = (made / "card.md").read_text()
    assert "| drink | yes | 1 | 1 |" in text
    assert "CC0-1.0" in text
    sheets = write_sheets(people, clips, made / "sheets")
    assert [path.stem for path in sheets] == ["identities", "actions", "clips", "labels"]
    identities = read_picture(sheets[0])
    assert (identities[66:130, 150:214] == people[0].picture(2)).all(), "second row: the second person's first picture"
    labels = read_picture(sheets[3])
    assert (labels == (60, 120, 255)).all(axis=2).any(), "the person's box is drawn"


def test_rows_of_a_sheet_may_differ_in_length() -> None:
    black = np.zeros((10, 12, 3), np.uint8)
    sheet = contact_sheet([("a", [black]), ("b", [black, black])])
    assert sheet.shape == (24, 150 + 28, 3)
    assert (sheet[:10, 164:] == 255).all()
    assert (sheet[12:22, 164:176] == 0).all()
