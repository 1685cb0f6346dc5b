"""Legend files: what is read from them and what is refused."""

import pytest

from kg.errors import LegendError, SourceError
from kg.scheme import read_scheme, usual_covers
from kg.vocab import CORE

HEAD = """
@prefix ll: <https://w3id.org/landlore/core#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix : <https://example.org/tiny/> .
<https://example.org/tiny> a skos:ConceptScheme ; ll:nodata 0 ;
    ll:variant [ skos:notation "old" ; ll:nodata 99 , 255 ] .
"""
WOOD = ':1 a skos:Concept ; skos:prefLabel "Wood"@en , "林"@zh ; ll:code 1 ; skos:closeMatch ll:TreeCover .'


def write(folder, text):
    path = folder / "tiny.ttl"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_concept_is_read_whole(tmp_path):
    text = (
        HEAD
        + WOOD
        + """
:11 a skos:Concept ; skos:prefLabel "Oak wood"@en ; skos:broader :1 ; ll:code 11 ; ll:colour "#0A1BFF" ;
    ll:variantCode [ ll:variant "old" ; ll:code 7 ] ;
    skos:closeMatch ll:Woody ; skos:exactMatch ll:DeciduousForest ; skos:relatedMatch ll:Forestry ;
    ll:crosswalk [ ll:value ll:DeciduousForest ; ll:weight 0.9 ] , [ ll:value ll:Grassland ; ll:weight 0.1 ] .
"""
    )
    scheme = read_scheme(write(tmp_path, text))
    oak = scheme.concepts["https://example.org/tiny/11"]
    assert scheme.nodata[""] == (0,)
    assert sorted(scheme.nodata["old"]) == [99, 255]
    assert oak.codes == {"": 11, "old": 7}
    assert oak.colour == (10, 27, 255)
    assert oak.kind == CORE + "DeciduousForest"  # an exact match before a close one
    assert dict(oak.core) == {CORE + "DeciduousForest": 0.9, CORE + "Grassland": 0.1}
    assert oak.related == (CORE + "Forestry",)
    assert scheme.broader(oak.iri) == ("https://example.org/tiny/1",)
    assert scheme.concepts["https://example.org/tiny/1"].core == ((CORE + "TreeCover", 1.0),)


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("<a> <b> <c> .", LegendError, "0 skos:ConceptScheme found, 1 expected"),
        (HEAD + WOOD.replace("code 1", 'code "one"'), LegendError, "ll:code of"),
        (
            HEAD + ':1 a skos:Concept ; ll:code 1 ; ll:colour "red" .',
            LegendError,
            "#RRGGBB expected",
        ),
        (
            HEAD
            + ":1 a skos:Concept ; ll:code 1 ; ll:crosswalk [ ll:value ll:Sea ; ll:weight 0.7 ] .",
            LegendError,
            "sums to 0.7, 1 expected",
        ),
        (
            HEAD + WOOD.replace("TreeCover", "TreeCovr"),
            LegendError,
            r"the class of skos:closeMatch of <.*/1>: ll:TreeCovr is not known; the nearest is ll:TreeCover",
        ),
        (
            HEAD + WOOD.replace("closeMatch", "closeMach"),
            LegendError,
            "predicate of <.*/1>: skos:closeMach is not known; the nearest is skos:closeMatch",
        ),
        (
            HEAD + WOOD.replace("ll:code 1", 'll:code 1 ; ll:color "#00FF00"'),
            LegendError,
            "ll:color is not known; the nearest is ll:colour",
        ),
        (
            HEAD
            + ":1 a skos:Concept ; ll:code 1 ; ll:crosswalk [ ll:value ll:Se ; ll:weight 1 ] .",
            LegendError,
            "the class of ll:value: ll:Se is not known; the nearest is ll:Sea",
        ),
        (
            HEAD + WOOD.replace("closeMatch", "narrowMatch ll:Forrest ; skos:closeMatch"),
            LegendError,
            "ll:Forrest is not known",
        ),
        (HEAD + "oops", SourceError, "tiny.ttl:7"),
    ],
)
def test_a_bad_file_is_named_with_its_fault(tmp_path, text, error, words):
    with pytest.raises(error, match=words) as caught:
        read_scheme(write(tmp_path, text))
    assert "tiny.ttl" in caught.value.message
    assert caught.value.hint


def test_usual_covers_sum_to_one():
    covers = usual_covers()
    assert dict(covers[CORE + "BasketballCourt"]) == {CORE + "Pavement": 1.0}
    assert all(sum(share for _, share in pairs) == pytest.approx(1) for pairs in covers.values())
