from features import FEATURES, LABEL, sample_trips, split


def test_nothing_that_is_judged_by_is_learned_from() -> None:
    learn, judged = split(sample_trips(50))
    assert len(learn) == 40
    assert not set(learn["trip"]) & set(judged["trip"])


def test_a_trip_has_every_feature_and_a_fare() -> None:
    trips = sample_trips(5)
    assert set(FEATURES) < set(trips.columns)
    assert (trips[LABEL] > 0).all()
