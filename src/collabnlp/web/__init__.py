"""The pages: the evidence matrix and the quotes behind it, in a browser, from evidence.db alone."""
