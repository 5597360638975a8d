"""Who works with whom, as a list."""

from __future__ import annotations

from collabnlp.web.answers import NetworkAnswer
from collabnlp.web.project import Edge, Project
from collabnlp.web.questions import NetworkQuestion
from collabnlp.web.views.view import Sheet, View, pages, place_id

EDGES_PER_PAGE = 100
RELATIONS = {
    "member_of": ("is a member of", "has the member"),
    "between": ("is between", "takes part in"),
    "shares_post_with": ("shares a post with", "shares a post with"),
}


def network(project: Project, question: NetworkQuestion, *, whole: bool = False) -> View:
    """The ties of councils, partnerships and schemes, those with most passages first."""
    if question.place:
        ids = {edge.subject_id for edge in project.network} | {edge.object_id for edge in project.network}
        place = question.place if question.place in ids else place_id(project.index, question.place)
        question = NetworkQuestion.model_validate({**question.model_dump(), "place": place})
    chosen = [
        edge
        for edge in project.network
        if question.relation in (None, edge.relation) and question.place in ("", edge.subject_id, edge.object_id)
    ]
    chosen.sort(key=lambda e: (-e.n_passages, e.subject, e.object, e.relation))
    shown, n_pages = pages(len(chosen), question.page, EDGES_PER_PAGE, whole)
    answer = NetworkAnswer(
        edges=[_told(project, edge) for edge in chosen[shown]],
        n_edges=len(chosen),
        page=question.page,
        n_pages=n_pages,
    )

    def sheets() -> list[Sheet]:
        return [
            Sheet(
                "Ties",
                "Councils, partnerships and schemes, and what ties them",
                ["Who", "Tie", "To whom", "Passages", "Documents", "First year", "Last year", "In the list of names", "Where"],
                [
                    [e.subject, RELATIONS[e.relation][0], e.object, e.n_passages, e.n_documents, e.first_year or None, e.last_year or None, "yes" if e.listed else "no", " ".join(e.passages)]
                    for e in chosen
                ],
            )
        ]  # fmt: skip

    return View("network", "Who works with whom", question, answer, sheets)


def _told(project: Project, edge: Edge) -> dict[str, str | int | bool | list[str]]:
    known = project.index.entity_names
    return {
        "subject_id": edge.subject_id,
        "subject": edge.subject,
        "subject_shown": edge.subject_id in known,
        "relation": edge.relation,
        "tie": RELATIONS[edge.relation][0],
        "object_id": edge.object_id,
        "object": edge.object,
        "object_shown": edge.object_id in known,
        "n_passages": edge.n_passages,
        "n_documents": edge.n_documents,
        "first_year": edge.first_year,
        "last_year": edge.last_year,
        "listed": edge.listed,
        "passages": list(edge.passages),
    }


def partners_of(project: Project, entity_id: str) -> list[dict[str, str | int]]:
    """With whom one body works, those with most passages first; `id` is empty where there is no page."""
    found: list[dict[str, str | int]] = []
    for edge in project.network:
        for own, other, name, side in (
            (edge.subject_id, edge.object_id, edge.object, 0),
            (edge.object_id, edge.subject_id, edge.subject, 1),
        ):
            if own == entity_id:
                shown = other if other in project.index.entity_names else ""
                tie = RELATIONS[edge.relation][side]
                found.append({"tie": tie, "id": shown, "name": name, "n_passages": edge.n_passages})
    return sorted(found, key=lambda p: (-int(p["n_passages"]), str(p["name"]), str(p["tie"])))
