"""Places and questions as people type them, or copy them from what was printed."""

import pytest

from kg.errors import InputError, QueryError
from landlore.cli.words import parse_place, sparql_text


@pytest.mark.parametrize(
    "text",
    ["-2.99553,49.63769", "49.63769° N, 2.99553° W", "49.63769N,2.99553W", "49.63769 n 2.99553 w"],
)
def test_a_place_that_was_printed_can_be_typed_back(text):
    assert parse_place(text) == (-2.99553, 49.63769)


def test_a_place_without_its_half_is_refused():
    assert parse_place("33.9° S, 18.4° E") == (18.4, -33.9)
    for text in ("49.6N,2.9", "49.6N,2.9N", "2.9W,91N", "91N,2W"):
        with pytest.raises(InputError):
            parse_place(text)


def test_a_file_without_its_sign_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "q.rq").write_text("ASK {}")
    assert sparql_text("@q.rq") == "ASK {}" and sparql_text("ASK {}") == "ASK {}"
    with pytest.raises(QueryError, match=r"@q\.rq"):
        sparql_text("q.rq")


def test_the_list_of_commands_is_whole(landlore, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, said, _ = landlore("--help")
    listed = said.partition("Commands:\n")[2].splitlines()
    assert code == 0 and len(listed) == 21
    assert all(line.endswith(".") and not line.endswith("...") for line in listed)
