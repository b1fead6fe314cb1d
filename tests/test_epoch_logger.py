"""EpochLogger: each epoch's numbers in a log and in a file, wherever the network is."""

import json
import logging
import pickle
import warnings
from collections import Counter

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgd import GDNeuralClassifier, GDNeuralRegressor, TabularRegressor

pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")
from skgd.callbacks import Checkpoint, EpochLogger, epoch_metrics

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ESTIMATORS = [GDNeuralRegressor, GDNeuralClassifier]
rng = np.random.default_rng(0)
X = rng.standard_normal((90, 4))
y = (X[:, 0] > 0).astype(int)


def make(Estimator=GDNeuralRegressor, **setting):
    return Estimator(**{"hidden_layer_sizes": (5,), "max_iter": 4} | setting)


def lines_of(path):
    with open(path) as file:
        return [json.loads(line, parse_constant=pytest.fail) for line in file]


def column(rows, name):
    return [row[name] for row in rows]


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("solver", ["batch", "sgd", "minibatch"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_line_for_each_epoch_has_its_numbers(
    Estimator, solver, early_stopping, tmp_path
):
    path = tmp_path / "epochs.jsonl"
    net = make(Estimator, solver=solver, early_stopping=early_stopping, random_state=0)
    plain = clone(net).fit(X, y)
    net.set_callbacks(EpochLogger(path)).fit(X, y)
    assert_array_equal(net.predict(X), plain.predict(X))
    rows = lines_of(path)
    assert column(rows, "epoch") == [1, 2, 3, 4]
    assert column(rows, "loss") == plain.loss_curve_
    assert column(rows, "learning_rate") == plain.learning_rate_curve_
    assert min(column(rows, "seconds")) > 0
    assert set(column(rows, "estimator")) == {Estimator.__name__}
    assert len(set(column(rows, "fit"))) == 1
    assert column(rows, "time") == sorted(column(rows, "time"))
    if early_stopping:
        assert column(rows, "validation_loss") == plain.validation_loss_curve_
        assert column(rows, "validation_score") == plain.validation_scores_
    else:
        assert not any("validation_loss" in row for row in rows)


def test_l_bfgs_has_no_learning_rate(tmp_path):
    net = make(solver="batch", optimizer="lbfgs")
    net.set_callbacks(EpochLogger(tmp_path / "epochs.jsonl")).fit(X, y)
    rows = lines_of(tmp_path / "epochs.jsonl")
    assert column(rows, "loss") == net.loss_curve_
    assert not any("learning_rate" in row for row in rows)


def test_the_log_says_the_same(caplog):
    net = make(early_stopping=True, random_state=0).set_callbacks(EpochLogger())
    with caplog.at_level(logging.INFO, logger="skgd"):
        net.fit(X, y)
    assert len(caplog.records) == 4
    last = caplog.records[-1]
    assert (last.name, last.levelname) == ("skgd", "INFO")
    assert last.skgd["loss"] == net.loss_curve_[-1]
    score = net.validation_scores_[-1]
    told = f"GDNeuralRegressor, epoch 4: loss {net.loss_curve_[-1]:.6g}, "
    assert last.message.startswith(told)
    assert f"validation_score {score:.6g}, learning_rate 0.001, sec" in last.message


@pytest.mark.parametrize("given", ["mine", logging.getLogger("mine")])
def test_the_logger_may_be_another(given, caplog):
    net = make().set_callbacks(EpochLogger(logger=given, level=logging.DEBUG))
    with caplog.at_level(logging.DEBUG, logger="mine"):
        net.fit(X, y)
    assert Counter((r.name, r.levelname) for r in caplog.records) == {
        ("mine", "DEBUG"): 4
    }
    caplog.clear()
    make().set_callbacks(EpochLogger(logger=None)).fit(X, y)
    assert not caplog.records


def test_validation_of_a_former_call_is_not_taken_for_that_of_this_one(tmp_path):
    path = tmp_path / "epochs.jsonl"
    net = make(warm_start=True).set_callbacks(EpochLogger(path))
    net.fit(X, y, X_val=X, y_val=y).fit(X, y).fit(X, y, X_val=X, y_val=y)
    rows = lines_of(path)
    assert column(rows, "epoch") == list(range(1, 13))
    judged = ["validation_score" in row for row in rows]
    assert judged == [True] * 4 + [False] * 4 + [True] * 4
    assert len(set(column(rows, "fit"))) == 3


def test_partial_fit_is_counted_on(tmp_path):
    net = make().set_callbacks(EpochLogger(tmp_path / "epochs.jsonl"))
    for _ in range(3):
        net.partial_fit(X, y)
    assert column(lines_of(tmp_path / "epochs.jsonl"), "epoch") == [1, 2, 3]


def test_after_a_checkpoint_the_epochs_go_on(tmp_path):
    path = tmp_path / "epochs.jsonl"
    for max_iter in (3, 5):
        net = make(max_iter=max_iter, random_state=0)
        checkpoint = Checkpoint(tmp_path / "checkpoint", resume=True)
        net.set_callbacks(EpochLogger(path), checkpoint).fit(X, y)
    assert column(lines_of(path), "epoch") == [1, 2, 3, 4, 5]
    assert column(lines_of(path), "loss") == net.loss_curve_


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_search_writes_all_of_its_fits_into_one_file(n_jobs, tmp_path):
    path = tmp_path / "epochs.jsonl"
    pipeline = make_pipeline(StandardScaler(), make().set_callbacks(EpochLogger(path)))
    grid = {"gdneuralregressor__alpha": [0.0, 0.1]}
    GridSearchCV(pipeline, grid, cv=2, n_jobs=n_jobs).fit(X, y)
    rows = lines_of(path)
    assert set(Counter(column(rows, "fit")).values()) == {4}
    places = Counter(tuple(row["within"]) for row in rows)
    net = "Pipeline fit-final-estimator 1"
    splits = [f"GridSearchCV candidate-split-evaluation {i}" for i in range(4)]
    wholes = ["GridSearchCV refit-with-best-params 1"]
    assert places == {(place, net): 4 for place in splits + wholes}


def test_members_that_are_fitted_at_once_write_into_one_file(tmp_path, caplog):
    path = tmp_path / "epochs.jsonl"
    net = make(max_iter=30).set_callbacks(EpochLogger(path))
    with caplog.at_level(logging.INFO, logger="skgd"):
        table = TabularRegressor(estimator=net, n_members=4, n_jobs=2).fit(X, y)
    rows = lines_of(path)
    assert len(caplog.records) == len(rows) == 4 * 30
    for number, member in enumerate(table.members_):
        place = [f"TabularRegressor member {number}"]
        own = [row for row in rows if row["within"] == place]
        assert column(own, "loss") == member.network.loss_curve_
        assert column(own, "validation_loss") == member.network.validation_loss_curve_


def test_a_number_that_is_not_finite_is_null(tmp_path):
    path = tmp_path / "epochs.jsonl"
    net = make(activation="identity", solver="batch", optimizer="gd")
    net.set_params(learning_rate_init=1e200).set_callbacks(EpochLogger(path))
    with pytest.raises(ValueError, match="non-finite"):
        net.fit(X, y)
    assert lines_of(path)[-1]["loss"] is None


def test_a_line_that_was_cut_off_does_not_spoil_the_next(tmp_path):
    path = tmp_path / "epochs.jsonl"
    path.write_text('{"epoch": 1}\n{"epo')
    make().set_callbacks(EpochLogger(path)).fit(X, y)
    first, cut, *others = path.read_text().splitlines()
    assert (first, cut) == ('{"epoch": 1}', '{"epo')
    assert [json.loads(line)["epoch"] for line in others] == [1, 2, 3, 4]


class Removes:
    """Makes a folder take the place of the file, so that it cannot be written."""

    def __init__(self, path):
        self.path = path

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "epoch" and self.path.is_file():
            self.path.unlink()
            self.path.mkdir()

    def on_fit_task_end(self, estimator, context):
        pass


@pytest.mark.faults
def test_a_file_that_fails_in_the_night_is_warned_of_once(tmp_path):
    path = tmp_path / "epochs.jsonl"
    net = make().set_callbacks(EpochLogger(path), Removes(path))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        net.fit(X, y)
    told = [
        str(one.message) for one in caught if "cannot be written" in str(one.message)
    ]
    assert len(told) == 1
    assert net.n_iter_ == 4


def test_a_file_that_cannot_be_written_is_an_error_before_the_fit(tmp_path):
    net = make().set_callbacks(EpochLogger(tmp_path / "no" / "epochs.jsonl"))
    with pytest.raises(FileNotFoundError):
        net.fit(X, y)
    assert not hasattr(net, "coefs_")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"logger": 3}, "logger must be a name"),
        ({"level": "x"}, "level must be an int"),
    ],
)
def test_parameters_are_checked(params, message):
    with pytest.raises(TypeError, match=message):
        make().set_callbacks(EpochLogger(**params)).fit(X, y)


def test_on_others_it_says_where_to_set_it():
    pipeline = make_pipeline(LogisticRegression()).set_callbacks(EpochLogger())
    with pytest.raises(TypeError, match="EpochLogger is for the networks of skgd"):
        pipeline.fit(X, y)


def test_it_is_copied_without_the_fits_under_way(tmp_path):
    again = pickle.loads(pickle.dumps(EpochLogger(tmp_path, logger="a", level=3)))
    assert (again.path, again.logger, again.level) == (tmp_path, "a", 3)


def test_metrics_are_those_of_the_last_epoch():
    net = make(early_stopping=True)
    with pytest.raises(NotFittedError):
        epoch_metrics(net)
    net.fit(X, y)
    assert epoch_metrics(net) == {
        "epoch": 4,
        "loss": net.loss_curve_[-1],
        "validation_loss": net.validation_loss_curve_[-1],
        "validation_score": net.validation_scores_[-1],
        "learning_rate": 0.001,
    }
    assert epoch_metrics(pickle.loads(pickle.dumps(net))) == epoch_metrics(net)
    made = GDNeuralRegressor.from_layers(net.coefs_, net.intercepts_)
    assert epoch_metrics(made) == {"epoch": 0}


def test_fits_on_a_cluster_are_written_down_too(tmp_path):
    distributed = pytest.importorskip("distributed")
    from skgd.dask import DaskGDNeuralRegressor

    path = tmp_path / "epochs.jsonl"
    net = DaskGDNeuralRegressor((5,), max_iter=3, early_stopping=True, random_state=0)
    cluster = {"processes": False, "n_workers": 1, "dashboard_address": None}
    with distributed.Client(**cluster) as client:
        net.set_callbacks(EpochLogger(path)).fit(X, y, client=client)
    assert column(lines_of(path), "loss") == net.loss_curve_
    assert column(lines_of(path), "validation_score") == net.validation_scores_
