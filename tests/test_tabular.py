"""Estimators of tables, and what they are made of: encoding, folds, intervals."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit, log_softmax, softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score
from sklearn.model_selection import GroupKFold, KFold, TimeSeriesSplit
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgd import GDNeuralClassifier, GDNeuralRegressor
from skgd.tabular import TabularClassifier, TabularRegressor
from skgd.tabular.columns import MOST_DENSE, SmoothClipScaler, TableEncoder
from skgd.tabular.conformal import intervals, sets
from skgd.tabular.defaults import make_network
from skgd.tabular.members import (
    Member,
    choose_judges,
    first_values,
    fit_members,
    make_folds,
    mean_values,
    unseen_values,
)
from skgd.tabular.tasks import MembersTask
from skgd.tabular.temperature import extrapolate, find_temperature, with_temperature

RNG = np.random.default_rng
NOTHING = "has learned nothing from X"
# Few samples and epochs are enough for most tests, and too few to learn much.
pytestmark = pytest.mark.filterwarnings(f"ignore:Tabular\\w+ {NOTHING}")


def expected_failed_checks(estimator):
    """Repeated rows fall into other parts than one row with a weight."""
    if not isinstance(estimator, TabularRegressor | TabularClassifier):
        return {}
    names = ("dense", "sparse")
    return {
        f"check_sample_weight_equivalence_on_{name}_data": "rows are held out singly"
        for name in names
    }


@parametrize_with_checks(
    [
        *(SmoothClipScaler(), TableEncoder()),
        TabularRegressor(n_members=2, random_state=0),
        TabularClassifier(n_members=2, random_state=0),
    ],
    expected_failed_checks=expected_failed_checks,
)
def test_scikit_learn_check(estimator, check):
    check(estimator)


# Numbers ------------------------------------------------------------------------------


def test_numbers_are_scaled_by_quartiles_and_clipped_smoothly():
    X = RNG(0).standard_normal((200, 3)) * [1, 10, 0.1] + [0, 5, -3]
    X[0] = 1e9
    low, middle, high = np.percentile(X, [25, 50, 75], axis=0)
    z = (X - middle) / (high - low)
    found = SmoothClipScaler(bound=2.0).fit_transform(X)
    assert_allclose(found, z / np.sqrt(1 + z**2 / 4), rtol=1e-12)
    assert np.abs(found).max() <= 2


def test_columns_without_a_distance_of_quartiles_are_scaled_by_their_range():
    mostly = np.r_[np.zeros(8), 4.0, 2.0]
    found = SmoothClipScaler().fit_transform(np.c_[mostly, np.full(10, 7.0)])
    assert_allclose(found[8, 0], 2 / np.sqrt(1 + 4 / 9))
    assert_array_equal(found[:, 1], 0)


# Tables -------------------------------------------------------------------------------

LEVELS = ["red", "green", "blue"]


def make_frame(n=60):
    rng = RNG(1)
    return pd.DataFrame(
        {
            "size": rng.standard_normal(n),
            "colour": rng.choice(LEVELS, n),
            "grade": pd.Categorical(rng.choice([1, 2, 3], n)),
            "is_new": rng.random(n) < 0.5,
            "count": pd.array(rng.integers(0, 9, n), dtype="Int64"),
            "mixed": rng.choice(np.array(["a", 1, 2.0], object), n),
        }
    )


def test_kinds_of_columns_follow_from_their_dtypes():
    encoder = TableEncoder().fit(make_frame())
    assert_array_equal(encoder.is_category_, [0, 1, 1, 0, 0, 1])
    assert encoder.get_feature_names_out().tolist() == [
        *("size", "is_new", "count"),
        *("colour_blue", "colour_green", "colour_red"),
        *("grade_1", "grade_2", "grade_3", "mixed_1", "mixed_2", "mixed_a"),
    ]


def test_the_matrix_has_numbers_first_and_a_column_for_each_level():
    frame = make_frame()
    Z = TableEncoder().fit_transform(frame)
    assert Z.dtype == np.float32
    numbers = frame[["size", "is_new", "count"]].to_numpy(dtype=float)
    assert_allclose(Z[:, :3], SmoothClipScaler().fit_transform(numbers), rtol=1e-6)
    assert_array_equal(Z[:, 5], frame["colour"] == "red")
    assert_array_equal(Z[:, 9:].sum(axis=1), 1)


def test_polars_and_pandas_give_the_same_matrix():
    frame = make_frame().drop(columns=["mixed", "grade"])
    ours = pl.DataFrame({name: frame[name].to_list() for name in frame})
    assert_array_equal(
        TableEncoder().fit_transform(ours), TableEncoder().fit_transform(frame)
    )


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_missing_values_are_medians_with_a_flag_and_levels_of_their_own(missing):
    frame = make_frame()
    frame["size"] = frame["size"].astype(object)
    frame.loc[:4, ["size", "colour"]] = missing
    encoder = TableEncoder().fit(frame)
    Z = pd.DataFrame(encoder.transform(frame), columns=encoder.get_feature_names_out())
    flags = np.arange(60) < 5
    assert_array_equal(Z["missingindicator_size"], flags)
    assert_array_equal(Z["colour_None"], flags)
    assert_allclose(Z["size"][:5], 0, atol=1e-7)  # the median


def test_rare_levels_share_a_column_with_those_never_seen():
    frame = pd.DataFrame({"c": ["a"] * 5 + ["b"] * 4 + ["x", "y"]})
    encoder = TableEncoder(min_frequency=3).fit(frame)
    Z = encoder.transform(pd.DataFrame({"c": ["a", "x", "never"]}))
    assert_array_equal(Z, [[1, 0, 0], [0, 0, 1], [0, 0, 1]])
    without = TableEncoder(min_frequency=1).fit(frame[:9])
    assert_array_equal(without.transform(pd.DataFrame({"c": ["never"]})), [[0, 0]])


def test_a_number_that_became_a_float_is_the_same_level():
    encoder = TableEncoder(categorical_features=[0]).fit(np.array([[1], [2], [1]] * 3))
    assert_array_equal(encoder.transform(np.array([[1.0], [2.0]])), [[1, 0], [0, 1]])


@pytest.mark.parametrize(
    "chosen",
    [["b"], [1], [False, True], np.array([False, True])],
    ids=["names", "numbers", "flags", "array"],
)
def test_categories_can_be_named(chosen):
    frame = pd.DataFrame({"a": [0, 1, 2] * 3, "b": [0, 1, 2] * 3})
    assert TableEncoder(chosen).fit(frame).is_category_.tolist() == [False, True]


@pytest.mark.parametrize(
    ("chosen", "message"),
    [(["z"], r"no columns of X: \['z'\]"), ([5], r"\[5\]"), ([True], "one flag")],
)
def test_names_of_no_column_are_refused(chosen, message):
    frame = pd.DataFrame({"a": [0, 1, 2], "b": [0, 1, 2]})
    with pytest.raises(ValueError, match=message):
        TableEncoder(chosen).fit(frame)


def test_strings_in_a_column_of_numbers_are_named():
    with pytest.raises(ValueError, match=r"'colour'.*holds 'red'.*categorical_feat"):
        TableEncoder(None).fit(pd.DataFrame({"colour": ["red", "blue"]}))


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(pd.date_range("2020", periods=3)),
        pd.Series(pd.to_timedelta([1, 2, 3], unit="D")),
        pd.Series(pd.date_range("2020", periods=3).date, dtype=object),
        pl.Series("t", pd.date_range("2020", periods=3).to_list()),
    ],
    ids=["dates", "durations", "objects", "polars"],
)
def test_dates_are_refused_by_name(column):
    kind = pl.DataFrame if isinstance(column, pl.Series) else pd.DataFrame
    with pytest.raises(TypeError, match=r"'when'.*dates.*TableVectorizer"):
        TableEncoder().fit(kind({"when": column}))


def test_infinity_is_refused_by_name():
    with pytest.raises(ValueError, match=r"infinity.*'b'"):
        TableEncoder().fit(pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, np.inf]}))


def test_a_column_without_any_value_becomes_zeros():
    frame = pd.DataFrame({"a": [np.nan] * 4, "b": [1.0, 2.0, 3.0, 4.0]})
    encoder = TableEncoder().fit(frame)
    assert encoder.get_feature_names_out().tolist() == ["a", "b", "missingindicator_a"]
    assert_array_equal(encoder.transform(frame)[:, 0], 0)


def test_many_levels_stay_sparse_and_a_sparse_matrix_stays_as_it_is():
    names = np.array([f"level {i}" for i in range(MOST_DENSE + 1)] * 3, dtype=object)
    Z = TableEncoder().fit_transform(names[:, None])
    assert sparse.issparse(Z)
    assert_array_equal(Z.sum(axis=1), 1)
    X = sparse.random(9, MOST_DENSE + 1, 0.1, format="csc", random_state=0)
    found = TableEncoder().fit_transform(X)
    assert_allclose(found.toarray(), X.toarray(), rtol=1e-6)


# Folds --------------------------------------------------------------------------------


def folds(cv, n_members, n=20, groups=None, labels=None):
    X, y = np.zeros((n, 1)), np.zeros(n)
    state = np.random.RandomState(0)
    return make_folds(cv, n_members, X, y, groups, labels, state)


@pytest.mark.parametrize(("n_members", "times"), [(2, 1), (4, 2), (8, 2)])
def test_every_sample_is_held_out_by_two_members(n_members, times):
    found = folds(None, n_members)
    assert len(found) == n_members
    counts = np.bincount(np.concatenate([b for _, b in found]), minlength=20)
    assert_array_equal(counts, times)
    for train, held_out in found:
        assert_array_equal(np.sort(np.r_[train, held_out]), np.arange(20))


def test_more_members_than_parts_divide_the_data_anew():
    found = folds(4, 10)
    assert len(found) == 10
    counts = np.bincount(np.concatenate([b for _, b in found]), minlength=20)
    assert counts.min() >= 2
    assert not np.array_equal(found[0][1], found[4][1])


def test_parts_are_stratified_as_far_as_the_rarest_class_allows():
    labels = np.repeat([0, 1], [17, 3])
    for _, held_out in folds(None, 8, labels=labels)[:3]:
        assert (labels[held_out] == 1).sum() == 1


def test_splitters_and_groups_are_followed():
    groups = np.repeat(np.arange(5), 4)
    for train, held_out in folds(GroupKFold(5), 5, groups=groups):
        assert not set(groups[train]) & set(groups[held_out])
    found = folds(TimeSeriesSplit(3), 6)
    assert len(found) == 6
    assert all(train.max() < held_out.min() for train, held_out in found)


@pytest.mark.parametrize(
    ("cv", "n", "message"), [(None, 1, "n_samples=1"), (9, 8, "cv=9"), (1, 8, "cv=1")]
)
def test_too_few_samples_are_refused(cv, n, message):
    with pytest.raises(ValueError, match=message):
        folds(cv, 4, n=n)


# Members ------------------------------------------------------------------------------


def members(n_jobs, kind=GDNeuralRegressor, y=None, weight=None, cv=KFold(3)):  # noqa: B008
    X = RNG(0).standard_normal((30, 4)).astype(np.float32)
    y = X[:, 0] if y is None else y
    network = kind(
        (8,), early_stopping=True, scoring="loss", n_iter_no_change=50, max_iter=12
    )
    task, state = (
        MembersTask(TabularRegressor(), 3, X, y, weight),
        np.random.RandomState(0),
    )
    folds = list(cv.split(X))
    judges = choose_judges(folds, None, state)
    with pytest.warns(ConvergenceWarning):
        fitted = fit_members(
            *(network, folds, judges, X, y, weight, state, n_jobs, task)
        )
    return fitted, X


def test_members_are_the_same_for_any_number_of_threads():
    one, X = members(1)
    for a, b in zip(one, members(2)[0], strict=True):
        assert_array_equal(a.network.predict(X), b.network.predict(X))
        assert_array_equal(a.held_out, b.held_out)


def test_members_have_other_seeds_and_keep_their_best_epoch():
    fitted, _ = members(1)
    seeds = {member.network.random_state for member in fitted}
    assert len(seeds) == len(fitted)
    for member in fitted:
        best = member.network.best_validation_score_
        assert best == max(member.network.validation_scores_)


def test_a_class_that_a_member_has_not_seen_is_left_out_of_its_judgement():
    labels = np.repeat([0, 1, 2], 10)
    fitted, _ = members(1, GDNeuralClassifier, labels)
    assert [member.network.classes_.tolist() for member in fitted] == [
        [1, 2],
        [0, 2],
        [0, 1],
    ]
    assert not fitted[0].network.early_stopping  # no sample was left to judge by


def test_samples_without_weight_do_not_judge():
    weight = np.r_[np.zeros(9), np.ones(21)]
    fitted, _ = members(1, weight=weight)
    assert not fitted[0].network.early_stopping
    assert fitted[1].network.early_stopping


def test_held_out_values_are_means_and_nan_where_there_are_none():
    pairs = [
        Member(None, np.array([0, 1]), np.array([True, True])),
        Member(None, np.array([1, 2]), np.array([False, True])),
    ]
    values = [np.array([1.0, 2.0]), np.array([4.0, 8.0])]
    assert_array_equal(mean_values(pairs, values, (4,)), [1, 3, 8, np.nan])
    assert_array_equal(first_values(pairs, values, (4,)), [1, 2, 8, np.nan])
    assert_array_equal(unseen_values(pairs, values, (4,)), [1, 4, 8, np.nan])


@pytest.mark.parametrize("n_members", [2, 4, 8, 12])
def test_judges_are_half_of_each_part_and_every_other_time_others(n_members):
    labels = np.arange(40) % 2
    found = folds(None if n_members != 12 else 4, n_members, 40, labels=labels)
    judges = choose_judges(found, labels, np.random.RandomState(0))
    times, judged = np.zeros(40, int), np.zeros(40, int)
    for (_, held_out), is_judge in zip(found, judges, strict=True):
        assert is_judge.shape == held_out.shape
        times[held_out] += 1
        judged[held_out[is_judge]] += 1
    if n_members == 2:  # each sample is held out once
        assert_array_equal(judged, times)
    else:
        assert (judged >= times // 2).all()
        assert (judged < times).all()
    if n_members == 4:  # in the first parts, as many of each class
        first = [
            np.bincount(labels[held_out[is_judge]], minlength=2)
            for (_, held_out), is_judge in zip(found, judges, strict=True)
        ][:2]
        assert np.abs(np.array(first) - 5).max() <= 1


@pytest.mark.filterwarnings(f"error:Tabular\\w+ {NOTHING}")
def test_a_fit_that_has_learned_nothing_says_so():
    rng = RNG(0)
    X, noise = rng.standard_normal((60, 5)), rng.standard_normal(60)
    with pytest.warns(ConvergenceWarning, match=f"TabularRegressor {NOTHING}"):
        regressor().fit(X, noise)
    with pytest.warns(ConvergenceWarning, match=f"TabularClassifier {NOTHING}"):
        classifier().fit(X, noise > 0)
    regressor().fit(X, X[:, 0])
    classifier().fit(X, X[:, 0] > 0)
    regressor().fit(X, np.ones(60))
    # R2 does not say whether a quantile was learned.
    quantile = GDNeuralRegressor(**FEW, loss="quantile", quantile=0.9)
    regressor(estimator=quantile).fit(X, noise)


def test_the_score_of_the_folds_is_not_too_good_where_there_is_nothing_to_learn():
    excess = []
    for seed in range(6):
        rng = RNG(seed)
        X, y = rng.standard_normal((1100, 5)), rng.standard_normal(1100)
        model = regressor(random_state=seed).fit(X[:100], y[:100])
        excess.append(model.oof_score_ - model.score(X[100:], y[100:]))
    assert np.mean(excess) < 0.02


# Intervals and sets -------------------------------------------------------------------


def intervals_by_definition(predictions, parts, errors, coverage):
    """Equation (1.5) of Barber et al., sample by sample."""
    n, bounds = errors.size, []
    for new in predictions.T:
        low = sorted(new[k] - r for k, r in zip(parts, errors, strict=True))
        high = sorted(new[k] + r for k, r in zip(parts, errors, strict=True))
        last = int(np.ceil(coverage * (n + 1)))
        bounds.append(
            (low[n - last], high[last - 1]) if last <= n else (-np.inf, np.inf)
        )
    return np.array(bounds)


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.99])
def test_intervals_are_those_of_the_definition(coverage, monkeypatch):
    rng = RNG(0)
    parts, errors = rng.integers(0, 4, 37), rng.random(37)
    predictions = rng.standard_normal((4, 11))
    expected = intervals_by_definition(predictions, parts, errors, coverage)
    monkeypatch.setattr("skgd.tabular.conformal.BLOCK", 100)  # several blocks
    assert_array_equal(intervals(predictions, parts, errors, coverage), expected)


def sets_by_definition(probabilities, parts, scores, coverage):
    """Romano et al. (2020), equation (9): how many known samples are less strange."""
    _, n, n_classes = probabilities.shape
    found = np.zeros((n, n_classes), bool)
    for i in range(n):
        for c in range(n_classes):
            less = sum(
                score < 1 - probabilities[k, i, c]
                for k, score in zip(parts, scores, strict=True)
            )
            found[i, c] = less < coverage * (scores.size + 1)
    return found


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.95])
def test_sets_are_those_of_the_definition(coverage):
    rng = RNG(0)
    parts, scores = rng.integers(0, 3, 41), rng.random(41)
    probabilities = rng.dirichlet(np.ones(4), (3, 9))
    assert_array_equal(
        sets(probabilities, parts, scores, coverage),
        sets_by_definition(probabilities, parts, scores, coverage),
    )


# Temperatures -------------------------------------------------------------------------


@pytest.mark.parametrize("truth", [0.5, 1.0, 2.5])
@pytest.mark.parametrize("is_multilabel", [False, True])
def test_the_temperature_of_the_draws_is_found(truth, is_multilabel):
    rng = RNG(0)
    raw = 2 * rng.standard_normal((20_000, 3))
    if is_multilabel:
        given, real = expit(raw), expit(raw / truth)
        targets = (rng.random(real.shape) < real).astype(float)
    else:
        given, real = softmax(raw, axis=1), softmax(raw / truth, axis=1)
        drawn = (real.cumsum(axis=1) > rng.random((len(real), 1))).argmax(axis=1)
        targets = np.eye(3)[drawn]
    found = find_temperature(given, targets, None, is_multilabel)
    assert_allclose(found, truth, rtol=0.05)
    calibrated = with_temperature(given, truth, is_multilabel)
    assert_allclose(calibrated, real, rtol=1e-5, atol=1e-6)


def test_weights_count_in_the_temperature():
    rng = RNG(0)
    given = softmax(rng.standard_normal((50, 3)), axis=1)
    targets, weight = (
        np.eye(3)[rng.integers(0, 3, 50)],
        np.repeat([0, 1, 2], [10, 30, 10]),
    )
    repeated = find_temperature(
        given.repeat(weight, axis=0), targets.repeat(weight, axis=0), None, False
    )
    # How sure it is of itself follows from the number of rows, not from weights.
    rows, total = weight.size, weight.sum()
    assert rows == total
    assert_allclose(
        find_temperature(given, targets, weight, False), repeated, rtol=1e-3
    )


def test_the_temperature_of_separable_classes_stays_near_one():
    given = softmax(np.repeat([[4.0, -4.0], [-4.0, 4.0]], 20, axis=0), axis=1)
    targets = np.repeat([[1.0, 0.0], [0.0, 1.0]], 20, axis=0)
    assert 0.7 < find_temperature(given, targets, None, False) < 1


@pytest.mark.parametrize(
    ("n_some", "n_all", "expected"),
    [(1, 8, 1.5), (2, 2, 1.2), (2, 8, 1.5 * 0.8**1.75), (2, 10**9, 1.5 * 0.8**2)],
)
def test_the_temperature_falls_with_one_over_the_number_of_members(
    n_some, n_all, expected
):
    assert_allclose(extrapolate(1.5, 1.2, n_some, n_all), expected)


def test_an_average_of_overconfident_networks_is_calibrated_by_extrapolation():
    """The logarithms of the probabilities are right but for noise of each network."""
    rng, n = RNG(0), 40_000
    right = 2 * rng.standard_normal((n, 3))
    drawn = (softmax(right, 1).cumsum(1) > rng.random((n, 1))).argmax(1)
    targets, members = np.eye(3)[drawn], 1.5 * rng.standard_normal((8, n, 3))
    each = softmax(right + members, axis=2)
    one, two, all_of_them = (
        find_temperature(each[:k].mean(axis=0), targets, None, False) for k in (1, 2, 8)
    )
    assert one > two > all_of_them
    found = extrapolate(one, two, 2, 8)
    assert abs(found - all_of_them) < 0.2 * abs(one - all_of_them)


def test_a_temperature_never_makes_the_loss_worse():
    rng = RNG(0)
    for _ in range(20):
        given = softmax(3 * rng.standard_normal((8, 3)), axis=1)
        targets = np.eye(3)[rng.integers(0, 3, 8)]
        found = find_temperature(given, targets, None, False)

        def loss(temperature, given=given, targets=targets):
            return -(targets * log_softmax(np.log(given) / temperature, axis=1)).sum()

        assert loss(found) <= loss(1.0)


# Estimators ---------------------------------------------------------------------------

FEW = {"hidden_layer_sizes": (16,), "max_iter": 40, "learning_rate_init": 0.03}


def make_table(n=300, seed=0):
    """A frame with a target that follows from a number, a category and a gap."""
    rng = RNG(seed)
    frame = pd.DataFrame(
        {
            "a": rng.standard_normal(n),
            "b": rng.standard_normal(n),
            "colour": rng.choice(LEVELS, n),
        }
    )
    frame.loc[rng.random(n) < 0.2, "b"] = np.nan
    effect = frame["colour"].map({"red": 2.0, "green": 0.0, "blue": -2.0})
    y = frame["a"] + effect + frame["b"].isna() + 0.3 * rng.standard_normal(n)
    return frame, y.to_numpy()


def regressor(**params):
    return TabularRegressor(
        **{"estimator": GDNeuralRegressor(**FEW), "random_state": 0} | params
    )


def classifier(**params):
    return TabularClassifier(
        **{"estimator": GDNeuralClassifier(**FEW), "random_state": 0} | params
    )


def labels_of(y):
    return np.array(["low", "middle", "high"])[np.digitize(y, [-1, 1])]


def test_a_table_goes_in_as_it_is():
    X, y = make_table()
    new, truth = make_table(seed=1)
    model = regressor().fit(X, y)
    assert model.score(new, truth) > 0.9
    assert abs(model.oof_score_ - model.score(new, truth)) < 0.1
    assert model.feature_names_in_.tolist() == ["a", "b", "colour"]
    other = classifier().fit(X, labels_of(y))
    assert other.classes_.tolist() == ["high", "low", "middle"]
    assert other.score(new, labels_of(truth)) > 0.8
    assert abs(other.oof_score_ - other.score(new, labels_of(truth))) < 0.1


def test_held_out_predictions_are_of_members_that_have_not_seen_the_sample():
    X, y = make_table(60)
    model = regressor(n_members=4).fit(X, y)
    Z, times = model.encoder_.transform(X), np.zeros(60, int)
    for member in model.members_:
        network, rows = member.network, member.held_out[~member.is_judge]
        times[rows] += 1
        own = model._of_member(member, Z[rows])
        assert_allclose(model.oof_prediction_[rows], own)
        # It has been trained on others, and its epoch was chosen by others.
        assert network.t_ == (60 - member.held_out.size) * network.n_iter_
        judges = member.held_out[member.is_judge]
        error = network.predict(Z[judges]) - model._scaled(y)[judges]
        loss = -network.best_validation_score_
        assert_allclose(0.5 * np.mean(error**2), loss, rtol=1e-5)
    assert_array_equal(times, 1)


def test_the_prediction_is_the_mean_over_the_members():
    X, y = make_table(60)
    model = regressor(n_members=3).fit(X, y)
    Z = model.encoder_.transform(X)
    each = [m.network.predict(Z).astype(float) for m in model.members_]
    expected = np.mean(each, axis=0) * y.std() + y.mean()
    assert_allclose(model.predict(X), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("coverage", [0.8, 0.95])
def test_intervals_and_sets_hold_about_the_share_that_they_state(coverage):
    X, y = make_table(400)
    new, truth = make_table(2000, seed=1)
    low, high = regressor().fit(X, y).predict_interval(new, coverage).T
    assert abs(np.mean((low <= truth) & (truth <= high)) - coverage) < 0.05
    model = classifier().fit(X, labels_of(y))
    is_in = model.predict_set(new, coverage)
    place = np.searchsorted(model.classes_, labels_of(truth))
    assert abs(is_in[np.arange(2000), place].mean() - coverage) < 0.05


@pytest.mark.parametrize("cv", [None, 4, KFold(2)])
def test_intervals_are_of_those_members_that_have_held_a_sample_out(cv):
    X, y = make_table(40)
    model = regressor(n_members=4, cv=cv).fit(X, y)
    new = make_table(5, seed=1)[0]
    each = [
        model._of_member(member, model.encoder_.transform(new))
        for member in model.members_
    ]
    ends = []
    for row in range(40):
        team = [k for k, m in enumerate(model.members_) if row in m.held_out]
        encoded = model.encoder_.transform(X.iloc[[row]])
        there = [model._of_member(model.members_[k], encoded) for k in team]
        error = abs(y[row] - np.mean(there))
        middle = np.mean([each[k] for k in team], axis=0)
        ends.append((middle - error, middle + error))
    low, high = np.sort(np.array(ends), axis=0).swapaxes(0, 1)
    place = int(np.ceil(0.8 * 41))
    expected = np.stack([low[40 - place], high[place - 1]], axis=1)
    assert_allclose(model.predict_interval(new, 0.8), expected, rtol=1e-6)


def test_too_few_samples_for_a_coverage_give_infinite_intervals():
    X, y = make_table(20)
    assert np.isinf(regressor(n_members=2).fit(X, y).predict_interval(X, 0.99)).all()


@pytest.mark.parametrize("coverage", [0, 1, 1.5, "all"])
def test_a_coverage_is_a_share(coverage):
    X, y = make_table(20)
    model = regressor(n_members=2).fit(X, y)
    with pytest.raises((TypeError, ValueError), match="coverage"):
        model.predict_interval(X, coverage)


def test_probabilities_are_calibrated_by_the_temperature():
    X, y = make_table(200)
    y = np.where(RNG(2).random(200) < 0.3, RNG(3).permutation(y), y)  # noise
    with_it = classifier().fit(X, labels_of(y))
    without = classifier(calibrate=False).fit(X, labels_of(y))
    assert without.temperature_ == 1.0 != with_it.temperature_
    assert_allclose(
        with_it.predict_proba(X),
        with_temperature(without.predict_proba(X), with_it.temperature_, False),
        rtol=1e-6,
    )


def test_several_outputs_and_several_labels():
    X, y = make_table(120)
    both = np.c_[y, -y]
    model = regressor(n_members=2).fit(X, both)
    assert model.predict(X).shape == model.oof_prediction_.shape == (120, 2)
    with pytest.raises(ValueError, match="one output, and y had 2"):
        model.predict_interval(X)
    labels = np.c_[y > 0, y > 1, X["a"] > 0].astype(int)
    model = classifier(n_members=2).fit(X, labels)
    assert model.predict(X).shape == model.predict_proba(X).shape == (120, 3)
    assert model.oof_score_ > 0.5
    with pytest.raises(ValueError, match="one label a sample"):
        model.predict_set(X)


@pytest.mark.parametrize("make", [regressor, classifier])
def test_the_same_bits_for_any_number_of_threads(make):
    X, y = make_table(80)
    y = y if make is regressor else labels_of(y)
    one, two = (make(n_jobs=n, n_members=3).fit(X, y) for n in (1, 2))
    assert_array_equal(one.oof_prediction_, two.oof_prediction_)
    assert_array_equal(one.predict(X), two.predict(X))


def test_parameters_of_the_network_replace_those_of_members():
    X, y = make_table(60)
    model = TabularRegressor(
        estimator=GDNeuralRegressor(dropout=0.2, max_iter=3), n_members=2
    ).fit(X, y)
    for member in model.members_:
        params = member.network.get_params()
        assert (params["dropout"], params["max_iter"]) == (0.2, 3)
        assert params["beta_2"] == 0.95
    model.set_params(estimator__dropout=0.1)
    assert model.estimator.dropout == 0.1


def test_parameters_of_members_may_have_the_defaults_of_networks():
    X, y = make_table(60)
    params = {"learning_rate_init": 0.001, "early_stopping": False, "max_iter": 4}
    model = TabularRegressor(n_members=2, member_params=params).fit(X, y)
    for member in model.members_:
        found = member.network.get_params()
        assert params == {name: found[name] for name in params}
        assert found["beta_2"] == 0.95
        assert not member.is_judge.any()
    with pytest.raises(ValueError, match="Invalid parameter 'depth'"):
        TabularRegressor(member_params={"depth": 3}).fit(X, y)


def test_another_kind_of_estimator_is_refused():
    X, y = make_table(60)
    with pytest.raises(TypeError, match="must be a GDNeuralRegressor or None"):
        TabularRegressor(estimator=GDNeuralClassifier()).fit(X, y)


def test_the_score_of_the_folds_is_what_is_asked_for():
    X, y = make_table(80)
    model = regressor(n_members=2, scoring="neg_mean_absolute_error").fit(X, y)
    assert_allclose(model.oof_score_, -np.abs(y - model.oof_prediction_).mean())
    labels = labels_of(y)
    model = classifier(n_members=2, scoring="neg_log_loss").fit(X, labels)
    place = np.searchsorted(model.classes_, labels)
    own = model.oof_prediction_[np.arange(80), place]
    assert_allclose(model.oof_score_, np.log(own).mean())


def test_members_are_scored_by_what_each_has_held_out():
    X, y = make_table(80)
    weight = RNG(0).random(80)
    model = regressor(n_members=4).fit(X, y, weight)
    for member, score in zip(model.members_, model.member_scores_, strict=True):
        rows = member.held_out[~member.is_judge]
        own = model._of_member(member, model.encoder_.transform(X)[rows])
        assert_allclose(score, r2_score(y[rows], own, sample_weight=weight[rows]))


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_losses_of_positive_targets_get_positive_targets(loss):
    X, y = make_table()
    y = np.exp(0.5 * y) * 1000
    new, truth = make_table(seed=1)
    truth = np.exp(0.5 * truth) * 1000
    model = regressor(estimator=GDNeuralRegressor(**FEW, loss=loss)).fit(X, y)
    assert (model.predict(new) > 0).all()
    assert model.score(new, truth) > 0.8


def test_the_delta_of_huber_is_in_units_of_y():
    X, y = make_table(100)
    one = GDNeuralRegressor(**FEW, loss="huber", huber_delta=0.5)
    model = regressor(estimator=one, n_members=2).fit(X, y)
    other = GDNeuralRegressor(**FEW, loss="huber", huber_delta=500)
    thousand = regressor(estimator=other, n_members=2).fit(X, 1000 * y)
    assert_allclose(thousand.predict(X), 1000 * model.predict(X), rtol=1e-3)
    assert model.estimator.huber_delta == 0.5
    with pytest.raises(ValueError, match="loss='huber' needs one output"):
        model.fit(X, np.stack([y, 1000 * y], axis=1))


def test_series_are_scored_by_what_was_held_out():
    X, y = make_table(80)
    model = regressor(n_members=3, cv=TimeSeriesSplit(3)).fit(X, y)
    assert np.isnan(model.oof_prediction_[:20]).all()
    assert np.isfinite(model.oof_prediction_[20:]).all()
    assert np.isfinite(model.oof_score_)
    assert np.isfinite(model.predict_interval(X, 0.5)).all()


def test_fitted_models_can_be_pickled():
    X, y = make_table(60)
    for model in (
        regressor(n_members=2).fit(X, y),
        classifier(n_members=2).fit(X, labels_of(y)),
    ):
        again = pickle.loads(pickle.dumps(model))
        assert_array_equal(again.predict(X), model.predict(X))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X: X[["b", "a", "colour"]], "same order"),
        (lambda X: X[["a", "b"]], "missing"),
        (lambda X: X.assign(a="text"), r"'a'.*holds 'text'"),
    ],
    ids=["order", "missing", "text"],
)
def test_other_columns_are_refused(change, message):
    X, y = make_table(40)
    model = regressor(n_members=2).fit(X, y)
    with pytest.raises(ValueError, match=message):
        model.predict(change(X))


def test_a_level_and_a_gap_that_were_never_there_are_predicted():
    X, y = make_table(60)
    model = regressor(n_members=2).fit(X, y)
    new = pd.DataFrame({"a": [np.nan], "b": [0.0], "colour": ["violet"]})
    assert np.isfinite(model.predict(new)).all()


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_member_that_has_seen_one_class_predicts_that_class(n_classes):
    X, _ = make_table(30)
    labels = np.repeat(np.arange(n_classes), 30 // n_classes)
    train = np.flatnonzero(labels == 1)
    others = np.flatnonzero(labels != 1)
    splits = [(train, others), (others, train)]
    model = classifier(n_members=2, cv=splits).fit(X, labels)
    first = model._by_members(X)[0]
    assert_array_equal(first, np.eye(n_classes)[np.ones(30, int)])
    assert_allclose(model.predict_proba(X).sum(axis=1), 1)


def test_rare_classes_and_ten_rows():
    X, y = make_table(10)
    assert np.isfinite(regressor().fit(X, y).predict(X)).all()
    labels = np.r_[np.zeros(9, int), 1]
    model = classifier().fit(X, labels)
    assert model.predict_proba(X).shape == (10, 2)
    with pytest.raises(ValueError, match="two classes"):
        classifier().fit(X, np.zeros(10, int))


# Defaults -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_samples", "epochs"), [(10, 64), (3000, 64), (12_000, 32), (10**6, 12)]
)
def test_large_tables_get_fewer_epochs(n_samples, epochs):
    for kind, activation in [
        (GDNeuralRegressor, "relu"),
        (GDNeuralClassifier, "silu"),
    ]:
        network = make_network(kind, None, None, n_samples)
        assert (network.max_iter, network.activation) == (epochs, activation)
        assert make_network(kind, kind(max_iter=5), None, n_samples).max_iter == 5
