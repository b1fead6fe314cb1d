"""Checkpoint(resume=True): `fit` finds its file by itself, wherever the network is."""

import os
import pickle
import signal
import subprocess
import sys
import warnings
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgd import (
    GDNeuralClassifier,
    GDNeuralRegressor,
    TabularClassifier,
    TabularRegressor,
)

pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")
from sklearn.callback import ProgressBar

import skgd.callbacks.saves
from skgd.callbacks import Checkpoint, load_checkpoint, save_checkpoint
from tests.inside import generator_of
from tests.test_checkpoint import (
    DATA,
    ESTIMATORS,
    SETTINGS,
    CtrlCAfter,
    CutAfter,
    PowerCut,
    StopAfter,
    X,
    X_val,
    assert_same_fit,
    cut_after,
    make,
    y,
    y_val,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class CountsEpochs(CutAfter):
    """Counts the epochs of all fits."""

    def __init__(self):
        self.n_epochs = 0

    def setup(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.n_epochs += context.task_name == "epoch"


class PowerCutInSearch(BaseException):
    """No error of a fit, with which a search would go on."""


class CutInFit(CutAfter):
    """A power cut after so many epochs of all fits."""

    def __init__(self, epoch):
        self.epoch, self.n_epochs = epoch, 0

    def setup(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.n_epochs += context.task_name == "epoch"
        if self.n_epochs >= self.epoch:
            raise PowerCutInSearch


def network(Estimator=GDNeuralRegressor, **setting):
    return clone(make(Estimator, warm_start=False, **setting))


def with_callbacks(estimator, path, *others, **params):
    checkpoint = Checkpoint(path, **{"every": 1, "resume": True} | params)
    return estimator.set_callbacks(checkpoint, *others)


def cut_off(estimator, *args, **params):
    """Fit an estimator in which there is a power cut."""
    with pytest.raises((PowerCut, PowerCutInSearch)):
        estimator.fit(*args, **params)


@pytest.mark.parametrize(
    ("name", "Estimator", "with_validation_data"),
    [
        (name, Estimator, (i + j) % 2 == 0)
        for i, name in enumerate(SETTINGS)
        for j, Estimator in enumerate(ESTIMATORS)
    ],
)
def test_the_next_fit_goes_on_to_the_same_bits(
    name, Estimator, with_validation_data, tmp_path
):
    new = partial(network, Estimator, **SETTINGS[name])
    validation = {"X_val": X_val, "y_val": y_val} if with_validation_data else {}
    weight, path = np.linspace(0.5, 2, len(X)), tmp_path / "checkpoint"
    whole = new().fit(X, y, weight, **validation)
    n = whole.n_iter_
    for cut in (1, max(1, n // 2), 1):
        cut_off(with_callbacks(new(), path, CutAfter(cut)), X, y, weight, **validation)
    counter = CountsEpochs()
    again = with_callbacks(new(), path, counter).fit(X, y, weight, **validation)
    assert counter.n_epochs == max(0, n - 2 - max(1, n // 2))
    assert_same_fit(again, whole)
    assert_array_equal(again.predict(X), whole.predict(X), strict=True)
    assert_array_equal(generator_of(again).rand(3), generator_of(whole).rand(3))


KINDS = {
    name: (Estimator, X, y, setting)
    for name, (Estimator, X, y, setting) in DATA.items()
} | {
    "L-BFGS": (
        *(GDNeuralRegressor, X, y),
        {"solver": "batch", "optimizer": "lbfgs"},
    ),
    "batch norm": (GDNeuralClassifier, X, y, {"batch_norm": True}),
}


@pytest.mark.parametrize(("Estimator", "X", "y", "setting"), KINDS.values(), ids=KINDS)
def test_so_it_does_with_data_of_any_kind(Estimator, X, y, setting, tmp_path):
    new = partial(network, Estimator, **setting)
    cut_off(with_callbacks(new(), tmp_path, CutAfter(4)), X, y)
    counter = CountsEpochs()
    again = with_callbacks(new(), tmp_path, counter).fit(X, y)
    assert counter.n_epochs == again.n_iter_ - 4
    assert_same_fit(again, new().fit(X, y))


def test_a_memory_map_is_the_same_data_as_the_array(tmp_path):
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    path = tmp_path / "checkpoint"
    cut_off(with_callbacks(network(), path, CutAfter(4)), mapped, y)
    again = with_callbacks(network(), path).fit(X, y)
    assert_same_fit(again, network().fit(X, y))


def test_a_complete_fit_gives_its_result(tmp_path):
    path = tmp_path / "checkpoint"
    for stop in (StopAfter(7), StopAfter(100)):  # by another callback; by max_iter
        path.unlink(missing_ok=True)
        first = with_callbacks(network(), path, stop).fit(X, y)
        written = path.stat().st_mtime_ns
        counter = CountsEpochs()
        again = with_callbacks(network(), path, counter).fit(X, y)
        assert counter.n_epochs == 0
        assert path.stat().st_mtime_ns == written
        assert_same_fit(again, first)


def test_a_fit_may_go_on_to_more_epochs(tmp_path):
    for path in (tmp_path / "checkpoint", tmp_path):
        with_callbacks(network(max_iter=12), path).fit(X, y)
        counter = CountsEpochs()
        more = with_callbacks(network(max_iter=20), path, counter).fit(X, y)
        assert counter.n_epochs == 8
        assert_same_fit(more, network(max_iter=20).fit(X, y))


def test_a_folder_has_the_fit_of_each_max_iter(tmp_path):
    """As a halving search wants them, which begins with few epochs."""
    for max_iter in (12, 20, 12, 16):
        net = with_callbacks(network(max_iter=max_iter), tmp_path).fit(X, y)
        assert_same_fit(net, network(max_iter=max_iter).fit(X, y))


def test_n_jobs_verbose_and_warm_start_may_be_others(tmp_path, capsys):
    path = tmp_path / "checkpoint"
    cut_off(with_callbacks(network(), path, CutAfter(4)), X, y)
    others = {"n_jobs": 1, "verbose": True, "warm_start": True}
    again = with_callbacks(network().set_params(**others), path).fit(X, y)
    assert f"Going on after epoch 4 of {path}" in capsys.readouterr().out
    assert_same_fit(again, network().fit(X, y))


def test_without_a_seed_one_file_goes_on_too(tmp_path):
    """With the rows that were held out before, and the weights."""
    path = tmp_path / "checkpoint"
    new = partial(network, random_state=None, early_stopping=True)
    cut_off(with_callbacks(new(), path, CutAfter(4)), X, y)
    former = load_checkpoint(path)
    again = with_callbacks(new(), path).fit(X, y)
    assert again.n_iter_ > 4
    assert again.loss_curve_[:4] == former.loss_curve_
    assert again.validation_scores_[:4] == former.validation_scores_


def test_a_generator_is_left_where_a_whole_fit_would_leave_it(tmp_path):
    one, other, third = (np.random.RandomState(5) for _ in range(3))
    network().set_params(random_state=one).fit(X, y)
    path = tmp_path / "checkpoint"
    net = network().set_params(random_state=other)
    cut_off(with_callbacks(net, path, CutAfter(4)), X, y)
    net = network().set_params(random_state=third)
    with_callbacks(net, path).fit(X, y)
    assert_array_equal(third.rand(3), one.rand(3))


def test_weights_to_begin_with_belong_to_the_fit(tmp_path):
    begin = network(max_iter=1).fit(X, y)
    initial = {"coefs_init": begin.coefs_, "intercepts_init": begin.intercepts_}
    path = tmp_path / "checkpoint"
    cut_off(with_callbacks(network(), path, CutAfter(4)), X, y, **initial)
    again = with_callbacks(network(), path).fit(X, y, **initial)
    assert_same_fit(again, network().fit(X, y, **initial))
    with pytest.raises(ValueError, match="These differ: initial weights"):
        with_callbacks(network(), path).fit(X, y)


def test_so_do_those_of_a_warm_start(tmp_path):
    whole = make(GDNeuralRegressor).fit(X, y).fit(X, y)
    net = with_callbacks(make(GDNeuralRegressor), tmp_path).fit(X, y)
    cut_off(with_callbacks(net, tmp_path, CutAfter(4)), X, y)
    counter = CountsEpochs()
    again = with_callbacks(make(GDNeuralRegressor), tmp_path, counter)
    assert_same_fit(again.fit(X, y).fit(X, y), whole)
    assert counter.n_epochs == 8


# In compositions ----------------------------------------------------------------------


def transformed(net):
    return TransformedTargetRegressor(net, transformer=StandardScaler())


COMPOSITIONS = {
    "transformed target": transformed,
    "pipeline": lambda net: make_pipeline(StandardScaler(), net),
    "both": lambda net: make_pipeline(StandardScaler(), transformed(net)),
    "search": lambda net: GridSearchCV(net, {"alpha": [0.0, 0.1]}, cv=2),
    "search of both": lambda net: GridSearchCV(
        make_pipeline(StandardScaler(), transformed(net)),
        {"transformedtargetregressor__regressor__alpha": [0.0, 0.1]},
        cv=2,
    ),
    "bagging": lambda net: BaggingRegressor(net, 3, random_state=0),
    "table": lambda net: TabularRegressor(
        estimator=net, n_members=3, cv=3, random_state=0
    ),
}


@pytest.mark.parametrize("compose", COMPOSITIONS.values(), ids=COMPOSITIONS)
def test_a_composition_goes_on_to_the_same_bits(compose, tmp_path):
    counter, target = CountsEpochs(), X[:, 0] + np.sin(X[:, 1])
    whole = compose(network(learning_rate_init=0.005).set_callbacks(counter))
    whole.fit(X, target)
    n_epochs = counter.n_epochs
    for cut in (2, n_epochs // 3):
        net = network(learning_rate_init=0.005)
        cut_off(compose(with_callbacks(net, tmp_path, CutInFit(cut))), X, target)
    again = CountsEpochs()
    net = with_callbacks(network(learning_rate_init=0.005), tmp_path, again)
    model = compose(net).fit(X, target)
    assert_array_equal(model.predict(X), whole.predict(X), strict=True)
    # A cut member may be any of those that are fitted at the same time.
    assert n_epochs - 2 - n_epochs // 3 - 5 <= again.n_epochs < n_epochs - 2
    final = CountsEpochs()
    compose(with_callbacks(network(learning_rate_init=0.005), tmp_path, final)).fit(
        X, target
    )
    assert final.n_epochs == 0


@pytest.mark.slow
@pytest.mark.parametrize("Tabular", [TabularRegressor, TabularClassifier])
def test_members_that_are_fitted_at_once_share_a_folder(Tabular, tmp_path):
    kind = Tabular._member_class
    new = partial(Tabular, n_members=4, n_jobs=2, random_state=0)
    whole = new(estimator=kind(max_iter=6)).fit(X, y)
    cut = with_callbacks(kind(max_iter=6), tmp_path, CutInFit(9))
    cut_off(new(estimator=cut), X, y)
    assert len(list(tmp_path.iterdir())) >= 2
    counter = CountsEpochs()
    again = new(estimator=with_callbacks(kind(max_iter=6), tmp_path, counter)).fit(X, y)
    assert counter.n_epochs <= 4 * 6 - 7
    assert_array_equal(again.predict(X), whole.predict(X), strict=True)


@pytest.mark.slow
def test_worker_processes_of_a_search_share_a_folder(tmp_path):
    search = partial(GridSearchCV, param_grid={"alpha": [0.0, 0.1]}, cv=2, n_jobs=2)
    whole = search(network()).fit(X, y)
    search(with_callbacks(network(), tmp_path)).fit(X, y)
    assert len(list(tmp_path.iterdir())) == 5  # and that of the best on all data
    counter = CountsEpochs()
    again = search(with_callbacks(network(), tmp_path, counter)).fit(X, y)
    assert counter.n_epochs == 0
    assert_array_equal(again.predict(X), whole.predict(X), strict=True)


def test_a_progress_bar_goes_along(tmp_path, capsys):
    pytest.importorskip("rich")
    bar = ProgressBar()
    net = make_pipeline(StandardScaler(), with_callbacks(network(), tmp_path))
    net.set_callbacks(bar).fit(X, y)
    assert "GDNeuralRegressor" in capsys.readouterr().out
    (path,) = tmp_path.iterdir()
    loaded = load_checkpoint(path)
    assert not [name for name in vars(loaded) if "context" in name or "ctx" in name]
    assert [type(each) for each in loaded._skl_callbacks] == [Checkpoint]


def test_a_composition_lends_no_callbacks_to_the_file(tmp_path):
    pytest.importorskip("rich")
    counter, path = CountsEpochs(), tmp_path / "checkpoint"
    net = make(GDNeuralRegressor).set_callbacks(Checkpoint(path), counter)
    make_pipeline(net).set_callbacks(ProgressBar()).fit(X, y)
    callbacks = load_checkpoint(path)._skl_callbacks
    assert [type(each) for each in callbacks] == [Checkpoint, CountsEpochs]


def test_a_loaded_checkpoint_that_a_composition_clones_is_told_of(tmp_path):
    """It begins anew, as the clone has no weights."""
    path = tmp_path / "checkpoint"
    net = make(GDNeuralRegressor).set_callbacks(Checkpoint(path, every=1), CutAfter(5))
    cut_off(net, X, y)
    loaded = load_checkpoint(path).set_callbacks(Checkpoint(path))
    with pytest.warns(UserWarning, match="begins anew, and .* has 5 epochs of it, is"):
        TransformedTargetRegressor(loaded).fit(X, y)
    with warnings.catch_warnings():  # now it is complete
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        make(GDNeuralRegressor).set_callbacks(Checkpoint(path)).fit(X, y)


def test_other_callbacks_need_not_be_pickled(tmp_path):
    class Local(CountsEpochs):
        pass

    path = tmp_path / "checkpoint"
    with_callbacks(network(), path, Local()).fit(X, y)
    with pytest.raises(ValueError, match="cannot save this GDNeuralRegressor"):
        make(GDNeuralRegressor).set_callbacks(Checkpoint(path), Local()).fit(X, y)


# What is refused ----------------------------------------------------------------------

weight = np.linspace(1, 2, len(X))
OTHERS = {
    "X": {"X": X + 1},
    "fewer X, y": {"X": X[:100], "y": y[:100]},
    "y": {"y": 1 - y},
    "y of other labels": {"y": y + 1},
    "sample_weight": {"sample_weight": weight},
    "X_val, y_val": {"X_val": X_val, "y_val": y_val},
}


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("what", OTHERS)
def test_other_data_are_named(Estimator, what, tmp_path):
    path = tmp_path / "checkpoint"
    cut_off(with_callbacks(network(Estimator), path, CutAfter(3)), X, y)
    former = path.read_bytes()
    data = {"X": X, "y": y} | OTHERS[what]
    net = with_callbacks(network(Estimator), path)
    with pytest.raises(ValueError, match=r"is of another fit. These differ: ") as info:
        net.fit(**data)
    told = str(info.value).split("These differ: ")[1].split(". Delete")[0].split("; ")
    expected = [n for n in data if n not in ("X", "y") or not _same(data[n], n)]
    assert told == expected
    assert path.read_bytes() == former
    assert not hasattr(net, "coefs_")


def _same(array, name):
    given = {"X": X, "y": y}[name]
    return array.shape == given.shape and (array == given).all()


def test_other_validation_data_are_named(tmp_path):
    path = tmp_path / "checkpoint"
    validation = {"X_val": X_val, "y_val": y_val}
    cut_off(with_callbacks(network(), path, CutAfter(3)), X, y, **validation)
    for other in ({"X_val": -X_val}, {"y_val": 1 - y_val}):
        (name,) = other
        with pytest.raises(ValueError, match=f"These differ: {name}. Delete"):
            with_callbacks(network(), path).fit(X, y, **validation | other)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"alpha": 0.3}, r"alpha = 0.3, and 0.0001 there"),
        ({"random_state": 1}, r"random_state = 1, and 0 there"),
        ({"hidden_layer_sizes": (6,)}, r"hidden_layer_sizes = \[6\], and \[6, 5\]"),
        ({"optimizer": "nadam"}, r"optimizer = 'nadam', and 'adam' there"),
        ({"early_stopping": True}, r"early_stopping = True, and False there"),
    ],
)
def test_other_parameters_are_named(setting, message, tmp_path):
    path = tmp_path / "checkpoint"
    cut_off(with_callbacks(network(), path, CutAfter(3)), X, y)
    with pytest.raises(ValueError, match=f"These differ: {message}"):
        with_callbacks(network(**setting), path).fit(X, y)


def test_equal_values_of_other_types_are_the_same_parameters(tmp_path):
    path = tmp_path / "checkpoint"
    cut_off(with_callbacks(network(alpha=1), path, CutAfter(3)), X, y)
    same = {"alpha": np.float64(1.0), "hidden_layer_sizes": np.array([6, 5])}
    again = with_callbacks(network(**same), path).fit(X, y)
    assert_same_fit(again, network(alpha=1).fit(X, y))


def test_max_iter_belongs_to_a_curve(tmp_path):
    path = tmp_path / "checkpoint"
    new = partial(network, learning_rate="cosine")
    cut_off(with_callbacks(new(), path, CutAfter(3)), X, y)
    with pytest.raises(ValueError, match=r"These differ: max_iter = 20, and 12 there"):
        with_callbacks(new(max_iter=20), path).fit(X, y)


def test_fewer_epochs_than_there_are_is_refused(tmp_path):
    path = tmp_path / "checkpoint"
    with_callbacks(network(), path).fit(X, y)
    with pytest.raises(ValueError, match="has 12 epochs, and max_iter=5"):
        with_callbacks(network(max_iter=5), path).fit(X, y)


def test_a_search_with_one_path_is_told_to_take_a_folder(tmp_path):
    net = with_callbacks(network(), tmp_path / "checkpoint")
    search = GridSearchCV(net, {"alpha": [0.0, 0.1]}, cv=2, error_score="raise")
    with pytest.raises(ValueError, match="give the path of a folder that exists"):
        search.fit(X, y)


def test_members_with_one_path_or_without_a_seed_are_refused(tmp_path):
    table = TabularRegressor(
        estimator=with_callbacks(network(), tmp_path / "checkpoint")
    )
    with pytest.raises(ValueError, match=r"each member is a fit. Give the path of a f"):
        table.fit(X, y)
    table = TabularRegressor(estimator=with_callbacks(network(), tmp_path))
    with pytest.raises(ValueError, match="random_state=None draws anew"):
        table.fit(X, y)


def test_fits_without_a_seed_have_no_folder(tmp_path):
    """A second member of an ensemble would be given the first one's result."""
    net = with_callbacks(network(random_state=None), tmp_path)
    with pytest.raises(ValueError, match="random_state=None could not be told apart"):
        net.fit(X, y)


def test_on_a_composition_it_says_where_to_set_it(tmp_path):
    pipeline = make_pipeline(StandardScaler(), network())
    with pytest.raises(TypeError, match="Set it on the network itself"):
        pipeline.set_callbacks(Checkpoint(tmp_path, resume=True)).fit(X, y)


@pytest.mark.parametrize("seconds", [-1, "2", None])
def test_seconds_are_a_number(seconds, tmp_path):
    net = network().set_callbacks(Checkpoint(tmp_path, seconds=seconds, resume=True))
    with pytest.raises(ValueError, match="seconds must be a number, 0 or more, got"):
        net.fit(X, y)


def test_a_folder_that_cannot_be_written_to_is_refused_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda *args: False)  # root may write anywhere
    with pytest.raises(PermissionError, match="cannot write to the folder"):
        with_callbacks(network(), tmp_path / "checkpoint").fit(X, y)


def test_what_pickle_cannot_save_is_refused_at_once(tmp_path):
    rate = network(learning_rate=lambda progress: 1 - progress)
    with pytest.raises(ValueError, match=r"cannot save this GDNeuralReg.*no lambdas"):
        with_callbacks(rate, tmp_path / "checkpoint").fit(X, y)


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "checkpoint"
    path.write_bytes(b"a" * 100)
    with pytest.raises(ValueError, match=r"is damaged, or no check.*Delete it to"):
        with_callbacks(network(), path).fit(X, y)


def test_a_file_of_save_checkpoint_is_refused(tmp_path):
    path = tmp_path / "checkpoint"
    save_checkpoint(network().fit(X, y), path)
    with pytest.raises(ValueError, match="no fit to go on with: it was written by s"):
        with_callbacks(network(), path).fit(X, y)


def test_a_fit_that_a_former_version_has_saved_is_refused(tmp_path):
    """It noted one number as the checksum of the data."""
    path = tmp_path / "checkpoint"
    former = cut_after(3, path)
    former._state.fingerprint = 123
    save_checkpoint(former, path)
    with pytest.raises(ValueError, match="by a former version of skgd"):
        with_callbacks(network(), path).fit(X, y)
    with pytest.raises(ValueError, match="with a former version of skgd"):
        load_checkpoint(path).fit(X, y)


# When it saves ------------------------------------------------------------------------


class TakesASecond(CountsEpochs):
    now = None  # a list of the time

    def on_fit_task_end(self, estimator, context):
        self.now[0] += context.task_name == "epoch"


def test_it_saves_by_time(tmp_path, monkeypatch):
    now, saves = [0.0], []

    def save(estimator, path):
        saves.append((estimator.n_iter_, now[0]))
        now[0] += 2.0  # which a save takes

    monkeypatch.setattr(TakesASecond, "now", now)
    monkeypatch.setattr(skgd.callbacks.saves, "monotonic", lambda: now[0])
    monkeypatch.setattr(skgd.callbacks.saves, "save_checkpoint", save)
    net = network(max_iter=100, n_iter_no_change=np.inf)
    net.set_callbacks(Checkpoint(tmp_path, resume=True), TakesASecond()).fit(X, y)
    # After 10 s; after 20 times the 2 s of the save; and the last epoch.
    assert saves == [(11, 10.0), (51, 52.0), (91, 94.0), (100, 106.0)]


def test_ctrl_c_saves_the_last_epoch_whatever_the_time(tmp_path):
    interrupted = network().set_callbacks(
        Checkpoint(tmp_path / "a", resume=True), CtrlCAfter(7)
    )
    with pytest.warns(UserWarning, match="interrupted by user"):
        interrupted.fit(X, y)
    assert load_checkpoint(tmp_path / "a").n_iter_ == 7
    again = with_callbacks(network(), tmp_path / "a").fit(X, y)
    assert_same_fit(again, network().fit(X, y))


def test_ctrl_c_in_the_midst_of_a_save_loses_nothing(tmp_path, monkeypatch):
    replace, n_saves = os.replace, []

    def interrupted(*args):
        n_saves.append(1)
        if len(n_saves) == 5:
            signal.raise_signal(signal.SIGINT)
        replace(*args)

    monkeypatch.setattr("os.replace", interrupted)
    path = tmp_path / "checkpoint"
    with pytest.warns(UserWarning, match="interrupted by user"):
        with_callbacks(network(), path).fit(X, y)
    monkeypatch.undo()
    assert [each.name for each in tmp_path.iterdir()] == ["checkpoint"]
    assert load_checkpoint(path).n_iter_ == 5
    again = with_callbacks(network(), path).fit(X, y)
    assert_same_fit(again, network().fit(X, y))


def test_a_disk_that_is_full_at_the_end_does_not_lose_the_fit(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    net = network().set_callbacks(Checkpoint(tmp_path / "checkpoint", resume=True))
    with pytest.warns(UserWarning, match="of epoch 12 could not be saved: .*No space"):
        net.fit(X, y)
    assert_same_fit(net, network().fit(X, y))
    with pytest.raises(OSError, match="No space"):  # one learns of it at once
        with_callbacks(network(), tmp_path / "checkpoint").fit(X, y)


def test_two_fits_that_write_one_file_are_told(tmp_path):
    path = tmp_path / "checkpoint"

    class AnotherFit(CutAfter):
        def on_fit_task_end(self, estimator, context):
            self.n_epochs += context.task_name == "epoch"
            if self.n_epochs == self.epoch and context.task_name == "epoch":
                with_callbacks(network(alpha=1.0), path, resume=False).set_params(
                    warm_start=True
                ).fit(X, y)

    net = with_callbacks(network(), path, AnotherFit(4))
    with pytest.warns(UserWarning, match="was written or removed by somebody else"):
        net.fit(X, y)
    assert_same_fit(with_callbacks(network(), path).fit(X, y), network().fit(X, y))


def test_the_callback_is_copied_without_the_fits_under_way(tmp_path):
    checkpoint = Checkpoint(tmp_path, every=3, seconds=2, resume=True)
    again = pickle.loads(pickle.dumps(checkpoint))
    for name in ("path", "every", "seconds", "resume"):
        assert getattr(again, name) == getattr(checkpoint, name)


# SIGTERM ------------------------------------------------------------------------------

# One process trains the whole, then sends SIGTERM to children that it forks. No save is
# due by time: what there is was saved because of the signal. To send it more often:
# python -c "from tests.test_resume import *; print(terminated('/an/empty/folder', 50))"
TERMINATED = """
import os, random, signal, sys, time, warnings
from pathlib import Path
import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.preprocessing import StandardScaler
from skgd import GDNeuralRegressor, TabularRegressor
from skgd.callbacks import Checkpoint, load_checkpoint
warnings.simplefilter("ignore")

folder, n_kills = Path(sys.argv[1]), int(sys.argv[2])
rng = np.random.default_rng(0)
X = rng.standard_normal((2000, 10))
y = 100 * np.sin(2 * X[:, 0]) + X[:, 1]
params = dict(early_stopping=True, n_iter_no_change=2000, dropout=0.1, random_state=0)

def target(*callbacks):
    net = GDNeuralRegressor((20,), max_iter=1500, n_jobs=1, **params)
    net.set_callbacks(*callbacks)
    return TransformedTargetRegressor(net, transformer=StandardScaler())

def table(*callbacks):
    net = GDNeuralRegressor((20,), max_iter=300, **params).set_callbacks(*callbacks)
    return TabularRegressor(estimator=net, n_members=3, cv=3, n_jobs=2, random_state=0)

def terminate_again_and_again(make):
    fit = lambda: make(Checkpoint(folder, seconds=1000, resume=True)).fit(X, y)
    make().fit(X, y)
    begin = time.monotonic()
    whole = make().fit(X, y)
    seconds = time.monotonic() - begin
    random.seed(0)
    kills, ended, epochs, files = 0, 0, set(), []
    while kills < n_kills:
        [file.unlink() for file in files]
        is_done = False
        while not is_done:
            child = os.fork()
            if child == 0:
                fit()
                os._exit(0)
            if kills < n_kills:
                time.sleep(random.uniform(0, 0.4 * seconds))
                os.kill(child, signal.SIGTERM)
                kills += 1
            _, status = os.waitpid(child, 0)
            is_done = os.WIFEXITED(status)
            assert (os.WEXITSTATUS if is_done else os.WTERMSIG)(status) == (
                0 if is_done else signal.SIGTERM
            )
            ended += not is_done
            files = list(folder.iterdir())
            assert all(file.suffix == ".checkpoint" for file in files), files
            epochs |= {(file.name, load_checkpoint(file).n_iter_) for file in files}
        model = fit()
        assert np.array_equal(model.predict(X), whole.predict(X))
        if make is target:
            for name in ("loss_curve_", "validation_scores_", "n_iter_"):
                one, other = model.regressor_, whole.regressor_
                assert getattr(one, name) == getattr(other, name)
    print(kills, ended, len(epochs), flush=True)

terminate_again_and_again(target)
terminate_again_and_again(table)
"""


def terminated(folder, n):
    """Return, of both compositions, how often it was ended, and after how many epochs.

    Of n signals each: those that have ended a fit, and the numbers of epochs that there
    were in the files.
    """
    command = [sys.executable, "-c", TERMINATED, str(folder), str(n)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return [list(map(int, line.split())) for line in result.stdout.splitlines()]


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.skipif(sys.platform == "win32", reason="it forks")
def test_sigterm_at_random_moments_comes_to_the_same_bits(tmp_path):
    for kills, n_ended, n_epochs in terminated(tmp_path, 4):
        assert kills == 4
        assert n_ended >= 2
        assert n_epochs > 2  # some were ended on the way


# A fit in a process in which the signal is handled in this way, or not at all.
ENDED = """
import os, signal, sys
import numpy as np
from skgd import GDNeuralRegressor
from tests.test_resume import TerminateAfter

X = np.random.default_rng(0).standard_normal((50, 2))

def fit(handler):
    signal.signal(signal.SIGTERM, handler)
    net = GDNeuralRegressor((3,), max_iter=9, random_state=0)
    net.set_callbacks(TerminateAfter(3)).fit(X, X[:, 0])
    print(net.n_iter_, signal.getsignal(signal.SIGTERM) is handler)

def handle(number, frame):
    print("handled")

for handler in (handle, signal.SIG_IGN, signal.SIG_DFL):
    fit(handler)
"""


class TerminateAfter(CutAfter):
    """Sends SIGTERM to the process after an epoch."""

    def on_fit_task_end(self, estimator, context):
        self.n_epochs += context.task_name == "epoch"
        if self.n_epochs == self.epoch and context.task_name == "epoch":
            print("terminated")  # into a buffer, that is not to be lost
            signal.raise_signal(signal.SIGTERM)


@pytest.mark.faults
@pytest.mark.skipif(sys.platform == "win32", reason="it has other statuses")
def test_sigterm_ends_the_process_unless_somebody_handles_it():
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ENDED], capture_output=True, text=True
    )
    told = ["terminated", "handled", "9 True", "terminated", "9 True", "terminated"]
    assert result.stdout.splitlines() == told, result.stderr
    assert result.returncode == -signal.SIGTERM


@pytest.mark.faults
def test_sigterm_is_unclaimed_again_after_a_fit():
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network().fit(csr_array(X), y)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
