"""The evidence index: a SQLite file with everything that may be shown, built here and searched by words and meaning."""

from collabnlp.query.index import build_index, open_index, read_open
from collabnlp.query.search import MATCHES, Filters, Found, Hit, Searcher, load_encoder, search
from collabnlp.query.words import fts_query

__all__ = [
    "MATCHES",
    "Filters",
    "Found",
    "Hit",
    "Searcher",
    "build_index",
    "fts_query",
    "load_encoder",
    "open_index",
    "read_open",
    "search",
]
