"""Rows of a table as statements: weights, citations, the other way round, terms that nobody knows."""

import pytest

from kg import vocab
from kg.errors import LandloreWarning, SourceError
from kg.imports.mapping import read_mapping
from kg.imports.source import ImportSource
from kg.imports.vocabulary import Vocabulary
from kg.store import KnowledgeGraph
from kg.triples import Triple

pytestmark = pytest.mark.filterwarnings("ignore::kg.errors.LandloreWarning")
LL, SC = vocab.CORE, vocab.SCENE
HEAD = 'file = "t.csv"\nname = "t"\n[source]\ncitation = "Somebody (2020)"\n'
TABLE = "[table]\nhead = 1\nrelation = 2\ntail = 3\nheader = false\n"


@pytest.fixture(scope="module")
def known():
    return Vocabulary()


@pytest.fixture
def read(tmp_path, known):
    """(rows of a CSV, rest of the mapping) -> (graph, report)."""

    def run(rows, mapping=TABLE):
        (tmp_path / "t.csv").write_text(rows, encoding="utf-8")
        (tmp_path / "t.toml").write_text(HEAD + mapping, encoding="utf-8")
        source, graph = ImportSource(read_mapping(tmp_path / "t.toml"), known), KnowledgeGraph()
        graph.replace_graph(source.iri, source.ntriples())
        return graph, source.report()

    return run


def said(graph):
    ours = (LL, SC, vocab.ID + "t/term/")
    return {
        t
        for t in graph.triples()
        if t.head.startswith(ours) and "statement" not in t.head and LL in t.relation
    }


def test_a_row_becomes_a_weighted_statement(read):
    graph, report = read("airport,has_part,runway\nairport,has_part,runway\n")
    assert said(graph) == {Triple(SC + "Airport", LL + "hasPart", LL + "Runway", 0.5)}
    assert (report.read, report.understood, report.unit) == (2, 2, "rows")
    assert report.means["terms"] == {"label en": (2, 4)}
    assert len(graph) == 3, "said twice, it stands there once"


def test_everything_about_the_statement_itself_is_kept(read):
    rows = "what,how,whom,w,c,cite,rights,when\nbeach,hasCover,water,30,0.8,Atlas 1999,https://example.org/l,1999\n"
    columns = "".join(
        f'{role} = "{name}"\n'
        for role, name in zip(
            ("head", "relation", "tail", "weight", "confidence", "source", "licence", "date"),
            rows.partition("\n")[0].split(","), strict=True,
        )
    )  # fmt: skip
    graph, report = read(rows, f"[table]\n{columns}percent = true\n")
    assert report.understood == 1
    asked = """SELECT ?w ?c ?s ?l ?d { sc:Beach ll:hasCover [ ll:value ll:Water ; ll:weight ?w ; ll:confidence ?c ;
        dct:source ?s ; dct:license ?l ; dct:issued ?d ] }"""
    ((*found,),) = graph.query(asked)
    assert [str(x) for x in found] == [
        "0.3",
        "0.008",
        "Atlas 1999",
        "https://example.org/l",
        "1999",
    ]


def test_relations_of_the_mapping_turn_round_and_weigh(read):
    mapping = (
        TABLE + '[relations]\nstops_at = "^ll:hasPart 0.9"\nnext_to = "near"\nruns = "leave-out"\n'
    )
    graph, report = read("aircraft,stops_at,airport\nlake,next_to,park\na,runs,b\n", mapping)
    assert said(graph) == {
        Triple(SC + "Airport", LL + "hasPart", LL + "Aircraft", 0.9),
        Triple(LL + "Lake", LL + "near", LL + "Park", 1.0),
    }
    assert report.left_out == {"unknown relation": 1}
    assert report.means["relations"] == {"left out": (1, 1), "mapping": (2, 2)}


def test_terms_of_the_mapping_win_over_names_and_can_be_dropped_or_kept(read):
    mapping = TABLE + '[terms]\nlane = "sc:LaneMarking"\nbridge = "leave-out"\nweed = "keep"\n'
    graph, report = read(
        "airport,hasPart,lane\nairport,hasPart,bridge\nairport,hasPart,weed\n", mapping
    )
    own = f"{vocab.ID}t/term/weed"
    assert {t.tail for t in said(graph)} == {SC + "LaneMarking", own}
    assert str(graph.query(f"SELECT ?l {{ <{own}> skos:prefLabel ?l }}").rows[0][0]) == "weed"
    assert report.left_out == {"unknown tail": 1} and report.unknown == ()


def test_unknown_terms_are_counted_with_the_nearest_of_ours(read):
    _, report = read("aiport,hasPart,runway\naiport,hasPrt,xyzzyx\nlake,hasPart,pier\n")
    assert report.left_out == {"unknown head": 1, "unknown relation": 1}
    first, *rest = report.unknown
    assert (first.kind, first.term, first.count, first.label) == ("term", "aiport", 2, "airport")
    assert {(u.kind, u.term, u.iri) for u in rest} == {
        ("relation", "hasPrt", LL + "hasPart"),
        ("term", "xyzzyx", ""),
    }
    text = "\n".join(report.lines())
    assert "1 of 3 rows understood (33.3 %)" in text
    assert "2 x unknown term 'aiport'; nearest: airport" in text


def test_unknown_terms_kept_become_scenes_of_their_own(read, tmp_path):
    graph, _ = read("moon base,hasPart,runway\n", TABLE + '[unknown]\nterms = "keep"\n')
    own = f"{vocab.ID}t/term/moon%20base"
    assert said(graph) == {Triple(own, LL + "hasPart", LL + "Runway", 0.5)}
    assert len(graph.query(f"SELECT ?l {{ <{own}> a ll:SceneClass ; skos:prefLabel ?l }}")) == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("lake,near,", "an empty cell"),
        ("lake,ll:width,wide", "a word where a number was expected"),
        ("lake,near,park,much", "weight is no number in 0..1"),
        ("lake,near,park,-1", "weight is no number in 0..1"),
        ("lake,near,park,1.01", "weight is no number in 0..1"),
        ("lake,near,park,nan", "weight is no number in 0..1"),
    ],
)
def test_a_row_that_says_nonsense_is_left_out_and_told(read, row, reason):
    _, report = read(f"lake,near,pier,\n{row}\n", TABLE + "weight = 4\n" * (row.count(",") > 2))
    assert report.left_out == {reason: 1} and report.understood == 1


def test_numbers_are_numbers(read):
    graph, _ = read("lake,ll:width,12.5\n")
    ((width,),) = graph.query("SELECT ?w { ll:Lake ll:width ?w }")
    assert width.datatype == vocab.XSD + "decimal" and float(width.value) == 12.5


@pytest.mark.parametrize(
    ("more", "what", "hint"),
    [
        ('[relations]\nx = "ll:hasPrt"', "'x' is 'll:hasPrt', which is not known", "ll:hasPart"),
        ('[terms]\nx = "ll:Lak"', "'x' is 'll:Lak', which is not known", "ll:Lake"),
        ('[relations]\nx = "ll:near 7"', "has '7' behind its relation", "0.5"),
        ('[relations]\nx = "ll:near often"', "has 'often' behind its relation", "0.5"),
    ],
)
def test_a_mapping_to_something_that_there_is_not_is_refused(read, more, what, hint):
    with pytest.raises(SourceError) as caught:
        read("lake,near,pier\n", TABLE + more)
    assert what in caught.value.message and hint in caught.value.hint


def test_nothing_understood_is_an_error_and_something_left_out_a_warning(read):
    with pytest.raises(SourceError, match="none of 1 rows was understood"):
        read("a,b,c\n")
    with pytest.warns(LandloreWarning, match="1 of 2 rows left out"):
        read("a,b,c\nlake,near,pier\n")
