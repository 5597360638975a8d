"""spaCy does without torch, BERTopic without transformers, and these do not mind."""

import subprocess
import sys

SCRIPT = """
import sys
from collabnlp.tokenizer import blank_english
words = [word.text for word in blank_english()("We agreed.")]
assert words == ["We", "agreed", "."], words
assert "torch" not in sys.modules
import torch
assert torch.ones(2).sum() == 2
"""


def test_torch_is_not_loaded_and_can_be_loaded_later():
    subprocess.run([sys.executable, "-W", "ignore", "-c", SCRIPT], check=True)


TOPICS = """
import sys
import numpy as np
from collabnlp.topics.labels import _class_weights
found = _class_weights([["bins"], ["bins", "rents"], ["rents"]] * 4, np.array([0, 1, 1] * 4))
assert set(found) == {0, 1}, found
assert not {"torch", "transformers", "sentence_transformers", "umap", "hdbscan", "plotly"} & set(sys.modules)
import sentence_transformers
import umap
assert sentence_transformers.SentenceTransformer
"""


def test_sentence_transformers_is_not_loaded_to_name_topics_and_can_be_loaded_later():
    subprocess.run([sys.executable, "-W", "ignore", "-c", TOPICS], check=True)
