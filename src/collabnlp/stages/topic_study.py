"""Settings of the topic model and other methods on this corpus: what stays, and what is lost (`make topics-study`; no stage of `dvc repro`, since it takes a quarter of an hour)."""

from collabnlp.embed import read_vectors
from collabnlp.gazetteer import load_gazetteer
from collabnlp.params import Params
from collabnlp.records import Passage, TopicStability, read_table, write_csv
from collabnlp.redact.speakers import INTERVIEWER
from collabnlp.stages import CORPUS, OUTPUTS, log, main
from collabnlp.topics.study import bertopic_defaults, consensus, k_means, make_corpus, measure, nmf
from collabnlp.topics.vectors import Floats

SIZES = ((6, 20), (8, 24), (8, 30), (10, 30), (12, 40))  # areas and topics beside those of params.yaml


def stage(params: Params) -> None:
    """Measure the settings in params.yaml, other numbers of topics, and other methods."""
    settings, repeats = params.topics, params.topics.study_repeats
    ids, vectors = read_vectors(OUTPUTS / "embeddings.parquet")
    row_of = {passage_id: i for i, passage_id in enumerate(ids)}
    passages = [row for row in read_table(OUTPUTS / "passages.parquet", Passage) if row.speaker != INTERVIEWER]
    aliases = load_gazetteer(CORPUS / "gazetteer.csv").aliases
    corpus = make_corpus(
        [row.passage_id for row in passages],
        [row.text for row in passages],
        vectors[[row_of[row.passage_id] for row in passages]],
        [row.document_id for row in passages],
        [alias for alias, (form, _) in aliases.items() if form == "bare"],
    )
    own = {
        "area_components": settings.area_components,
        "draws": settings.draws,
    }
    known: dict[bytes, Floats] = {}
    methods = [
        ("consensus", f"{n_areas} areas, {n_topics} topics",
         consensus({**own, "n_areas": n_areas, "n_topics": n_topics}, settings.min_cosine, settings.min_area_cosine, known))
        for n_areas, n_topics in dict.fromkeys([(settings.n_areas, settings.n_topics), *SIZES])
    ]  # fmt: skip
    methods += [("k-means", f"{k} topics", k_means(k)) for k in (12, settings.n_topics)]
    methods += [("NMF on TF-IDF", f"{k} topics", nmf(k)) for k in (12, settings.n_topics)]
    methods += [("BERTopic", "as it comes", bertopic_defaults)]
    rows: list[TopicStability] = []
    for name, what, method in methods:
        rows += measure(name, method, corpus, repeats=repeats, settings=what)
        log.info("%s, %s: draws %s", name, what, ", ".join(f"{row.level} {row.ari_draws:.2f}" for row in rows[-1:]))
    write_csv(OUTPUTS / "topic_stability.csv", rows, TopicStability)


if __name__ == "__main__":
    main(stage)
