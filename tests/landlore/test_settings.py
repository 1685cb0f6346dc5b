import json
from dataclasses import fields
from pathlib import Path

import pytest

from kg.errors import InputError
from landlore.settings import RunSettings, read_settings

DOCS = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


def written(tmp_path, text):
    path = tmp_path / "run.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_without_a_file():
    assert read_settings(None) == RunSettings()


def test_file_over_defaults_and_words_over_file(tmp_path):
    path = written(tmp_path, "smoothness = 2\nsteps = 30\nseed = 4\n")
    found = read_settings(path, seed=5, steps=None)
    assert (found.smoothness, found.steps, found.seed) == (2, 30, 5)
    assert found.confidence == RunSettings().confidence


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("smothness = 1.0", "unknown setting 'smothness'", "did you mean 'smoothness'"),
        ("steps = 2.5", "steps is 2.5, expected int", "steps = 1"),
        ("seed = true", "seed is True, expected int", "seed = 1"),
        ('evidence = "much"', "evidence is 'much', expected float", "evidence = 1.0"),
        ("overwrite = 1", "overwrite is 1, expected bool", "overwrite = True"),
        ("steps = ", "not a readable TOML file", "docs/settings.md"),
        ("steps = 0", "steps is 0, expected 1 or more", "steps = 300"),
        ("rules = -1.0", "rules is -1.0, expected 0 or more", "rules = 1.0"),
        ("smoothness = inf", "smoothness is inf", "smoothness = 1.0"),
        ("evidence = nan", "evidence is nan", "evidence = 1.0"),
    ],
)
def test_wrong_settings(tmp_path, text, message, hint):
    with pytest.raises(InputError) as error:
        read_settings(written(tmp_path, text))
    assert message in error.value.message and hint in error.value.hint


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"none\.toml"):
        read_settings(tmp_path / "none.toml")


def test_every_setting_is_documented_with_its_default():
    block = DOCS.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    defaults = RunSettings()
    lines = {line.partition(" = ")[0]: line for line in block.splitlines()}
    assert list(lines) == [f.name for f in fields(RunSettings)]
    for name, line in lines.items():
        value = getattr(defaults, name)
        told = line.partition(" = ")[2].partition("#")[0].strip()
        assert json.loads(told) == value


def test_the_documented_file_can_be_read(tmp_path):
    block = DOCS.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    assert read_settings(written(tmp_path, block)) == RunSettings()
