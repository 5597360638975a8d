"""Captions, .vtt and .srt: speaker and time kept, captions of one breath joined into a turn."""

from __future__ import annotations

import html
import io
import re
from pathlib import Path
from typing import Literal

from collabnlp.readers.text import decode
from collabnlp.readers.turns import NAME, seconds
from collabnlp.records import Block, InputError

_VOICE = re.compile(r"<v(?:\.[\w.]+)?\s+([^<>]+)>")
_MARK = re.compile(r"</?[A-Za-z][^<>]*>|<[\d:.]+>")  # a bare < or > is a sign of the words
_HEAD = re.compile(rf"\s*(?:[-–]\s*)?\[?({NAME})\]?:\s+")
_PAUSE_SECONDS = 8.0


def read_captions(path: Path) -> list[Block]:
    """Turns of a caption file.

    A speaker is known from a `<v Name>` mark or a `Name:` head. Captions without a speaker
    belong to the one before; where no speaker is known at all, a pause of eight seconds or a
    finished sentence after 80 words ends the paragraph.

    Raises
    ------
    InputError
        Where the file is not WebVTT or SubRip.
    """
    import webvtt
    from webvtt.errors import MalformedCaptionError, MalformedFileError

    source = decode(path)
    try:
        parse = webvtt.WebVTT.from_buffer
        captions = list(parse(io.StringIO(source.lstrip()), format=path.suffix.lower().lstrip(".")))
    except (MalformedFileError, MalformedCaptionError, ValueError) as error:
        raise InputError(
            path,
            f"is not {path.suffix[1:].upper()} ({error or type(error).__name__})",
            "export the captions again, or save them as .txt",
        ) from error
    if not captions:
        raise InputError(path, "holds no captions", "export the captions again, or save them as .txt")
    pieces: list[tuple[str | None, float, float, str]] = []
    last: list[tuple[str | None, str]] = []
    for caption in captions:
        start, end = seconds(caption.start) or 0.0, seconds(caption.end) or 0.0
        voices = [voice for voice in _voices(caption.raw_text) if voice[1]]
        rolls_on = voices[:1] == last[-1:]  # it begins with what the caption before ended with
        pieces.extend((speaker, start, end, words) for speaker, words in voices[rolls_on:])
        last = voices or last
    return _join(pieces)


def _voices(raw: str) -> list[tuple[str | None, str]]:
    parts = _VOICE.split(raw)
    found = [(None, parts[0])] + [(html.unescape(parts[i]).strip(), parts[i + 1]) for i in range(1, len(parts) - 1, 2)]
    result: list[tuple[str | None, str]] = []
    for speaker, words in found:
        words = html.unescape(_MARK.sub("", words))
        for line in re.split(r"\n(?=\s*[-–]\s)", words):
            head = _HEAD.match(line)
            name = head.group(1) if head and speaker is None else speaker
            line = line[head.end() :] if head and speaker is None else line
            result.append((name, re.sub(r"\s+", " ", line).strip()))
    return result


def _join(pieces: list[tuple[str | None, float, float, str]]) -> list[Block]:
    named = any(speaker for speaker, *_ in pieces)
    breaths: list[tuple[str | None, float, list[str]]] = []
    last_end, n_words = 0.0, 0
    for speaker, start, end, words in pieces:
        if not breaths:
            new = True
        elif named:
            new = speaker is not None and speaker != breaths[-1][0]
        else:
            long = n_words >= 80 and re.search(r"[.!?][\"”’]?$", breaths[-1][2][-1]) is not None
            new = start - last_end > _PAUSE_SECONDS or long
        if new:
            breaths.append((speaker, start, []))
            n_words = 0
        breaths[-1][2].append(words)
        n_words += len(words.split())
        last_end = end
    kind: Literal["turn", "paragraph"] = "turn" if named else "paragraph"
    return [Block(" ".join(said), kind, speaker=speaker, time=start) for speaker, start, said in breaths]
