"""Codebooks of other programs (REFI-QDA, .qdc) in and out, and codings carried over when codes change.

REFI-QDA 1.5: Evers, J. and others (2019), qdasoftware.org; the schemas stand in tests/data/refi-qda.
Codes keep their GUID from one file to the next, so a code that was renamed elsewhere is known again.
"""

from __future__ import annotations

import colorsys
import itertools
import re
import uuid
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

from collabnlp.codebook import Code, Codebook, Exemplars
from collabnlp.files import atomic
from collabnlp.records import InputError, Stance

CODEBOOK = "urn:QDA-XML:codebook:1.0"
ORIGIN = "collabnlp"
MAX_XML = 100_000_000
_SPACE = uuid.UUID("5b0a1c52-7d0e-5c8e-9d53-6d1f0a6f7d11")
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
Xml = Any


def guid(*parts: str) -> str:
    """The GUID of a thing, always the same.

    Examples
    --------
    >>> guid("code", "trust") == guid("code", "trust") != guid("code", "risk")
    True
    """
    return str(uuid.uuid5(_SPACE, "\x1f".join(parts)))


def bare_guid(text: str) -> str:
    """A GUID as programs write it, without braces and in small letters."""
    return text.strip().strip("{}").lower()


def clean(text: str) -> str:
    """A text without the characters that XML cannot hold."""
    return _ILLEGAL.sub("", text)


def parse_xml(data: bytes, path: str | Path, *, what: str) -> Xml:
    """The root element of XML from outside.

    Raises
    ------
    InputError
        Where it is too large, declares a document type (and so may hold entities) or is not well formed.
    """
    from lxml import etree

    remedy = "export it again from the program that made it"
    if len(data) > MAX_XML:
        raise InputError(
            path, f"{what} has {len(data):,} bytes, more than {MAX_XML:,}", "export fewer documents at once"
        )
    if b"<!DOCTYPE" in data.replace(b"\x00", b""):
        raise InputError(path, f"{what} declares XML entities", "no program for coding writes this; do not open it")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False, remove_comments=True
    )
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise InputError(path, f"{what} is not XML ({str(error).splitlines()[0]})", remedy) from error


def tag_of(element: Xml) -> str:
    """The name of an element without its namespace; versions of the standard differ in it."""
    return str(element.tag).rpartition("}")[2]


def codes_element(codebook: Codebook, namespace: str) -> Xml:
    """The element Codes: groups, codes in them, and in each code one for each stance that is not its usual one.

    REFI-QDA has no place for a stance; a code below the code is what every program keeps.
    """
    from lxml import etree

    codebook = codebook.for_readers()
    root = etree.Element(f"{{{namespace}}}Codes", nsmap={None: namespace})

    def add(parent: Xml, key: tuple[str, ...], name: str, text: str, *, codable: bool, color: str = "") -> Xml:
        element = etree.SubElement(parent, f"{{{namespace}}}Code", guid=guid(*key), name=clean(name))
        element.set("isCodable", "true" if codable else "false")
        if color:
            element.set("color", color)
        if text:
            etree.SubElement(element, f"{{{namespace}}}Description").text = clean(text)
        return element

    for group, title in codebook.groups.items():
        own = [code for code in codebook.codes if code.group == group]
        if not own:
            continue
        folder = add(root, ("group", group), title, "", codable=False)
        for code in own:
            color = _color(codebook.names.index(code.code), len(codebook.codes))
            element = add(
                folder, ("code", code.code), code.title, _description(code, codebook), codable=True, color=color
            )
            for stance in get_args(Stance):
                if stance != code.default_stance:
                    name, text = f"{code.title}: {stance}", codebook.stance.get(stance, "")
                    add(element, ("code", code.code, stance), name, text, codable=True, color=color)
    return root


def code_guids(codebook: Codebook) -> dict[str, tuple[str, Stance | None]]:
    """Code and stance by GUID; None for the code itself, which has its usual stance."""
    found: dict[str, tuple[str, Stance | None]] = {guid("code", code): (code, None) for code in codebook.names}
    found.update({guid("code", code, s): (code, s) for code in codebook.names for s in get_args(Stance)})
    return found


def _color(place: int, n: int) -> str:
    """Colours as far apart as can be, dark enough for white letters."""
    return "#" + "".join(f"{round(255 * part):02x}" for part in colorsys.hls_to_rgb(place / n, 0.4, 0.65))


def _description(code: Code, codebook: Codebook) -> str:
    lines = [code.definition, *([f"Counts under: {codebook[code.parent].title}."] if code.parent else [])]
    for title, told in (("Given when:", code.include), ("Not given for:", code.exclude)):
        lines += [title, *(f"- {line}" for line in told)] if told else []
    return "\n".join(lines)


def write_qdc(path: str | Path, codebook: Codebook) -> None:
    """Write a codebook as .qdc, which NVivo, MAXQDA, ATLAS.ti, QualCoder, Taguette and others read."""
    from lxml import etree

    root = etree.Element(f"{{{CODEBOOK}}}CodeBook", nsmap={None: CODEBOOK}, origin=ORIGIN)
    root.append(codes_element(codebook, CODEBOOK))
    etree.indent(root)
    with atomic(path) as temporary:
        temporary.write_bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8") + b"\n")


class OutsideCode(NamedTuple):
    """A code of another program's codebook; `above` holds the GUIDs of the codes above it, outermost first."""

    guid: str
    name: str
    description: str
    codable: bool
    above: tuple[str, ...]


def read_qdc(path: str | Path) -> list[OutsideCode]:
    """The codes of a .qdc file, in its order.

    Raises
    ------
    InputError
        Where it cannot be read or holds no code.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(path, "cannot be read", "check the name") from error
    root = parse_xml(data, path, what="the codebook")
    if tag_of(root) not in ("CodeBook", "Project"):
        raise InputError(path, f"holds a {tag_of(root)}, no REFI-QDA codebook", "export the codebook as .qdc")
    codes = [code for element in root.iter() if tag_of(element) == "Codes" for code in outside_codes(element, path)]
    if not codes:
        raise InputError(path, "holds no code", "export the codebook again")
    return codes


def outside_codes(codes: Xml, path: str | Path) -> list[OutsideCode]:
    """The codes of an element Codes, in its order, those above before those below.

    Raises
    ------
    InputError
        Where a code has no name or no GUID, or they are nested too deep.
    """
    found: list[OutsideCode] = []
    todo: list[tuple[Xml, tuple[str, ...]]] = [(child, ()) for child in reversed(codes) if tag_of(child) == "Code"]
    while todo:
        element, above = todo.pop()
        name, own = (element.get("name") or "").strip(), bare_guid(element.get("guid") or "")
        if not name or not own:
            lacking = "name" if not name else "GUID"
            raise InputError(path, f"a code has no {lacking}", "export it again", place=f"line {element.sourceline}")
        if len(above) > 50:
            raise InputError(path, "nests codes more than 50 deep", "it is no codebook of a program for coding")
        text = next(((child.text or "").strip() for child in element if tag_of(child) == "Description"), "")
        found.append(OutsideCode(own, name, text, element.get("isCodable") != "false", above))
        todo += [(child, (*above, own)) for child in reversed(element) if tag_of(child) == "Code"]
    return found


def known_codes(outside: Sequence[OutsideCode], codebook: Codebook) -> dict[str, tuple[str, Stance | None]]:
    """Code and stance of the codebook by the GUID of an outside code: of the same GUID, machine name or title."""
    from_guid = code_guids(codebook)
    found: dict[str, tuple[str, Stance | None]] = {}
    names = {name.casefold(): code.code for code in codebook.codes for name in (code.code, code.title)}
    for code in outside:
        base, _, stance = code.name.rpartition(": ")
        if code.guid in from_guid:
            found[code.guid] = from_guid[code.guid]
        elif code.name.casefold() in names:
            found[code.guid] = (names[code.name.casefold()], None)
        elif base.casefold() in names and stance in get_args(Stance):
            found[code.guid] = (names[base.casefold()], stance)  # type: ignore[assignment]
    return found


def take_codes(codebook: Codebook, outside: Sequence[OutsideCode], path: str | Path = "codebook") -> Codebook:
    """The codebook with the codes of another one: known ones keep their machine name and take the new title; new ones begin from their description.

    What the other codebook does not hold is gone. What is not for coding there becomes a group; a
    new code below another one counts under it.

    Raises
    ------
    InputError
        Where the other one has no code to give, or one twice.
    """
    known, by_guid = known_codes(outside, codebook), {code.guid: code for code in outside}
    groups, codes = dict(codebook.groups), []
    machine: dict[str, str] = {}  # machine name by GUID
    for code in outside:
        if not code.codable or known.get(code.guid, ("", None))[1] is not None:
            continue
        folders = [by_guid[above].name for above in code.above if not by_guid[above].codable]
        parents = [machine[above] for above in code.above if above in machine]
        if code.guid in known:
            own = codebook[known[code.guid][0]]
            group = _group(folders[0], groups) if folders else own.group
            machine[code.guid] = own.code
            codes.append(own.model_copy(update={"title": code.name, "group": group}))
        else:
            machine[code.guid] = _machine_name(code.name, {*codebook.names, *machine.values()})
            codes.append(
                Code(
                    code=machine[code.guid],
                    title=code.name,
                    group=_group(folders[0] if folders else "Codes of this project", groups),
                    parent=parents[-1] if parents else None,
                    default_stance="positive",
                    definition=code.description or code.name,
                    include=(),
                    exclude=(),
                    keywords=(code.name.casefold(),),
                    indicators=(),
                    exemplars=Exemplars(),
                )
            )
    kept, used = {code.code for code in codes}, {code.group for code in codes}
    codes = [code if code.parent in kept else code.model_copy(update={"parent": None}) for code in codes]
    fields = codebook.model_dump() | {"groups": {name: title for name, title in groups.items() if name in used}}
    if not codes:
        raise InputError(path, "holds no code that may be given", "export the codebook again")
    try:
        return Codebook.model_validate(fields | {"codes": [code.model_dump() for code in codes]})
    except ValueError as error:
        raise InputError(path, str(error).splitlines()[2].strip(), "mend it in the program that made it") from error


def write_codebook(path: str | Path, codebook: Codebook) -> None:
    """Write a codebook as YAML; codes and groups in their order."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width, yaml.allow_unicode = 120, True
    yaml.indent(mapping=2, sequence=4, offset=2)
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as handle:
        yaml.dump(codebook.model_dump(mode="json"), handle)


def _machine_name(title: str, taken: Collection[str]) -> str:
    name = re.sub(r"[^a-z0-9]+", "_", title.casefold()).strip("_")
    name = name if re.match("[a-z]", name) else f"code_{name}".rstrip("_")
    more = (f"{name}_{i}" for i in itertools.count(2))
    return next(n for n in itertools.chain([name], more) if n not in taken)


def _group(title: str, groups: dict[str, str]) -> str:
    """The group of a title, made where there is none."""
    for name, other in groups.items():
        if title.casefold() in (other.casefold(), name):
            return name
    name = _machine_name(title, groups)
    groups[name] = title
    return name
