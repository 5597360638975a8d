"""The codebook as text."""

from __future__ import annotations

from collabnlp.codebook import Codebook


def format_codebook(codebook: Codebook, code: str | None, form: str) -> str:
    """The codebook, or one of its codes, as text: a table in short, or Markdown in full."""
    codes = [c for c in codebook.codes if code in (None, c.code)]
    if form == "table" and code is None:
        width = max(len(c.code) for c in codes)
        return "".join(
            f"{c.code:<{width}}  {c.title}  ({codebook.groups[c.group]}{', under ' + c.parent if c.parent else ''})\n"
            for c in codes
        )
    parts = (
        []
        if code
        else [
            f"# Codebook: {codebook.title}\n",
            f"{codebook.provenance}\n",
            *[f"{line}\n" for line in codebook.unit],
            "Stance:\n",
            *[f"- {stance}: {text}" for stance, text in codebook.stance.items()],
            "",
        ]
    )
    for c in codes:
        parent = f", counts under `{c.parent}` when rolled up" if c.parent else ""
        parts += [
            f"## {c.title}\n",
            f"`{c.code}`; {codebook.groups[c.group]}{parent}.\n",
            f"{c.definition}\n",
            "Given when:\n",
            *[f"- {line}" for line in c.include],
            "\nNot given for:\n",
            *[f"- {line}" for line in c.exclude],
            "\nExamples, written for this codebook:\n",
            *[f"- *{stance}*: {text}" for stance, texts in c.exemplars.model_dump().items() for text in texts],
            "",
        ]
    return "\n".join(parts)
