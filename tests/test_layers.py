"""The encoder's own layers: as transformers computes them, and the same bytes in any company."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from collabnlp.classify import Classifier
from collabnlp.embed import SentenceEncoder, TunedEncoder, encode_cached
from collabnlp.layers import has_bfloat16, is_bert
from collabnlp.learners import Look
from collabnlp.params import Embed, load_params
from collabnlp.records import GoldPassage, InputError, read_jsonl
from conftest import BERT_WORDS, ROOT

RNG = np.random.default_rng(20)
TEXTS = [" ".join(RNG.choice(BERT_WORDS, n)) for n in (1, 5, 5, 30, 12, 3, 61, 7, 18, 2, 44)] + [""]


@pytest.fixture(params=["float32", "bfloat16"])
def precision(request):
    if request.param == "bfloat16" and not has_bfloat16():
        pytest.skip("this processor has no bfloat16 arithmetic")
    return request.param


def test_vectors_are_those_of_sentence_transformers(bert_folder, precision):
    ours = SentenceEncoder(str(bert_folder), precision=precision)
    theirs = ours.load().encode(TEXTS, normalize_embeddings=True, show_progress_bar=False)
    assert np.abs(ours.encode(TEXTS) - theirs).max() < (1e-6 if precision == "float32" else 0.02)


def test_bfloat16_is_used_where_it_is_there(bert_folder):
    if not has_bfloat16():
        pytest.skip("this processor has no bfloat16 arithmetic")
    plain, fast = (SentenceEncoder(str(bert_folder), precision=p) for p in ("float32", "bfloat16"))
    assert (plain.arithmetic, fast.arithmetic) == ("float32", "bfloat16")
    assert (plain.encode(TEXTS) != fast.encode(TEXTS)).any()


@pytest.mark.parametrize("n_cores", [1, 2, 3])
def test_bytes_depend_on_the_text_alone(bert_folder, precision, n_cores):
    import torch

    encoder = SentenceEncoder(str(bert_folder), precision=precision)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    before = torch.get_num_threads()
    torch.set_num_threads(n_cores)
    try:
        for order in (np.arange(len(TEXTS)), RNG.permutation(len(TEXTS)), np.repeat(np.arange(len(TEXTS)), 3)):
            assert encoder.encode([TEXTS[i] for i in order]).tobytes() == alone[order].tobytes()
    finally:
        torch.set_num_threads(before)


def test_no_texts_give_no_rows(bert_folder, precision):
    assert SentenceEncoder(str(bert_folder), precision=precision).encode([]).shape == (0, 16)


def test_without_bfloat16_the_run_says_so_once_and_works_in_float32(bert_folder, monkeypatch, caplog):
    monkeypatch.setattr("collabnlp.embed.has_bfloat16", lambda: False)
    fast, plain = SentenceEncoder(str(bert_folder), precision="bfloat16"), SentenceEncoder(str(bert_folder))
    assert fast.encode(TEXTS).tobytes() == plain.encode(TEXTS).tobytes()
    assert fast.name == plain.name
    assert [line.getMessage()[:44] for line in caplog.records] == ["this processor has no bfloat16 arithmetic: t"]


def test_vectors_of_two_precisions_have_caches_of_their_own(bert_folder, tmp_path, monkeypatch):
    monkeypatch.setattr("collabnlp.embed.has_bfloat16", lambda: True)
    plain, fast = (SentenceEncoder(str(bert_folder), precision=p) for p in ("float32", "bfloat16"))
    assert fast.name == plain.name.replace("float32", "bfloat16") != plain.name
    assert fast.model_name == plain.model_name
    encode_cached(plain, ["trust"], tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [plain.name]


def test_another_kind_of_encoder_goes_through_sentence_transformers(bert_folder, tmp_path, caplog):
    folder = shutil.copytree(bert_folder, tmp_path / "other")
    pooling = folder / "1_Pooling" / "config.json"
    pooling.write_text(json.dumps(json.loads(pooling.read_text()) | {"pooling_mode": "max"}))
    assert is_bert(bert_folder)
    assert not is_bert(folder)
    assert not is_bert(tmp_path)
    encoder = SentenceEncoder(str(folder), precision="bfloat16")
    assert encoder.name == f"{encoder.model_name}-1core"
    theirs = encoder.load().encode(TEXTS, normalize_embeddings=True, show_progress_bar=False)
    assert np.abs(encoder.encode(TEXTS) - theirs).max() < 1e-6
    assert encoder.arithmetic == "float32"
    assert "is not BERT's kind of encoder" in caplog.text


def test_names_and_precision_of_the_weights_may_be_as_transformers_takes_them(bert_folder, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(bert_folder, tmp_path / "half")
    weights = load_file(folder / "model.safetensors")
    save_file({f"bert.{name}": array.half() for name, array in weights.items()}, folder / "model.safetensors")
    plain, half = SentenceEncoder(str(bert_folder)).encode(TEXTS), SentenceEncoder(str(folder)).encode(TEXTS)
    assert 0 < np.abs(plain - half).max() < 0.01


def test_an_encoder_of_another_kind_is_not_fine_tuned(bert_folder, tmp_path):
    folder = shutil.copytree(bert_folder, tmp_path / "other")
    SentenceEncoder(str(folder)).check_bert()
    (folder / "tokenizer.json").unlink()
    with pytest.raises(InputError, match="not BERT's kind of encoder"):
        TunedEncoder(SentenceEncoder(str(folder)), ROOT / "models" / "finetuned")


def test_transformers_is_not_loaded_to_encode(bert_folder):
    """It takes five seconds of processor."""
    code = f"""if True:
        import sys
        from collabnlp.embed import SentenceEncoder
        print(SentenceEncoder({str(bert_folder)!r}).encode(["bins"]).shape)
        print([name for name in ("transformers", "sentence_transformers", "sklearn") if name in sys.modules])
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["(1, 16)", "[]"]


def _settings(precision):
    settings = Embed()
    return settings.encoder, settings.sha256, settings.max_tokens, precision


@pytest.mark.slow
def test_bfloat16_changes_less_than_one_tag_in_a_hundred():
    if not has_bfloat16():
        pytest.skip("this processor has no bfloat16 arithmetic")
    classifier = Classifier.from_disk(ROOT / "models" / "classifier")
    gold = read_jsonl(ROOT / "corpus" / "gold" / "passages.jsonl", GoldPassage)[::20][:200]
    texts, given, rows = [row.text for row in gold], [], []
    for precision in ("float32", "bfloat16"):
        tuned = TunedEncoder(SentenceEncoder(*_settings(precision)), ROOT / "models" / "finetuned")
        rows.append(tuned.encode(texts))
        vectors, readings = tuned.split(rows[-1], classifier.codes)
        look = Look(vectors, readings.codes, readings.stances)
        sources = [row.source for row in gold]
        tags = classifier.tag([row.passage_id for row in gold], texts, look, sources=sources, shift=0.0)
        given.append({(tag.passage_id, tag.code, tag.stance) for tag in tags})
    assert len(given[0]) > 100
    assert len(given[0] & given[1]) >= 0.99 * len(given[0] | given[1])
    assert (rows[0][:, :384] * rows[1][:, :384]).sum(axis=1).min() > 0.9999
    plain = SentenceEncoder(*_settings("bfloat16")).encode(texts[:9])
    assert plain.tobytes() == np.ascontiguousarray(rows[1][:9, :384]).tobytes()


SCRIPT = """
import hashlib, sys, torch
from collabnlp.embed import SentenceEncoder, TunedEncoder
torch.set_num_threads(int(sys.argv[1]))
tuned = TunedEncoder(SentenceEncoder(precision="bfloat16"), sys.argv[2])
texts = [line * n for n, line in enumerate(["The two councils share a chief executive. ", "Bins. "] * 9, start=1)]
rows = tuned.encode(texts[:: int(sys.argv[3])])[:: int(sys.argv[3])]
print(hashlib.sha256(rows.tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_another_process_with_other_cores_gives_the_same_bytes():
    def run(*arguments):
        command = [sys.executable, "-c", SCRIPT, arguments[0], str(ROOT / "models" / "finetuned"), arguments[1]]
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout

    assert run("1", "1") == run("3", "-1")


def test_the_default_is_what_the_decision_says():
    assert load_params(ROOT / "params.yaml").embed.precision == Embed().precision == "float32"
