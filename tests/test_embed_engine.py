import numpy as np
import pytest

from collabnlp.embed import Remembering, SentenceEncoder, encode_cached, read_vectors, write_vectors
from collabnlp.records import InputError
from conftest import FakeEncoder


def test_each_text_is_encoded_once(tmp_path, encoder):
    vectors, n_new = encode_cached(encoder, ["a b", "c", "a b"], tmp_path)
    assert (n_new, len(encoder.encoded)) == (2, 2)
    assert (vectors[0] == vectors[2]).all()


def test_a_second_run_encodes_nothing_and_gives_the_same_bytes(tmp_path, encoder):
    first, _ = encode_cached(encoder, ["a b", "c"], tmp_path)
    again, n_new = encode_cached(FakeEncoder(), ["c", "a b", "d"], tmp_path)
    assert n_new == 1
    assert (again[[1, 0]] == first).all()


def test_an_encoder_that_remembers_is_asked_once(tmp_path, encoder):
    first = Remembering(encoder, tmp_path).encode(["a b", "c"])
    again = Remembering(encoder, tmp_path)
    assert again.name == encoder.name
    assert (again.encode(["c", "a b"]) == first[::-1]).all()
    assert len(encoder.encoded) == 2


def test_another_encoder_has_a_cache_of_its_own(tmp_path, encoder):
    encode_cached(encoder, ["a"], tmp_path)
    other = FakeEncoder()
    other.name = "other"
    assert encode_cached(other, ["a"], tmp_path)[1] == 1


def test_a_damaged_cache_file_is_made_again(tmp_path, encoder):
    encode_cached(encoder, ["a"], tmp_path)
    next(tmp_path.glob("fake/*.parquet")).write_bytes(b"PAR1 half")
    assert encode_cached(encoder, ["a"], tmp_path)[1] == 1


def test_no_texts_give_no_vectors(tmp_path, encoder):
    assert encode_cached(encoder, [], tmp_path)[0].shape[0] == 0


def test_vectors_come_back_as_they_went(tmp_path):
    vectors = np.random.default_rng(0).random((3, 5)).astype(np.float32)
    write_vectors(tmp_path / "v.parquet", ["a", "b", "c"], vectors)
    ids, read = read_vectors(tmp_path / "v.parquet")
    assert ids == ["a", "b", "c"]
    assert (read == vectors).all()


def test_weights_of_another_hash_are_refused():
    with pytest.raises(InputError, match="has SHA-256"):
        SentenceEncoder(sha256="0" * 64)


def test_a_folder_without_model_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"model\.safetensors"):
        SentenceEncoder(str(tmp_path))


@pytest.mark.slow
def test_the_packaged_encoder_gives_unit_vectors_that_do_not_depend_on_company():
    from collabnlp.params import Embed

    encoder = SentenceEncoder(Embed().encoder, Embed().sha256)
    alone = encoder.encode(["The two councils share a chief executive."])
    company = encoder.encode(
        ["Bins.", "The two councils share a chief executive.", "A much longer text about something else " * 20]
    )
    assert alone.shape == (1, 384)
    assert np.linalg.norm(alone[0]) == pytest.approx(1, abs=1e-5)
    assert (alone[0] == company[1]).all()
