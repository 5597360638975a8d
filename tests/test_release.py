"""What may leave: thin cells and quotes withheld."""

import pytest

from collabnlp.records import EvidenceRow
from collabnlp.release import WITHHELD, releasable, withheld


def make_row(document_id="talk", access="non-attributable", **changes) -> EvidenceRow:
    return EvidenceRow(
        **{
            "entity_id": "harrowmere",
            "entity_name": "Harrowmere",
            "entity_label": "COUNCIL",
            "code": "trust",
            "passage_id": f"{document_id}:0001",
            "coder": "model",
            "tie": "named",
            "stance": "positive",
            "score": 0.8,
            "document_id": document_id,
            "document": "An interview",
            "kind": "transcript",
            "year": 2019,
            "access": access,
            "synthetic": True,
            "section": "Ann Weir, leader",
            "page": None,
            "speaker": "Interviewee",
            "topic": 0,
            "review": False,
            "sentence": "We trust them.",
            "terms": "trust",
            "quote": "We trust them.",
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], False),
        ([make_row("a")], True),
        ([make_row("a"), make_row("a")], True),
        ([make_row("a"), make_row("b")], True),
        ([make_row("a"), make_row("b"), make_row("c")], False),
        ([make_row("a"), make_row("b", access="public")], False),
        ([make_row("a", access="attributable")], False),
    ],
    ids=["none", "one", "one twice", "two", "three", "one and a public one", "attributable"],
)
def test_a_cell_of_too_few_interviews_is_withheld(rows, expected):
    assert withheld(rows, 3) is expected


def test_rows_may_come_from_an_iterator():
    assert withheld(iter([make_row("a"), make_row("b"), make_row("c")]), 3) is False


def test_words_that_are_not_for_attribution_are_withheld():
    row = releasable(make_row())
    assert (row.quote, row.speaker, row.section) == (WITHHELD, None, "")


@pytest.mark.parametrize("access", ["public", "attributable"])
def test_words_that_may_be_shown_are_shown(access):
    assert releasable(make_row(access=access)) == make_row(access=access)
