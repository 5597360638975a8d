"""Pseudonyms at the door: who and what is replaced in sources that are not public, and what a person says to that."""
