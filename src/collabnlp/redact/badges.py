"""Numbers that only the words around them tell for a person's: on a pass, in a file, on a car."""

from __future__ import annotations

import bisect
import functools
import re
from collections.abc import Iterator
from typing import NamedTuple


class Found(NamedTuple):
    """A stretch of a text: where, what it is, and why it is taken for that."""

    start: int
    end: int
    kind: str
    reason: str


_CODE = re.compile(
    r"(?<![\w£$€/.,@-])(?:[A-Z]{1,5}[-/. ]?\d{1,9}(?:[-/ ]\d{2,9}|[-/][A-Z0-9]{1,6})*[A-Z]?|\d{1,9}(?:[-/][A-Z0-9]{1,8})+|\d{3,9}[A-Z]{1,3}|\d{3,9}[ ][A-Z]{1,2}|\d{4,10}"
    r"|[A-Z]{1,4}(?:[-/][A-Z]{1,3}){1,2}[-/]\d{3,9}|[a-z]{1,4}[-/]?\d{4,9}|[b-hj-z][ ]\d{4,9}|\d{1,4}(?:[ ]\d{1,4}){1,4})(?![\w%-]|[,.:]\d)"
)
# Words that say whose number it is; and words for a number, which need no more where it is of somebody.
_WHOSE = re.compile(
    r"(?i)\b(?:staff|payroll|payslips?|employee|employment|personnel|lanyard|badges?|swipe|warrant|social work\w*|care leaver|caseload|case ?(?:work\w*|files?|notes?|number|ref\w*)?|grievances?|"
    r"complain\w*|ombudsm[ae]n|safeguarding|refer\w+|disciplinary|tribunal|whistle[- ]?blow\w*|clients?|patients?|surgery|pension|union|(?:hr|human resources|occupational health)|tenanc\w+|tenants?|"
    r"licen[cs]e|passport|national insurance|membership|service[- ]users?|id(?: card)?|identity|log(?:ged)?[- ]?in|logged|starter|timesheets?|pass(?: number)?|on file|my file|(?:his|her|their) file|records?|files?|crime|incident|"
    r"(?:use|using|say|saying|give|giving|without|put|mention(?:ing)?) (?:a|any|no|his|her|their) names?|(?:my|his|her|their|your|own|mine|whose|the|a|under|by|that|personal|reference)[ ,]+(?:[a-z]+ ){0,2}(?:number|ref(?:erence)?)\b(?! of)|number (?:is|was|being)|ref(?:erence)? (?:is|was))\b"
)
_PLAIN_WHOSE = re.compile(
    r"(?i)\b(?:numbers?(?! of)|ref(?:erence)?|id|lanyard|payroll|payslip|badge|pass|licen[cs]e|passport|employee|logged|staff record|personnel|file|staff|case|complaint|grievance|tribunal|ombudsm[ae]n|(?:look|looked) (?:it|him|her|them|me|that) up|quote (?:it|that))\b"
)
_OF_NOBODY = re.compile(
    r"(?i)\b(?:minutes?|agenda|items?|reports?|papers?|planning|applications?|polic(?:y|ies)|committee|decisions?|paragraphs?|sections?|pages?|appendi\w+|budgets?|contracts?|tenders?|version|"
    r"schedule|maps?|isbn|standards?|circular|instrument|motion|resolution|act|regulations?|clause|junction|road|route|bus|grants?|code|invoice|order|iso|figure|table|chapter|box|annex|plots?|sites?|"
    r"rooms?|pounds?|directive|by-?law|document|local plan|bill|line|flight|consultation|portal|project|scheme)\b(?P<between>[^.;]{0,12})$"
    r"|\b(?:about|around|nearly|over|almost|roughly|some|worth|spent|cost|costs)(?: (?:the|of))?\s+$"
)
# Nearer to the number than a word for a paper, these say that it is somebody's all the same: a standards complaint.
_NEARER = re.compile(
    r"(?i)\b(?:complain\w*|grievances?|staff|payroll|employees?|personnel|badge|disciplinary|tribunal|ombudsm[ae]n)\b"
)
_UNIT = re.compile(
    r"(?i)\s*(?:%|per ?cent|pounds?|quid|million|thousand|people|residents?|homes?|houses?|jobs?|days?|hours?|years?|weeks?|months?|members?|staff\b|employees|cases\b|responses?|replies|miles?|"
    r"replied|acres?|hectares?|meetings?|children|families|households|businesses|tenants\b|calls|visitors?|staff|officers|claims|votes?|signatures|units|places|patients|clients|(?:[a-z]+ ){0,1}(?:people|homes|jobs|members|residents|records|referrals|complaints|tenancies|calls))\b"
)
_YEARS = re.compile(
    r"(?:(?:19|20)\d\d|\d\d)(?:[-/–](?:(?:19|20)\d\d|\d\d))?|[A-Z]+ (?:19|20)\d\d|\d{1,2}[-/]\d{1,2}[-/](?:\d\d){1,2}"
)
_STANDARD = re.compile(
    r"(?:[AMB]\d{1,4}(?:\(M\))?|(?:ISO|BS|PAS|EN|EU|EC|CAB|SI|S|HC|HL|CM|COM|BBC|RAF|CO)[-/. ]?\d.*|PO? ?\d{2})"
)

_CAR = re.compile(
    r"(?i)\b(?:reg(?:istration)?s?|number[- ]?plates?|plates?|vrm|vehicles?|cars?|vans?|parked|parking|permit|drives?|drove|driving|bonnet|bumper|motor|barrier|fines?)\b"
)
_OLD_PLATE = re.compile(
    r"(?<![\w£-])(?:[A-Z]{1,3}\s?\d{1,4}|\d{1,4}\s?[A-Z]{1,3}|[A-Z]{3}\s?\d{1,3}\s?[A-Z]|[A-Z]\s?\d{1,3}\s?[A-Z]{3})(?![\w-])"
)
_SPELT = r"(?:[a-z]\b\.?|\d{1,2}\b|zero|oh|nought|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|double)"
_SPELT_PLATE = re.compile(rf"(?i)(?<![\w'’]){_SPELT}(?:[\s,-]{{1,2}}{_SPELT}){{4,8}}(?![\w'’])")
_NHS_SHAPES = re.compile(r"(?<![\d£,.+/-])\d{3}[\s.-]?\d{3}[\s.-]?\d{4}(?!\d|[,.]\d|[/-]\w)")
_STOP = re.compile(r"(?<=[.?!])\s+(?=[\"'“‘(]?[A-Z0-9])")


def find_badges(text: str, before: str = "") -> Iterator[Found]:
    """Numbers of staff, cases and cars where the sentence, or one beside it, says that they are such.

    `before` is what was said last before the text.

    Examples
    --------
    >>> text = "My pass says T/44871. The minute is T/44871."
    >>> [found[:3] for found in find_badges(text)]
    [(13, 20, 'number')]
    """
    for match in _NHS_SHAPES.finditer(text):
        digits = re.sub(r"\D", "", match.group())
        if is_nhs_number(digits) and (digits[0] != "0" or not match.group().isdigit()):
            yield Found(match.start(), match.end(), "nhs_number", "ten digits with the check digit of an NHS number")
    for match in _CODE.finditer(text):
        code = match.group()
        n_digits = sum(map(str.isdigit, code))
        if n_digits < 3 or _YEARS.fullmatch(code) or _STANDARD.fullmatch(code) or _UNIT.match(text, match.end()):
            continue
        own, beside = _around(text, match.start(), before)
        nobody = _OF_NOBODY.search(text[max(0, match.start() - 45) : match.start()].replace(".\n", ". "))
        counted = nobody is not None and nobody["between"] is None and not code[0].isdigit()
        if nobody and not counted and not _NEARER.search(nobody["between"] or ""):
            continue
        cue = _WHOSE if re.search(r"[A-Za-z/-]|^0", code) else _PLAIN_WHOSE
        if re.fullmatch(r"[\d ]+", code) and (n_digits < 4 or (" " in code and n_digits < 6)):
            continue
        if cue.search(own) or cue.search(beside):
            yield Found(match.start(), match.end(), "number", "beside words for a person's number")
    for match in _OLD_PLATE.finditer(text):
        if (
            sum(map(str.isalpha, match.group())) < 2
            or _YEARS.fullmatch(match.group())
            or _STANDARD.fullmatch(match.group())
        ):
            continue
        own, beside = _around(text, match.start(), before)
        if _CAR.search(own) or (_CAR.search(beside) and not _WHOSE.search(own)):
            yield Found(match.start(), match.end(), "vehicle", "beside words for a car")
    for match in _SPELT_PLATE.finditer(text):
        items = re.findall(r"[^\s,-]+", match.group())
        letters = sum(len(item.strip(".")) == 1 and item[0].isalpha() for item in items)
        own, beside = _around(text, match.start(), before)
        if 1 <= letters < len(items) and _PLAIN_WHOSE.search(text[max(0, match.start() - 60) : match.start()]):
            end = match.start() + len(match.group().rstrip("."))
            yield Found(match.start(), end, "number", "spelt out beside words for a person's number")
        elif 2 <= letters < len(items) and (_CAR.search(own[-160:]) or _CAR.search(beside)):
            yield Found(
                match.start(),
                match.start() + len(match.group().rstrip(".")),
                "vehicle",
                "spelt out beside words for a car",
            )


def is_nhs_number(digits: str) -> bool:
    """Whether ten digits end in their check digit, modulo 11, as NHS numbers do.

    Examples
    --------
    >>> is_nhs_number("9434765919"), is_nhs_number("9434765918")
    (True, False)
    """
    rest = 11 - sum(int(digit) * weight for digit, weight in zip(digits, range(10, 1, -1), strict=False)) % 11
    return rest != 10 and int(digits[9]) == rest % 11


@functools.lru_cache(maxsize=1)
def _stops(text: str) -> list[int]:
    """Where the sentences of a text begin, and behind its end."""
    return [0, *(match.end() for match in _STOP.finditer(text)), len(text) + 1]


def _around(text: str, at: int, before: str) -> tuple[str, str]:
    """The sentence at a place (the last and next 200 characters of it), and the sentence before it."""
    stops = _stops(text)
    i = bisect.bisect_right(stops, at) - 1
    own = text[max(stops[i], at - 200) : min(stops[i + 1], at + 120)]
    last = text[max(stops[i - 1], at - 300) : stops[i]] if i else before[-160:]
    return own, last
