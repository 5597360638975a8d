"""`python -m collabnlp` is the command `collabnlp`."""

from collabnlp.cli import main

main()
