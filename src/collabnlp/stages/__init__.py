"""One file a DVC stage: read parameters and records, call, write, log counts."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

from collabnlp.discreet import DISK
from collabnlp.params import Params, load_params
from collabnlp.records import InputError

CORPUS, MODELS, OUTPUTS, PRIVATE = Path("corpus"), Path("models"), Path("outputs"), Path("private")
log = logging.getLogger("collabnlp")


def main(stage: Callable[[Params], None]) -> None:
    """Run a stage in the project's folder; bad input, a full disk or one that may not be written is one line and exit status 2."""
    os.environ["HF_HUB_OFFLINE"] = "1"  # no library looks for models outside
    logging.basicConfig(format="%(message)s", level=logging.WARNING, stream=sys.stderr)
    log.setLevel(logging.INFO)
    try:
        stage(load_params())
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
    except OSError as error:
        if error.errno not in DISK:
            raise
        remedy = "free some space there, or see to it that you may write; then run `dvc repro` again"
        where = Path(error.filename).parent if error.filename else "outputs, .cache or private"
        sys.stderr.write(f"{InputError(where, f'cannot be written ({os.strerror(error.errno)})', remedy)}\n")
        raise SystemExit(2) from None
