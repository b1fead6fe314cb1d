"""Estimators of tables in scikit-learn's machinery: searches, routing, callbacks."""

import copy
import importlib.util
import io
import os
import pickle
import signal
import threading
import time

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import get_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    cross_val_predict,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline

from skgd import GDNeuralRegressor
from skgd.tabular import TabularClassifier, TabularRegressor
from tests.tables import FEW, classifier, may_learn_nothing, regressor

pytestmark = may_learn_nothing

N = 40

rng = np.random.default_rng(0)
X = pd.DataFrame(
    {
        "size": rng.standard_normal(N),
        "colour": rng.choice(["red", "green", "blue"], N),
        "is_new": rng.random(N) < 0.5,
    }
)
Y = X["size"].to_numpy() + 0.1 * rng.standard_normal(N)
LABELS = np.where(Y > 0, "high", "low")
GROUPS = np.repeat(np.arange(8), 5)


# Searches and pipelines ---------------------------------------------------------------


def test_a_search_sets_parameters_of_the_members():
    grid = {"estimator__dropout": [0.0, 0.5], "n_members": [2, 3]}
    search = GridSearchCV(regressor(), grid, cv=2, error_score="raise").fit(X, Y)
    assert len(set(search.cv_results_["mean_test_score"])) == 4
    best = search.best_estimator_
    assert len(best.members_) == search.best_params_["n_members"]
    dropout = search.best_params_["estimator__dropout"]
    assert {member.network.dropout for member in best.members_} == {dropout}


@pytest.mark.parametrize("make", [TabularRegressor, TabularClassifier])
def test_parameters_of_no_estimator_cannot_be_set(make):
    message = r"estimator__dropout is .* None. Set estimator=GDNeural\w+\(\) first"
    with pytest.raises(ValueError, match=message):
        make().set_params(estimator__dropout=0.1)
    with pytest.raises(ValueError, match=message):
        GridSearchCV(make(), {"estimator__dropout": [0.1]}, cv=2).fit(X, LABELS == "a")
    both = {"estimator": make._member_class(), "estimator__dropout": 0.1}
    assert make().set_params(**both).estimator.dropout == 0.1


def test_cross_validation_in_two_processes_gives_the_same():
    how = {"cv": 2, "method": "predict_proba"}
    one, two = (
        cross_val_predict(classifier(), X, LABELS, n_jobs=n, **how) for n in (1, 2)
    )
    assert_array_equal(one, two)
    one, two = (cross_val_score(regressor(), X, Y, cv=2, n_jobs=n) for n in (1, 2))
    assert_array_equal(one, two)


def test_targets_may_be_transformed():
    model = TransformedTargetRegressor(regressor(), func=np.log, inverse_func=np.exp)
    found = model.fit(X, np.exp(Y)).predict(X)
    assert np.corrcoef(np.log(found), regressor().fit(X, Y).predict(X))[0, 1] > 0.999


@pytest.mark.parametrize("output", ["pandas", "polars"])
@pytest.mark.parametrize(("make", "y"), [(regressor, Y), (classifier, LABELS)])
def test_the_output_of_transformers_does_not_matter(output, make, y):
    expected = make().fit(X, y).predict(X)
    with sklearn.config_context(transform_output=output):
        assert_array_equal(make().fit(X, y).predict(X), expected)


def test_nothing_is_predicted_before_a_fit():
    for method in ("predict", "predict_interval"):
        with pytest.raises(NotFittedError):
            getattr(regressor(), method)(X)
    for method in ("predict", "predict_proba", "predict_set"):
        with pytest.raises(NotFittedError):
            getattr(classifier(), method)(X)


# Metadata -----------------------------------------------------------------------------


def test_groups_are_routed_through_searches_and_pipelines():
    with sklearn.config_context(enable_metadata_routing=True):
        model = regressor(cv=GroupKFold(2)).set_fit_request(groups=True)
        search = GridSearchCV(model, {"n_members": [2]}, cv=GroupKFold(2))
        search.fit(X, Y, groups=GROUPS)
        pipe = make_pipeline("passthrough", model).fit(X, Y, groups=GROUPS)
    for fitted in (search.best_estimator_, pipe[-1]):
        for member in fitted.members_:
            held_out = set(GROUPS[member.held_out])
            others = np.setdiff1d(np.arange(N), member.held_out)
            assert not held_out & set(GROUPS[others])


def test_a_pipeline_passes_groups_by_the_name_of_its_step():
    pipe = make_pipeline("passthrough", regressor(cv=GroupKFold(2)))
    found = pipe.fit(X, Y, tabularregressor__groups=GROUPS).predict(X)
    expected = regressor(cv=GroupKFold(2)).fit(X, Y, groups=GROUPS).predict(X)
    assert_array_equal(found, expected)


# Scores -------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [regressor, classifier])
def test_an_unknown_scoring_is_refused_before_anything_is_fitted(make, monkeypatch):
    def fail(*args):
        raise AssertionError("members were fitted")

    monkeypatch.setattr("skgd.tabular.base.fit_members", fail)
    with pytest.raises(ValueError, match=r"'scoring' parameter.*Got 'acuracy'"):
        make(scoring="acuracy").fit(X, LABELS == "low")


@pytest.mark.parametrize("name", ["neg_log_loss", "roc_auc_ovr", "top_k_accuracy"])
def test_a_part_that_lacks_a_class_has_no_score_where_the_metric_needs_all(name):
    y = np.r_[np.repeat([0, 1], 5), np.arange(30) % 3]
    model = classifier(n_members=4, cv=KFold(4), scoring=name).fit(X, y)
    assert np.isnan(model.member_scores_).tolist() == [True, False, False, False]
    assert np.isfinite(model.oof_score_)


def test_a_scoring_that_does_not_fit_the_labels_is_refused():
    with pytest.raises(ValueError, match="pos_label=1 is not a valid label"):
        classifier(scoring="f1").fit(X, LABELS)


def test_a_scoring_counts_weights_unless_it_takes_none():
    weight = np.r_[np.ones(20), np.full(20, 9.0)]

    def error(model, rows, y):
        return -np.abs(model.predict(rows) - y).max()

    for scoring in (error, "neg_max_error"):
        model = regressor(scoring=scoring).fit(X, Y, sample_weight=weight)
        assert model.oof_score_ == -np.abs(Y - model.oof_prediction_).max()
    model = regressor(scoring="neg_mean_absolute_error").fit(X, Y, sample_weight=weight)
    expected = -np.average(np.abs(Y - model.oof_prediction_), weights=weight)
    assert model.oof_score_ == pytest.approx(expected)
    model = regressor().fit(X, Y, sample_weight=weight)
    plain = get_scorer("r2")._score_func(Y, model.oof_prediction_)
    assert abs(model.oof_score_ - plain) > 1e-6


# The members' network -----------------------------------------------------------------


@pytest.mark.parametrize(("make", "y"), [(regressor, Y), (classifier, LABELS)])
@pytest.mark.parametrize(
    "net",
    [
        {"optimizer": "lbfgs", "solver": "batch"},
        {"solver": "sgd"},
        {"solver": "batch"},
        {"batch_norm": True},
        {"dropout": 0.5},
        {"batch_size": 1000},
        {"learning_rate": "adaptive", "optimizer": "momentum"},
        {"early_stopping": True, "validation_fraction": 0.2, "n_iter_no_change": 1},
        {"warm_start": True},
        {"hidden_layer_sizes": ()},
    ],
    ids=str,
)
def test_members_may_be_any_network_without_a_warning(make, y, net):
    model = make(net=net).fit(X, y)  # the suite takes warnings for errors
    assert np.isfinite(model.oof_score_)
    for member in model.members_:
        params = member.network.get_params()
        assert {name: params[name] for name in net if name != "batch_size"} == {
            name: value for name, value in net.items() if name != "batch_size"
        }


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "quantile"])
def test_losses_without_a_sign_take_any_target(loss):
    model = regressor(net={"loss": loss}).fit(X, Y)
    assert np.ptp(model.predict(X)) > 0
    assert {member.network.loss for member in model.members_} == {loss}


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_losses_of_positive_targets_predict_positive_numbers(loss):
    model = regressor(net={"loss": loss}).fit(X, 1e6 * np.exp(Y))
    assert (model.predict(X) > 0).all()
    assert 1e5 < model.predict(X).mean() < 1e8


def test_huber_delta_is_in_units_of_the_targets():
    net = {"loss": "huber", "huber_delta": 0.5, "max_iter": 20}
    small = regressor(net=net).fit(X, Y).predict(X)
    large = regressor(net=net | {"huber_delta": 500.0}).fit(X, 1000 * Y).predict(X)
    np.testing.assert_allclose(large, 1000 * small, rtol=1e-3, atol=1)
    other = regressor(net=net | {"huber_delta": 0.5}).fit(X, 1000 * Y).predict(X)
    assert np.abs(other - large).max() > 1


def test_divergence_is_told():
    net = {"solver": "batch", "optimizer": "gd", "max_iter": 20}
    with pytest.warns(ConvergenceWarning, match="became non-finite.*Lower learning_ra"):
        regressor(net=net | {"learning_rate_init": 100.0}).fit(X, Y)
    with pytest.raises(ValueError, match="non-finite"):  # already in the first epoch
        regressor(net={"learning_rate_init": 1e30}).fit(X, Y)


# Randomness ---------------------------------------------------------------------------


def test_the_same_bits_for_one_two_and_three_threads_and_for_a_refit():
    model = regressor(n_members=5)
    expected = model.fit(X, Y).predict(X)
    assert_array_equal(model.fit(X, Y).predict(X), expected)
    for n in (2, 3):
        assert_array_equal(
            regressor(n_members=5, n_jobs=n).fit(X, Y).predict(X), expected
        )


@pytest.mark.parametrize("state", [None, np.random.RandomState(0)])
def test_a_refit_draws_anew_without_a_seed(state):
    model = regressor(random_state=state)
    assert (model.fit(X, Y).predict(X) != model.fit(X, Y).predict(X)).any()


def test_generators_with_the_same_state_give_the_same_bits():
    one, two = (
        regressor(random_state=np.random.RandomState(3)).fit(X, Y).predict(X)
        for _ in range(2)
    )
    assert_array_equal(one, two)


# Copies -------------------------------------------------------------------------------


def by_joblib(model):
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    return joblib.load(file)


def by_skops(model):
    skops = pytest.importorskip("skops.io")
    data = skops.dumps(model)
    return skops.loads(data, trusted=skops.get_untrusted_types(data=data))


@pytest.mark.parametrize(
    "again",
    [
        lambda model: pickle.loads(pickle.dumps(model)),
        copy.deepcopy,
        by_joblib,
        by_skops,
    ],
    ids=["pickle", "deepcopy", "joblib", "skops"],
)
def test_a_copy_of_a_fitted_model_predicts_the_same(again):
    model = regressor().fit(X, Y)
    other = again(model)
    assert_array_equal(other.predict(X), model.predict(X))
    assert_array_equal(other.predict_interval(X), model.predict_interval(X))
    model = classifier().fit(X, LABELS)
    other = again(model)
    assert_array_equal(other.predict_proba(X), model.predict_proba(X))
    assert_array_equal(other.predict_set(X), model.predict_set(X))


def test_a_clone_is_not_fitted_and_gives_the_same_bits():
    model = regressor().fit(X, Y)
    again = clone(model)
    assert not hasattr(again, "members_")
    assert_array_equal(again.fit(X, Y).predict(X), model.predict(X))


@pytest.mark.parametrize("is_fitted", [False, True])
def test_a_notebook_shows_the_parameters(is_fitted):
    model = regressor(n_members=3)
    html = (model.fit(X, Y) if is_fitted else model)._repr_html_()
    assert "n_members" in html
    assert "estimator: GDNeuralRegressor" in html


def test_verbose_prints_the_scores_of_the_folds(capsys):
    model = regressor(verbose=True).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert f"{model.member_scores_[1]:.4f}" in lines[1]
    assert f"{model.oof_score_:.4f}" in lines[2]


# Failing fits, and Ctrl-C -------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda model: model.fit(X.assign(size=np.inf), LABELS),
        lambda model: model.fit(X, np.zeros(N)),
        lambda model: model.fit(X.to_numpy(), LABELS, sample_weight=-np.ones(N)),
        lambda model: model.set_params(estimator__max_iter=-1).fit(
            X.to_numpy(), LABELS
        ),
        lambda model: model.set_params(scoring="f1").fit(X[["size"]], LABELS),
    ],
    ids=["features", "labels", "weights", "network", "scoring"],
)
def test_a_failing_fit_leaves_a_fitted_model_as_it_was(call):
    model = classifier().fit(X, LABELS)
    before, names = model.predict_proba(X), vars(model).keys()
    with pytest.raises(ValueError, match=r".+"):
        call(model)
    assert_array_equal(model.predict_proba(X), before)
    assert vars(model).keys() == names
    assert model.feature_names_in_.tolist() == list(X)


def test_a_refit_forgets_what_the_former_data_were():
    model = classifier().fit(X, LABELS)
    model.fit(X.to_numpy(), np.c_[Y > 0, Y > 1].astype(int))
    assert not hasattr(model, "feature_names_in_")
    assert model.predict(X.to_numpy()).shape == (N, 2)
    model.fit(X, LABELS)
    assert model.predict_set(X).shape == (N, 2)


@pytest.mark.faults
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_ctrl_c_ends_a_fit_with_an_epoch_and_leaves_a_former_one(n_jobs):
    model = regressor(n_members=4, n_jobs=n_jobs).fit(X, Y)
    before = model.predict(X)
    model.set_params(estimator__max_iter=10_000_000)
    pressed = []

    def press():
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.5, press)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y)
    assert time.monotonic() - pressed[0] < 5
    assert_array_equal(model.predict(X), before)


def test_a_member_that_fails_ends_the_others(monkeypatch):
    import skgd.tabular.members as module

    fit = module._fit
    started = []

    def fail_once(network, *args):
        started.append(network)
        if len(started) == 2:
            raise RuntimeError("out of order")
        return fit(network, *args)

    monkeypatch.setattr(module, "_fit", fail_once)
    model = regressor(n_members=4, n_jobs=2, net={"max_iter": 10_000_000})
    with pytest.raises(RuntimeError, match="out of order"):
        model.fit(X, Y)
    assert len(started) < 4


# Callbacks ----------------------------------------------------------------------------

needs_callbacks = pytest.mark.skipif(
    importlib.util.find_spec("sklearn.callback") is None,
    reason="scikit-learn has callbacks from 1.9 on",
)


class Recorder:
    """Writes down what it is told, and may fail at the end of a task."""

    def __init__(self, fails_at=None):
        self.told, self.fails_at = [], fails_at

    def setup(self, estimator, context):
        self.told.append("setup")

    def teardown(self, estimator, context):
        self.told.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.told.append(f"{context.task_name} begins")

    def on_fit_task_end(self, estimator, context):
        self.told.append(f"{context.task_name} ends")
        if context.task_name == self.fails_at:
            raise RuntimeError("out of order")


class Propagated(Recorder):
    """Is told of the networks of the members as well."""

    max_propagation_depth = None


@needs_callbacks
def test_callbacks_are_told_of_the_fit_and_its_members():
    recorder = Recorder()
    regressor().set_callbacks(recorder).fit(X, Y)
    member = ["member begins", "member ends"]
    assert recorder.told == [
        *("setup", "fit begins"),
        *(member + member),
        *("fit ends", "teardown"),
    ]


@needs_callbacks
def test_propagated_callbacks_are_told_of_epochs():
    recorder = Propagated()
    regressor(n_members=3, n_jobs=2).set_callbacks(recorder).fit(X, Y)
    assert recorder.told.count("epoch begins") == recorder.told.count("epoch ends") == 9
    assert recorder.told.count("setup") == recorder.told.count("teardown") == 1


@needs_callbacks
def test_callbacks_of_the_network_are_told_of_each_member():
    recorder = Recorder()
    net = GDNeuralRegressor(**FEW).set_callbacks(recorder)
    regressor(estimator=net).fit(X, Y)
    assert recorder.told.count("setup") == recorder.told.count("teardown") == 2
    assert recorder.told.count("epoch ends") == 6


@needs_callbacks
@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("task", ["epoch", "member", "fit"])
def test_a_callback_that_fails_ends_the_fit_and_leaves_a_former_one(task, n_jobs):
    model = regressor(n_members=4, n_jobs=n_jobs).fit(X, Y)
    kind = Propagated if task == "epoch" else Recorder
    before, recorder = model.predict(X), kind(task)
    model.set_callbacks(recorder)
    with pytest.raises(RuntimeError, match="out of order"):
        model.fit(X, -Y)
    assert recorder.told[-1] == "teardown"
    assert_array_equal(model.predict(X), before)
    recorder.fails_at = None
    assert (model.fit(X, -Y).predict(X) != before).any()


@needs_callbacks
def test_a_clone_keeps_its_callbacks():
    recorder = Recorder()
    clone(regressor().set_callbacks(recorder)).fit(X, Y)
    assert "fit ends" in recorder.told


@needs_callbacks
def test_the_progress_bar_shows_the_members(capsys):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    regressor(n_jobs=2).set_callbacks(ProgressBar()).fit(X, Y)
    out = capsys.readouterr().out
    assert out.count("TabularRegressor - member | GDNeuralRegressor - fit") >= 2


# skrub --------------------------------------------------------------------------------


@pytest.mark.parametrize("make", ["TableVectorizer", "tabular_pipeline"])
def test_dates_and_texts_go_in_by_skrub(make):
    skrub = pytest.importorskip("skrub")
    n = 60
    dates = pd.date_range("2024-01-01", periods=n)
    frame = pd.DataFrame(
        {
            "date": dates,
            "text": [f"text {i}" for i in range(n)],
            "level": np.tile(["a", "b", "c"], n // 3),
        }
    )
    target = np.linspace(0, 1, n)
    few = {"hidden_layer_sizes": (8,), "max_iter": 3, "batch_size": 8}
    model = TabularRegressor(n_members=2, member_params=few, random_state=0)
    if make == "TableVectorizer":
        model = make_pipeline(skrub.TableVectorizer(), model)
    else:
        model = skrub.tabular_pipeline(model)
    assert model.fit(frame, target).predict(frame).shape == (n,)
