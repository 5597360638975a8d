"""spaCy does without torch, and torch does not mind."""

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
