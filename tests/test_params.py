import pytest

from collabnlp.params import Params, load_params
from collabnlp.records import InputError


def test_the_projects_own_parameters_are_the_defaults():
    from conftest import ROOT

    assert load_params(ROOT / "params.yaml") == Params()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ingest: {on_eror: skip}", "on_eror"),
        ("train: {folds: 1}", "train.folds"),
        ("topics: [", "not YAML"),
        ("ingest: {on_error: maybe}", "on_error"),
    ],
)
def test_a_wrong_parameter_is_named(tmp_path, text, message):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(InputError, match=message):
        load_params(tmp_path / "params.yaml")


def test_every_parameter_is_described():
    for section in Params.model_fields.values():
        assert section.description or all(field.description for field in section.annotation.model_fields.values())
