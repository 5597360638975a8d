"""A language model as one more coder: asked by `collabnlp code`, and by nothing else."""
