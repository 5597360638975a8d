"""What the pages are made of: the evidence index, the codebook, how well codes are found, who works with whom."""

from __future__ import annotations

import json
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from collabnlp.codebook import Codebook, load_codebook
from collabnlp.gazetteer import Gazetteer, load_gazetteer
from collabnlp.locks import stamps
from collabnlp.params import load_params
from collabnlp.query import Searcher, load_encoder
from collabnlp.records import InputError
from collabnlp.release import NARROWED, RULE
from collabnlp.scarce import ENOUGH
from collabnlp.web.index import Index

_GRAPHML = "{http://graphml.graphdrawing.org/xmlns}"
_CLASSIFIER = Path("models/classifier/classifier.json")
_TRIES = 5
Answer = TypeVar("Answer")


class Edge(NamedTuple):
    """Two bodies and what ties them, as the network of the released evidence has it."""

    subject_id: str
    subject: str
    subject_label: str
    relation: str
    object_id: str
    object: str
    object_label: str
    n_passages: int
    n_documents: int
    first_year: int
    last_year: int
    listed: bool
    passages: tuple[str, ...]


@dataclass(frozen=True)
class Project:
    """Everything that a page may need, read once.

    Attributes
    ----------
    metrics
        outputs/metrics.json; empty where it is missing.
    network
        outputs/network.graphml, in its order; empty where it is missing.
    picture
        outputs/plots/network.svg; it may be missing.
    rule, narrowed
        What is withheld, in words: of the whole table, and of a filtered one.
    scarce
        Codes with few examples, and how many; none where the model is not at hand.
    """

    index: Index
    searcher: Searcher
    codebook: Codebook
    gazetteer: Gazetteer
    metrics: Mapping[str, Any]
    network: tuple[Edge, ...]
    picture: Path
    rule: str
    narrowed: str = NARROWED
    scarce: Mapping[str, int] = field(default_factory=dict)


def load_project(database: str | Path, folder: str | Path = ".") -> Project:
    """What stands in an evidence index and beside it.

    Parameters
    ----------
    database
        evidence.db; metrics.json, network.graphml and plots/ are looked for beside it.
    folder
        The project's folder: the codebook, the gazetteer and the parameters are its.

    Raises
    ------
    InputError
        Where something that must be there is missing or broken.
    """
    database, folder = Path(database), Path(folder)
    codebook = load_codebook(folder / "corpus" / "codebook.yaml", searched=False)
    gazetteer = load_gazetteer(folder / "corpus" / "gazetteer.csv")
    params = load_params(folder / "params.yaml")
    settings = params.evidence
    index = Index(database, codebook.names, gazetteer)
    return Project(
        index=index,
        searcher=Searcher(database, load_encoder(params.embed)),
        codebook=codebook,
        gazetteer=gazetteer,
        metrics=_metrics(database.parent / "metrics.json"),
        network=_network(database.parent / "network.graphml"),
        picture=database.parent / "plots" / "network.svg",
        scarce={c: n for c, n in _metrics(folder / _CLASSIFIER).get("scarce", {}).items() if n < ENOUGH},
        rule=RULE.format(people=settings.min_interviews, organisations=settings.min_organisations),
    )


def _metrics(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise InputError(path, "is not JSON", "delete it and run `dvc repro`") from error
    return found if isinstance(found, dict) else {}


def _network(path: Path) -> tuple[Edge, ...]:
    """The edges of the network that the evidence stage writes."""
    try:
        graph = ET.parse(path).getroot()
    except FileNotFoundError:
        return ()
    except ET.ParseError as error:
        raise InputError(path, "is not GraphML", "delete it and run `dvc repro`") from error
    names = {key.get("id"): key.get("attr.name") for key in graph.iter(f"{_GRAPHML}key")}

    def data(element: ET.Element) -> dict[str, str]:
        return {str(names.get(d.get("key"))): d.text or "" for d in element.iter(f"{_GRAPHML}data")}

    nodes = {node.get("id", ""): data(node) for node in graph.iter(f"{_GRAPHML}node")}
    edges = []
    for element in graph.iter(f"{_GRAPHML}edge"):
        own, subject, object_ = data(element), element.get("source", ""), element.get("target", "")
        edges.append(
            Edge(
                subject,
                nodes[subject]["name"],
                nodes[subject]["label"],
                own["relation"],
                object_,
                nodes[object_]["name"],
                nodes[object_]["label"],
                int(own["n_passages"]),
                int(own["n_documents"]),
                int(own["first_year"]),
                int(own["last_year"]),
                own["listed"].lower() == "true",
                tuple(own["passages"].split()),
            )
        )
    return tuple(sorted(edges, key=lambda e: (e.subject, e.object, e.relation)))


class Keeper:
    """Keeps the project that answers, and reads it again when a run has put another in its place.

    Parameters
    ----------
    database, folder
        As `load_project` takes them.
    """

    def __init__(self, database: str | Path, folder: str | Path = ".") -> None:
        self._database, self._folder = Path(database), Path(folder)
        self._lock = threading.Lock()
        self._stamp = self._look()
        self._project = load_project(self._database, self._folder)

    def _look(self) -> list[tuple[int, int, int]]:
        beside = (self._database.parent / name for name in ("metrics.json", "network.graphml"))
        return stamps(self._database, *beside, self._folder / _CLASSIFIER)

    def project(self) -> Project:
        """The project as it stands on disk now."""
        with self._lock:
            stamp = self._look()
            if stamp != self._stamp:
                self._project = load_project(self._database, self._folder)
                self._stamp = stamp
            return self._project

    def ask(self, read: Callable[[Project], Answer]) -> Answer:
        """What `read` makes of the project, while nothing of it was replaced.

        Some of an answer stands in memory and some is read from the index, which a run may have replaced
        in between; such an answer, or its error, counts for nothing, and `read` is called again. While a run
        goes on, its figures on quality may be there before its index.

        Raises
        ------
        InputError
            Where the project cannot be read, or is replaced faster than it can be.
        """
        for _ in range(_TRIES):
            before = self._look()
            try:
                answer = read(self.project())
            except Exception:
                if self._look() == before:
                    raise
            else:
                if self._look() == before:
                    return answer
        raise InputError(self._database, "is replaced again and again", "ask again when the run is over")
