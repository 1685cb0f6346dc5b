"""Arguments of another kind are refused in two lines, whatever the function would have stumbled over."""

from pathlib import Path

import pytest

import landlore as ll
from kg.errors import InputError
from landlore.kinds import check_kind

CALLS = {
    "query: graph is None": lambda: ll.query(None, "ASK {}"),
    "query: sparql is 5": lambda: ll.query("town.ttl", 5),
    "build: sources is 'x.osm', expected Sources": lambda: ll.build("graph", "x.osm"),
    "build: sources is None": lambda: ll.build("graph", None),
    "build: out is None": lambda: ll.build(None, ll.Sources(osm="x.osm")),
    "build: bounds is (1, 2), expected four numbers": lambda: ll.build(
        "g", ll.Sources(osm="x"), bounds=(1, 2)
    ),
    "build: bounds are (nan,": lambda: ll.build(
        "g", ll.Sources(osm="x"), bounds=(float("nan"), 0, 1, 1)
    ),
    "build: existing is 'foo'": lambda: ll.build("g", ll.Sources(osm="x"), existing="foo"),
    "Sources: osm is 5": lambda: ll.Sources(osm=5),
    "Sources: vector is None, expected": lambda: ll.Sources(vector=[None]),
    "Sources: landcover is {": lambda: ll.Sources(landcover={"worldcover": "map.tif"}),
    "Sources: dem is 5": lambda: ll.Sources(dem=5),
    "Sources: cell is 'x'": lambda: ll.Sources(cell="x"),
    "explain: run is None": lambda: ll.explain(None),
    "explain: place is 'here', expected two numbers": lambda: ll.explain("run", place="here"),
    "explain: top is '5'": lambda: ll.explain("run", top="5"),
    "correct: sources is 'x.osm'": lambda: ll.correct(
        "labels.tif", legend="nlcd", out="o", sources="x.osm"
    ),
    "correct: legend is 5": lambda: ll.correct("labels.tif", legend=5, out="o"),
    "import_graph: file is None": lambda: ll.import_graph(None),
    "embed: settings is 'TransE'": lambda: ll.embed("e.safetensors", settings="TransE"),
}


@pytest.mark.parametrize("words", CALLS)
def test_arguments_of_another_kind(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as told:
        CALLS[words]()
    assert words in told.value.message
    assert told.value.hint
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("annotation", "fits", "refused"),
    [
        ("str | Path | None", ["a", Path("a"), None], [5, b"a", ["a"]]),
        ("int", [3], [True, 3.0, "3"]),
        ("float | None", [3, 0.5, None], [True, "3"]),
        ("bool | Literal['rcc8']", [True, "rcc8"], [None]),
        ("Callable[[str, int], None] | None", [print, None], ["print"]),
        ("tuple[float, float]", [(1, 2.5), [1, 2]], [(1,), (1, "2"), 1]),
        ("Sequence[str | Path] | None", [["a"], ("a",), None], [5, {"a": 1}]),
    ],
)
def test_what_an_annotation_allows(annotation, fits, refused):
    for value in fits:
        check_kind("x", value, annotation)
    for value in refused:
        with pytest.raises(InputError, match=r"^x is "):
            check_kind("x", value, annotation)


def test_several_files_of_any_collection():
    found = ll.Sources(osm=(path for path in (Path("a.osm"), "b.osm")), graph=Path("g"))
    assert (found.osm, found.graph) == (("a.osm", "b.osm"), "g")
