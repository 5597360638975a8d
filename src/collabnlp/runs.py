"""A run's tables, to be compared with another's: read from a folder, kept aside before a review, or fetched from a commit."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from collabnlp.diff import Coded, code_passages
from collabnlp.files import atomic
from collabnlp.records import GoldRead, InputError, Passage, PassageTag, Record, read_table

KEPT = Path(".cache") / "before"  # where `collabnlp keep` puts a run; not handed on, and looked through by the audit
EVIDENCE = "evidence.db"
FILES = (
    EVIDENCE,
    "out_of_fold_reads.parquet",
    "out_of_fold_tags.parquet",
    "passages.parquet",
    "tags.parquet",
)

R = TypeVar("R", bound=Record)


class Run(NamedTuple):
    """What a comparison needs of a run.

    Attributes
    ----------
    tags
        Codes of all passages.
    texts
        Text of each passage, by id: to find it again, not to show it.
    coded
        What the model was scored on.
    versions
        Names of the model versions that gave tags.
    """

    tags: list[PassageTag]
    texts: dict[str, str]
    coded: Coded
    versions: list[str]


def load_run(folder: Path, codes: Sequence[str]) -> Run:
    """The tables of a run, from a folder such as `outputs`.

    Raises
    ------
    InputError
        Where a table is missing or of another version of collabnlp.
    """
    if not folder.is_dir():
        raise InputError(
            folder, "there is no such folder", "name a folder of outputs, or run `collabnlp keep` before a review"
        )
    passages = _read(folder / "passages.parquet", Passage)
    tags = _read(folder / "tags.parquet", PassageTag)
    scored = [row.passage_id for row in _read(folder / "out_of_fold_reads.parquet", GoldRead)]
    return Run(
        tags,
        {row.passage_id: row.text for row in passages},
        code_passages(_read(folder / "out_of_fold_tags.parquet", PassageTag), scored, codes),
        sorted({tag.coder for tag in tags if tag.score is not None}),
    )


def _read(path: Path, record: type[R]) -> list[R]:
    try:
        return read_table(path, record)
    except InputError as error:
        if not path.exists():
            raise
        raise InputError(
            path.name,
            f"was written by another version of collabnlp ({error.problem})",
            "compare the two evidence.db alone",
        ) from error


def keep_run(project: Path = Path()) -> Path:
    """Copy a run's tables aside, in place of those kept before; give back the folder.

    Done before codings are read in, it lets `collabnlp diff` say afterwards what they changed.

    Raises
    ------
    InputError
        Where the run is not complete.
    """
    missing = [name for name in FILES if not (project / "outputs" / name).exists()]
    if missing:
        raise InputError(project / "outputs" / missing[0], "there is no such file", "run `dvc repro` first")
    for name in FILES:
        with atomic(project / KEPT / name) as temporary:
            shutil.copyfile(project / "outputs" / name, temporary)
    return project / KEPT


def fetch_run(revision: str, folder: Path, project: Path = Path()) -> Path:
    """Copy the tables of a commit into a folder, from git and DVC's cache, without a network; give back the folder.

    Raises
    ------
    InputError
        Where there is no such commit, or DVC's cache does not hold its outputs.
    """
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException
    from scmrepo.exceptions import SCMError

    try:
        files = DVCFileSystem(str(project.resolve()), rev=revision)
        for name in FILES:
            files.get_file(f"outputs/{name}", str(folder / name))
    except (DvcException, SCMError, OSError) as error:
        raise InputError(
            revision,
            f"is neither a folder nor a commit whose outputs are at hand ({' '.join(str(error).split())})",
            "name a folder of outputs, an evidence.db, or a commit; without a name, what `collabnlp keep` kept is compared",
        ) from error
    return folder
