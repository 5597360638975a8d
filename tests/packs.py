"""A tagging pack without any model: two invented documents, one not for attribution, with everything that moves offsets."""

from collabnlp.exchange.pack import Pack, PackedDocument
from collabnlp.records import Block, PassageTag, TagReason
from collabnlp.segment import segment

MODEL = "model-0123abcd"
TURNS = [
    ("Interviewer", "How did the two councils begin to work together, then?"),
    ("Interviewee", "It began with the flood 🌊 and nobody asked whose job it was; we trust each other since."),
    ("Interviewee", "=1+1 is what the finance people say, and +44 is not a number I answer to."),
    ("Interviewee", "Café déjà vu: the naïve plan failed twice — 🤝🏽 the joint post was never filled."),
    ("Interviewee", "קשה מאוד לעבוד יחד, ובכל זאת המנהיגים נפגשים כל שבוע."),
    ("Interviewer", "And what came of it in the end, if anything?"),
    ("Interviewee", "- the board met\n- the board met again\n- nobody said what was on the table"),
    ("Interviewee", "The leaders speak every week, and that is how the shared chief executive came about."),
    ("Interviewee", "The leaders speak every week, and that is how the shared chief executive went away."),
]
REPORT = [
    "Harrowmere and Tarnholt share a chief executive, and both say that the post has paid for itself.",
    "Residents were asked in 2019; two in three had not heard of the partnership.",
    'The report quotes a member: "One size does not fit all of our districts, as everybody knows".',
]


def make_pack(*, blind=False, access="non-attributable"):
    text_1, talk = segment("talk-1", [Block(said, "turn", speaker=who, access=access) for who, said in TURNS])
    text_2, report = segment("report-2", [Block(said, access="public") for said in REPORT])
    documents = (
        PackedDocument("talk-1", "Talk 1", access, text_1),
        PackedDocument("report-2", "A report", "public", text_2),
    )
    given = {
        "talk-1:0002": [("trust", "positive", 0.91), ("people_and_trust", "positive", 0.88)],
        "talk-1:0004": [("joint_posts", "negative", 0.77)],
        "talk-1:0008": [("joint_posts", "positive", 0.64), ("leadership", "positive", 0.58)],
        "report-2:0001": [("joint_posts", "positive", 0.97)],
    }
    passages = (*talk, *report)
    if blind:
        return Pack(MODEL, True, documents, passages)
    by_id = {passage.passage_id: passage for passage in passages}
    tags, reasons = [], []
    for own, codes in given.items():
        for code, stance, score in codes:
            tags.append(
                PassageTag(passage_id=own, code=code, coder=MODEL, stance=stance, score=score, review=score < 0.6)
            )
            text = by_id[own].text
            reasons.append(
                TagReason(
                    passage_id=own,
                    code=code,
                    coder=MODEL,
                    start_char=0,
                    end_char=len(text),
                    sentence=text,
                    terms=(),
                    nearest=(),
                )
            )
    return Pack(MODEL, False, documents, passages, tuple(tags), tuple(reasons), {"talk-1:0003": (("difficult", 0.21),)})
