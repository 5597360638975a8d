"""The last stage: an intruder looks at everything; what may be handed on is taken back where something is found."""

from collabnlp.audit import audit, refused, withdraw
from collabnlp.discreet import discreet
from collabnlp.params import Params
from collabnlp.private import PRIVATE, changed_since, outdated
from collabnlp.records import csv_text, write_text
from collabnlp.stages import OUTPUTS, log, main


def stage(_: Params) -> None:
    """Look; where something is found, or nobody can look, take back and refuse."""
    with discreet("private/", closed=PRIVATE.exists(), quotes=True):
        try:
            findings = audit()
            if findings:
                raise refused(findings)
            if changed := changed_since():
                raise outdated(changed)
        except Exception:
            withdraw()
            raise
        write_text(OUTPUTS / "audit.csv", csv_text(findings, ["path", "what", "n"]))
    log.info("nothing found that must not leave")


if __name__ == "__main__":
    main(stage)
