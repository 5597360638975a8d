"""Tasks for Label Studio, Prodigy and doccano, a passage each, and what these tools export read back.

The unit is the passage, so no tool counts characters. Shapes after the tools' own documentation:
labelstud.io/guide/predictions and /guide/task_format, prodi.gy/docs/api-interfaces (choice) and the
import formats of doccano for text classification.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args
from xml.sax.saxutils import quoteattr

from collabnlp.codebook import Codebook
from collabnlp.codebook_exchange import guid
from collabnlp.exchange.marks import Mark, UnknownCodeError, parse_code
from collabnlp.exchange.pack import MARKED, Pack, check_model
from collabnlp.readers.text import decode
from collabnlp.records import Access, InputError, Passage, Stance
from collabnlp.redact.speakers import INTERVIEWER

Object = dict[str, Any]
MAX_BYTES = 200_000_000


def label_studio_config(codebook: Codebook) -> str:
    """The labelling interface that the tasks are made for: a tree of codes, each with its stances."""
    lines = [
        "<View>",
        '  <Header value="$about"/>',
        '  <Text name="text" value="$text"/>',
        '  <Taxonomy name="codes" toName="text" leafsOnly="false" placeholder="Codes that apply">',
    ]
    for code in codebook.for_readers().codes:
        lines.append(f"    <Choice value={quoteattr(code.title)} hint={quoteattr(code.definition)}>")
        lines += [f"      <Choice value={quoteattr(stance)}/>" for stance in get_args(Stance)]
        lines.append("    </Choice>")
    lines += [
        "  </Taxonomy>",
        '  <TextArea name="note" toName="text" placeholder="Note" maxSubmissions="1"/>',
        "</View>",
    ]
    return "\n".join(lines) + "\n"


def label_studio_tasks(pack: Pack, codebook: Codebook) -> str:
    """Tasks with the model's tags as a prediction, as JSON; its score is that of the tag it is least sure of."""
    suggested = pack.suggested()
    scores: dict[str, list[float]] = {}
    for tag in pack.tags:
        if tag.coder == pack.coder and tag.score is not None:
            scores.setdefault(tag.passage_id, []).append(tag.score)
    tasks: list[Object] = []
    for passage, access in _codable(pack):
        task: Object = {"data": {**_meta(passage, access), "about": _about(passage, access), "text": passage.text}}
        if not pack.blind:
            paths = [[codebook[code].title, stance] for code, stance in suggested[passage.passage_id].items()]
            result = {
                "id": guid("prediction", passage.passage_id)[:10],
                "from_name": "codes",
                "to_name": "text",
                "type": "taxonomy",
                "value": {"taxonomy": paths},
            }
            task["predictions"] = [
                {
                    "model_version": pack.coder,
                    "score": min(scores.get(passage.passage_id, [0.0])),
                    "result": [result] if paths else [],
                }
            ]
        tasks.append(task)
    return json.dumps(tasks, ensure_ascii=False, indent=1) + "\n"


def prodigy_lines(pack: Pack, codebook: Codebook) -> str:
    """Lines for Prodigy's `choice` interface; a suggested code with another than its usual stance is an option of its own."""
    suggested, lines = pack.suggested(), []
    for passage, access in _codable(pack):
        given = [_label(code, stance, codebook) for code, stance in suggested[passage.passage_id].items()]
        options = {code.code: code.title for code in codebook.codes}
        options |= {label: label.replace("=", ": ") for label in given if label not in options}
        line = {
            "text": passage.text,
            "options": [{"id": label, "text": text} for label, text in options.items()],
            "accept": given,
            "meta": {**_meta(passage, access), **({} if pack.blind else {"model": pack.coder})},
        }
        lines.append(json.dumps(line, ensure_ascii=False) + "\n")
    return "".join(lines)


def doccano_lines(pack: Pack, codebook: Codebook) -> str:
    """Lines for a doccano project of text classification; a label is a code, or code=stance where that is not the usual one."""
    suggested = pack.suggested()
    return "".join(
        json.dumps(
            {
                "text": passage.text,
                "label": [_label(code, stance, codebook) for code, stance in suggested[passage.passage_id].items()],
                **_meta(passage, access),
                **({} if pack.blind else {"model": pack.coder}),
            },
            ensure_ascii=False,
        )
        + "\n"
        for passage, access in _codable(pack)
    )


def _codable(pack: Pack) -> list[tuple[Passage, Access]]:
    access = {document.document_id: document.access for document in pack.documents}
    return [(p, access[p.document_id]) for p in pack.passages if p.speaker != INTERVIEWER]


def _meta(passage: Passage, access: Access) -> Object:
    return {"passage_id": passage.passage_id, "speaker": passage.speaker or "", "access": access}


def _about(passage: Passage, access: Access) -> str:
    parts = [passage.document_id, passage.speaker or " > ".join(passage.section)]
    return ", ".join(filter(None, [*parts, MARKED if access == "non-attributable" else ""]))


def _label(code: str, stance: Stance, codebook: Codebook) -> str:
    return code if stance == codebook[code].default_stance else f"{code}={stance}"


def read_annotations(path: str | Path, pack: Pack, codebook: Codebook) -> list[Mark]:
    """What an export of Label Studio (.json), Prodigy or doccano (.jsonl) says of its passages.

    What was skipped, rejected or never annotated does not count as read. doccano exports what nobody
    has opened, too: a line counts as read where its labels are not those that the pack gave it.

    Raises
    ------
    InputError
        Where the file is too large, no JSON, an export of another kind, or of another pack.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(path, "there is no such file", "check the name")
    if path.stat().st_size > MAX_BYTES:
        raise InputError(path, f"has more than {MAX_BYTES:,} bytes", "export fewer passages at once")
    if path.suffix.lower() == ".jsonl":
        rows = [(f"line {i}", _object(line, path, f"line {i}")) for i, line in _lines(decode(path))]
    else:
        found = _parse(decode(path), path, "")
        if not isinstance(found, list) or not all(isinstance(task, dict) for task in found):
            raise InputError(path, "is no list of tasks", "export from Label Studio as JSON")
        rows = [(f"task {i}", task) for i, task in enumerate(found, start=1)]
    check_model({found for _, row in rows for found in _models(row)}, pack, path)
    marks: list[Mark] = []
    suggested = pack.suggested()
    for place, row in rows:
        if "data" in row and ("annotations" in row or "predictions" in row):
            marks += _label_studio(place, row, codebook)
        elif "text" in row and ("accept" in row or "answer" in row or "options" in row):
            marks += _prodigy(place, row, codebook)
        elif "text" in row and ("label" in row or "labels" in row or "codes" in row):
            marks.append(_doccano(place, row, codebook, suggested))
        else:
            keys = ", ".join(map(str, row)) or "nothing"
            remedy = "export from Label Studio as JSON, from Prodigy with db-out, or from doccano as JSONL"
            raise InputError(path, f"holds {keys}, which none of the tools writes", remedy, place=place)
    return marks


def _models(row: Object) -> list[str]:
    """Names of the models whose suggestions a task was made with."""
    versions = [p.get("model_version") for p in _listed(row.get("predictions")) if isinstance(p, dict)]
    return [str(version) for version in versions if version] + [_known(row, "model")]


def _lines(text: str) -> Iterable[tuple[int, str]]:
    return ((i, line) for i, line in enumerate(text.split("\n"), start=1) if line.strip())


def _parse(text: str, path: Path, place: str) -> Any:
    try:
        found = json.loads(text)
        json.dumps(found, ensure_ascii=False).encode()  # an escape may name half a letter, which no text can hold
        return found
    except (ValueError, RecursionError) as error:
        raise InputError(path, f"is not JSON ({error})", "export it again", place=place) from error


def _object(line: str, path: Path, place: str) -> Object:
    row = _parse(line, path, place)
    if not isinstance(row, dict):
        raise InputError(path, "is no object", "export it again as JSONL", place=place)
    return row


def _codes(labels: Iterable[Any], codebook: Codebook) -> tuple[tuple[tuple[str, Stance | None], ...], str]:
    """Codes and stances of labels, and what is wrong with those that are none."""
    found, problems = [], []
    for label in labels:
        try:
            found.append(parse_code(str(label), codebook))
        except UnknownCodeError as error:
            problems.append(str(error))
    return tuple(dict.fromkeys(found)), "; ".join(problems)


def _known(row: Mapping[str, Any], name: str) -> str:
    for held in (row, row.get("meta"), row.get("metadata")):
        if isinstance(held, dict) and isinstance(held.get(name), str):
            return str(held[name])
    return ""


def _label_studio(place: str, task: Object, codebook: Codebook) -> list[Mark]:
    data = task["data"] if isinstance(task["data"], dict) else {}
    own, text = str(data.get("passage_id") or ""), str(data.get("text") or "")
    marks = []
    for annotation in _listed(task.get("annotations")):
        if not isinstance(annotation, dict) or annotation.get("was_cancelled"):
            continue
        labels: list[str] = []
        notes: list[str] = []
        for result in _listed(annotation.get("result")):
            value = result.get("value") if isinstance(result, dict) else None
            if isinstance(value, dict):
                labels += [_joined(path) for path in _listed(value.get("taxonomy"))]
                labels += [str(choice) for kind in ("choices", "labels") for choice in _listed(value.get(kind))]
                notes += [str(line) for line in _listed(value.get("text")) if result.get("type") == "textarea"]
        whole = {label.partition("=")[0] for label in labels if "=" in label}
        given, problem = _codes([label for label in labels if label not in whole], codebook)
        who = annotation.get("completed_by")
        coder = str(who.get("email") or who.get("username") or who.get("id") or "") if isinstance(who, dict) else ""
        coder = coder or (f"label-studio-{who}" if isinstance(who, int) else "")
        marks.append(Mark(place, own, text, coder=coder, keep=(), add=given, note="\n".join(notes), problem=problem))
    return marks


def _joined(path: Any) -> str:
    return "=".join(map(str, path)) if isinstance(path, list) else str(path)


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []


def _prodigy(place: str, row: Object, codebook: Codebook) -> list[Mark]:
    """A line of Prodigy: of the `choice` interface, of a single label accepted or rejected, or of marked spans."""
    answer = row.get("answer", "accept")
    coder = str(row.get("_annotator_id") or row.get("_session_id") or "")
    labels = [*_listed(row.get("accept")), *(s.get("label") for s in _listed(row.get("spans")) if isinstance(s, dict))]
    single = isinstance(row.get("label"), str) and "options" not in row
    given, problem = _codes([*labels, row["label"]] if single else labels, codebook)
    own, text = _known(row, "passage_id"), str(row["text"])
    if answer not in ("accept", "reject") or (answer == "reject" and not single):
        return []
    if single:
        taken: Object = {"add": given} if answer == "accept" else {"drop": tuple(code for code, _ in given)}
        return [Mark(place, own, text, coder=coder, problem=problem, **taken)]
    return [Mark(place, own, text, coder=coder, read="answer" in row, keep=(), add=given, problem=problem)]


def _doccano(place: str, row: Object, codebook: Codebook, suggested: Mapping[str, Mapping[str, Stance]]) -> Mark:
    """A line of doccano: labels of the whole text, or stretches of it with a label each."""
    labels = row.get("label", row.get("labels", row.get("codes")))
    named = [label[2] if isinstance(label, list) and len(label) == 3 else label for label in _listed(labels)]
    if isinstance(labels, str):
        named = [labels]
    given, problem = _codes(named, codebook)
    coder = str(row.get("annotator") or row.get("username") or "")
    note = "\n".join(str(comment) for comment in _listed(row.get("Comments")) if comment)
    own, text = _known(row, "passage_id"), str(row["text"])
    meant = {code: stance or codebook[code].default_stance for code, stance in given}
    read = bool(problem) or meant != suggested.get(own, {})
    return Mark(place, own, text, coder=coder, read=read, keep=(), add=given, note=note, problem=problem)
