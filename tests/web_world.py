"""A small evidence index for the tests of the pages: invented councils, hostile texts, interviews not for attribution."""

from collabnlp.evidence import build_matrix
from collabnlp.interviewees import Interviewees
from collabnlp.network import write_graphml
from collabnlp.query import build_index
from collabnlp.records import EvidenceRow, FoundEntity, Relation, Topic, TopicAssignment, write_json
from collabnlp.release import CLOSED, Rule, Tables, release
from conftest import make_document, make_mention, make_passage

HOSTILE = (
    "<script>alert('x')</script> =cmd|' /C calc'!A0 \"quoted\" & 'single' \u202eRTL\u202c \u200f\x00 NUL </td></table>"
    "<img src=x onerror=alert(1)> {{ 7*7 }} {% raw %} ]]> %s -->"
)
FORMULA = "=cmd|' /C calc'!A0 shared the trust of the board"
SECRET = "Zyxquell"
PLACES = {  # of the gazetteer, where they are invented, too
    "orrenshire": "Orrenshire County Council (invented)",
    "harrowmere": "Harrowmere Borough Council (invented)",
    "tarnholt": "Tarnholt District Council (invented)",
}


def make_row(passage_id, code, entity_id="", **changes):
    document_id = passage_id.split(":")[0]
    label = "COUNCIL" if entity_id in PLACES else "PARTNERSHIP" if entity_id else ""
    return EvidenceRow(
        **{
            "entity_id": entity_id,
            "entity_name": PLACES.get(entity_id, "Orren <b>Board</b>" if entity_id else ""),
            "entity_label": label,
            "code": code,
            "passage_id": passage_id,
            "coder": "model-1",
            "tie": "named" if entity_id else "none",
            "stance": "positive",
            "score": 0.8,
            "document_id": document_id,
            "document": "A report",
            "kind": "report",
            "year": 2019,
            "access": "public",
            "synthetic": True,
            "section": "Part one > The board",
            "page": 3,
            "speaker": None,
            "topic": 0,
            "review": False,
            "sentence": "The councils agreed.",
            "terms": "agreed; councils",
            "quote": "The councils agreed on trust.",
            **changes,
        }
    )


def tables(n_report=60):
    """What the pipeline might have made: three open documents, one of them hostile, and four closed interviews."""
    documents = [
        make_document("report", title="A report", synthetic=True, year=2019),
        make_document("old", title="An older report", synthetic=True, year=2009),
        make_document("evil", title=HOSTILE, publisher=HOSTILE, synthetic=True, year=2015),
        make_document("talk", title="A talk", synthetic=True, kind="transcript", access="attributable", year=2020),
        *(
            make_document(f"closed-{i}", title=f"{SECRET} {i}", kind="transcript", access=CLOSED, synthetic=True)
            for i in range(4)
        ),
    ]
    texts = {
        f"report:{i:04d}": f"Passage {i}: Harrowmere and the county agreed on trust." for i in range(1, n_report + 1)
    }
    texts |= {f"old:{i:04d}": f"Sentence {i}: sharing a chief executive was slow." for i in range(1, 4)}
    texts |= {"evil:0001": HOSTILE, "evil:0002": FORMULA, "talk:0001": "I trusted Tarnholt, and they trusted me."}
    texts |= {f"closed-{i}:0001": f"{SECRET} said that trust was there, number {i}." for i in range(4)}
    passages = [
        make_passage(
            text, i, section=("Part one", "The board"), page=3, speaker="Ann" if i.startswith("talk") else None
        )
        for i, text in texts.items()
    ]
    rows = []
    for i, (passage_id, text) in enumerate(texts.items()):
        own = {"quote": text}
        if passage_id.startswith("report"):
            rows.append(make_row(passage_id, "trust", "harrowmere", score=0.5 + i / 200, **own))
            if i % 5 == 0:
                rows.append(make_row(passage_id, "trust", "orrenshire", score=0.5 + i / 200, tie="section", **own))
                rows.append(make_row(passage_id, "momentum", "harrowmere", stance="negative", topic=1, **own))
            if i % 7 == 0:
                rows.append(
                    make_row(passage_id, "trust", "harrowmere", coder="anna", score=None, stance="neutral", **own)
                )
        elif passage_id.startswith("old"):
            rows.append(make_row(passage_id, "joint_posts", "tarnholt", document_id="old", document="An older report",
                                 year=2009, stance="negative", topic=1, review=True, **own))  # fmt: skip
        elif passage_id.startswith("evil"):
            evil = {
                "document": HOSTILE,
                "section": HOSTILE,
                "sentence": HOSTILE,
                "terms": HOSTILE,
                "year": 2015,
                "topic": 1,
            }
            rows.append(make_row(passage_id, "trust", "found:orren-board", coder=HOSTILE, score=None, **evil, **own))
            rows.append(make_row(passage_id, "risk", **evil, **own))
        elif passage_id.startswith("talk"):
            rows.append(make_row(passage_id, "trust", "tarnholt", kind="transcript", access="attributable", speaker="Ann",
                                 document="A talk", year=2020, topic=-1, **own))  # fmt: skip
        else:
            shut = {
                "kind": "transcript",
                "access": CLOSED,
                "speaker": "Interviewee",
                "document": f"{SECRET} talk",
                **own,
            }
            rows.append(make_row(passage_id, "trust", "tarnholt", **shut))
            if passage_id == "closed-0:0001":
                rows.append(make_row(passage_id, "risk", "tarnholt", **shut))
    mentions = [make_mention("Harrowmere", f"report:{i:04d}", texts[f"report:{i:04d}"].index("Harrowmere"), ids=("harrowmere",)) for i in range(1, n_report + 1)]  # fmt: skip
    mentions.append(make_mention("board", "evil:0002", FORMULA.index("board"), label="PARTNERSHIP", ids=("found:orren-board",)))  # fmt: skip
    topics = [
        Topic(
            topic=t,
            label=label,
            terms=("agreed", "trust"),
            n_passages=9,
            exemplars=exemplars,
            area=0,
            gloss="",
            words=(),
        )
        for t, label, exemplars in (
            (0, "agreed trust", ("report:0001",)),
            (1, "slow", ("evil:0001",)),
            (-1, "Other", ()),
        )
    ]
    assignments = [TopicAssignment(passage_id=p.passage_id, topic=1 if p.document_id in ("old", "evil") else 0, score=0.5, area=0) for p in passages]  # fmt: skip
    entity = FoundEntity(
        entity_id="found:orren-board", name="Orren <b>Board</b>", label="PARTNERSHIP", listed=False,
        aliases=("Orren <b>Board</b>",), first_year=2015, last_year=2015, n_mentions=1, n_passages=1,
        documents=("evil",), access="public",
    )  # fmt: skip
    relation = Relation(
        subject_id="harrowmere", subject_name=PLACES["harrowmere"], relation="member_of", object_id="found:orren-board",
        object_name="Orren <b>Board</b>", passage_id="evil:0002", document_id="evil", year=2015, basis="named",
        start_char=0, end_char=9, access="public",
    )  # fmt: skip
    return Tables(
        rows=rows, documents=documents, passages=passages, mentions=mentions, topics=topics, entities=[entity],
        relations=[relation], assignments=assignments,
    )  # fmt: skip


WHO = {f"closed-{i}": Interviewees((f"P{i}",), ("North", "South")[i % 2 : i % 2 + 1], ()) for i in range(4)}


def write_world(folder, codebook, gazetteer, n_report=60):
    """Write the index and what lies beside it, as a run does; gives what was released."""
    released = release(tables(n_report), codebook.names, gazetteer, WHO, Rule()).released
    build_index(folder / "evidence.db", released, codebook=codebook, gazetteer=gazetteer)
    write_graphml(folder / "network.graphml", released)
    figures = {"f1": 0.77, "f1_low": 0.7, "f1_high": 0.82, "f1_words": 0.6}
    metrics = {"passages": 810, "codes": dict.fromkeys(codebook.names, figures)}
    write_json(folder / "metrics.json", metrics)
    return released


def whole_matrix(released, codebook, gazetteer):
    """Cells of the open rows, counted by the matrix's own function."""
    told = [row for row in released.rows if row.access != CLOSED]
    return build_matrix(told, codebook.names, gazetteer, topic_labels={t.topic: t.label for t in released.topics})
