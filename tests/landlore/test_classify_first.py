"""What can only fail later is refused before any image is read."""

import pytest

import landlore as ll
from kg.errors import InputError
from landlore.classified import ClassifySettings

pytest.importorskip("torch")


@pytest.mark.parametrize(
    ("labels", "settings", "said"),
    [
        (("airport", "airport"), {}, "class named twice"),
        (("airport", "river"), {"method": "nonsense"}, "unknown method"),
        (("airport", "river"), {"map": "nomap"}, "nothing there"),
        (("airport", "river"), {"parts": "found.json"}, "--parts found.json: no such file"),
        (("airport", "river"), {"lang": "fr"}, "known are en and zh"),
        (("airport", "river"), {"top": 0}, "at least 1"),
        (("airport",), {}, "one class to choose from"),
    ],
)
def test_it_is_refused_before_images_are_read(tmp_path, labels, settings, said):
    with pytest.raises(InputError, match=said):
        ll.classify(tmp_path / "no.png", labels, settings=ClassifySettings(**settings))
