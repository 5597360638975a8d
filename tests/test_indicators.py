"""Patterns that cannot match are not tried, and nothing else changes."""

import re
import string

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from collabnlp.indicators import Searcher, _ways, compiled, fault_of

FOLD = str.maketrans(string.ascii_uppercase + string.whitespace, string.ascii_lowercase + " " * 6)
PATTERNS = (
    r"\b(joint|shared) (\w+ )?(post|team)s?\b",
    r"\bwork(ing)? (with|alongside)\b|\bpartner\w*\b.{0,20}\bshare",
    r"co-?operat\w+|b&b",
    r"\bteam\b",
    r"(?<=the )team\b(?! post)",
    r"^shared|team$",
    r"team\W+post",
    r"(?:team ){2,3}post",
    r"\b(?:the )?(?:\w+ ){0,2}post\b",
    r"[pt]ost|\Bing\b",
    r"(?i)TEAM",
    r"(?a)\bpost\b",
    r"(post|)s|x{0}team",
    r"(?:(?:joint|shared) (?:team|\w+ post)|the (?:b&b|work)) (?:with|shar\w+)",
    r"\b.?post",
    r"(?>joint|shared) post",
    r"(team)+ post",
    r"(?:shared){e<=1} post",
    r"\s\bteam\b\s",
    r"\b team\b",
)
WORDS = st.sampled_from(
    ["joint", "shared", "share", "Post", "posts", "team", "TEAM", "working", "work", "with", "the", "partners", "cooperation",
     "co-operate", "b&b", "post²", "é", "postés", "teám", "_team", "x", "’s"]
)  # fmt: skip
GAPS = st.sampled_from([" ", "  ", "\n", ", ", "-", "", "’", "\u00a0", ". "])


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(WORDS, GAPS), max_size=9))
def test_it_finds_what_each_pattern_finds(pieces):
    text = "".join(map("".join, pieces))
    plain = [(i, m.span()) for i, p in enumerate(PATTERNS) if (m := regex.search(p, text.translate(FOLD)))]
    assert Searcher(PATTERNS).hits(text) == plain


def test_few_patterns_are_tried(codebook, monkeypatch):
    tried = []
    monkeypatch.setattr("collabnlp.indicators.compiled", lambda pattern: tried.append(pattern) or compiled(pattern))
    patterns = [pattern for code in codebook.codes for pattern in code.indicators]
    hits = Searcher(patterns).hits(
        "The councils keep a joint team, and the leaders came to trust each other over ten years."
    )
    assert 0 < len(hits) <= len(tried) < len(patterns) / 20


def test_what_was_found_is_not_looked_for_again(monkeypatch):
    searcher = Searcher(PATTERNS)
    first = searcher.hits("a shared team")
    monkeypatch.setattr(searcher, "_possible", None)
    assert searcher.hits("a shared team") == first


def test_a_searcher_without_patterns_finds_nothing():
    assert Searcher([]).hits("a shared team") == []


def test_what_is_read_off_a_pattern():
    assert _ways(r"\b(joint|shared) (\w+ )?posts?\b") == (
        frozenset([frozenset([" joint ", " shared "]), frozenset(["post ", "posts "])]),
    )
    assert _ways(r"\bdogged|\brefus\w+ to\b") == (
        frozenset([frozenset([" dogged"])]),
        frozenset([frozenset([" refus"]), frozenset([" to "])]),
    )
    assert _ways(r"(?i)joint") == _ways(r".*") == _ways("(?:shared){e<=1}") == ()


@pytest.mark.parametrize("pattern", ["(", "a**", "[z-a]", r"(?P<n>a)(?P<n>b)(", "(?:a){e<=}("])
def test_what_is_no_pattern_is_said(pattern):
    assert fault_of(pattern)


@pytest.mark.parametrize("pattern", ["a", r"\bwork(?:ing)?\b", r"(?:shared){e<=1}", r"\p{L}+", "(?|a|b)"])
def test_what_either_library_reads_is_a_pattern(pattern):
    assert not fault_of(pattern)


def test_what_the_guide_holds_compiles(codebook):
    """`fault_of` reads patterns without compiling them: what it lets pass must compile."""
    for code in codebook.codes:
        for pattern in code.indicators:
            assert compiled(pattern) is not None
            assert re.compile(pattern)
