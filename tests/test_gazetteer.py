import pytest

from collabnlp.gazetteer import TODAY, load_gazetteer
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
    ("council", "today"),
    [
        ("selby", ("north-yorkshire",)),
        ("suffolk-coastal", ("east-suffolk",)),
        ("waveney", ("east-suffolk",)),
        ("northamptonshire-county-council", ("north-northamptonshire", "west-northamptonshire")),
        ("taunton-deane", ("somerset",)),  # by way of Somerset West and Taunton
        ("kent", ("kent",)),
        ("surrey", ("surrey",)),  # its end is planned
        ("found:marlshire-board", ("found:marlshire-board",)),
    ],
)
def test_a_council_is_followed_to_what_it_is_today(gazetteer, council, today):
    assert gazetteer.today(council) == today


def test_every_council_that_ended_in_england_is_followed_to_one_that_exists(gazetteer):
    for entity in gazetteer.entities.values():
        if entity.label == "COUNCIL" and entity.nation == "England":
            for last in map(gazetteer.entities.__getitem__, gazetteer.today(entity.entity_id)):
                assert not last.end_date or last.end_date >= TODAY, entity.entity_id


def test_evidence_is_rolled_up_to_its_time_to_today_or_to_the_county(gazetteer):
    levels = {to: gazetteer.rolled_up("selby", to) for to in ("time", "today", "county")}
    assert levels == {
        "time": ("selby",),
        "today": ("north-yorkshire",),
        "county": ("north-yorkshire-county-council",),
    }
    assert gazetteer.rolled_up("named-publica-group", "county") == ()


def test_successors_that_go_round_or_are_unknown_are_refused(tmp_path):
    header = (ROOT / "corpus" / "gazetteer.csv").read_text(encoding="utf-8-sig").splitlines()[0]
    rows = {
        "go round: a to b to c to a": [("a", "b"), ("b", "c"), ("c", "a")],
        "go round: a to a": [("a", "a")],
        "'nowhere' has no row": [("a", ""), ("b", "a|nowhere")],
    }
    path = tmp_path / "gazetteer.csv"
    for message, pairs in rows.items():
        lines = [f"{i},COUNCIL,{i},full,{i},county,England,,,2019-03-31,{after},,,,x" for i, after in pairs]
        path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        with pytest.raises(InputError, match=message) as caught:
            load_gazetteer(path)
        assert "row " in str(caught.value)


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
