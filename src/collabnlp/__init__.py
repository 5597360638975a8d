"""Reads what councils say of working together and joins it into an evidence matrix."""

__version__ = "0.1.0"
