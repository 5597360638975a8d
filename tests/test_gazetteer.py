import pytest

from collabnlp.gazetteer import load_gazetteer
from collabnlp.records import InputError
from conftest import ROOT


def test_a_name_is_borne_by_the_council_of_the_year(gazetteer):
    assert gazetteer.bearers("Somerset", 2015) == ("somerset-county-council",)
    assert gazetteer.bearers("Somerset", 2024) == ("somerset",)


def test_a_council_that_ended_is_still_found_later(gazetteer):
    assert gazetteer.bearers("Suffolk Coastal", 2021) == ("suffolk-coastal",)
    assert gazetteer.entities["suffolk-coastal"].successors == ("east-suffolk",)


def test_every_reference_within_the_gazetteer_is_known(gazetteer):
    for entity in gazetteer.entities.values():
        for other in (*entity.successors, *entity.members, *([entity.parent] if entity.parent else [])):
            assert other in gazetteer.entities, (entity.entity_id, other)


def test_the_invented_county_is_marked(gazetteer):
    assert gazetteer.entities["harrowmere"].invented
    assert gazetteer.county_of("harrowmere") == "orrenshire"
    assert not gazetteer.entities["kent"].invented


def test_the_merged_district_takes_over_on_its_day(gazetteer):
    assert gazetteer.entities["calderstow"].successors == ("calderstow-and-merrin",)
    assert not gazetteer.entities["calderstow"].exists_in(2020)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("kent,COUNCIL,Kent,bare,Kent again,county,England,,,,,,,,x", "has a name twice"),
        ("nowhere,COUNCIL,Nowhere,bare,,,,,,,,,,,x", "has no row with a `name`"),
        ("new,COUNCIL,New,short,New,county,England,,,,,,,,x", "form is 'short'"),
        ("new,COUNCIL,New,full,New,county,England,,1 April 2019,,,,,,x", "start_date"),
        ("new,TEAM,New,full,New,county,England,,,,,,,,x", "label"),
    ],
)
def test_a_wrong_row_is_named(tmp_path, row, message):
    path = tmp_path / "gazetteer.csv"
    path.write_text((ROOT / "corpus" / "gazetteer.csv").read_text(encoding="utf-8") + row + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        load_gazetteer(path)
    assert "row " in str(caught.value)
