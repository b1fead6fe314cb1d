"""Checkpoints: a whole file at any time, and a fit that goes on to the same bits."""

import json
import os
import signal
import subprocess
import sys
import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgd import GDNeuralClassifier, GDNeuralRegressor

pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")
from skgd.callbacks import Checkpoint, load_checkpoint, save_checkpoint
from tests.inside import assert_same_training, theta_of

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
X = rng.standard_normal((120, 4))
y = (X[:, 0] + 0.3 * rng.standard_normal(120) > 0).astype(int)
X_val, y_val = rng.standard_normal((40, 4)), rng.integers(0, 2, 40)

# Everything that a fit carries from epoch to epoch.
SETTINGS = {
    "minibatch": {},
    "batch": {"solver": "batch"},
    "sgd": {"solver": "sgd"},
    "momentum, adaptive": {"optimizer": "momentum", "learning_rate": "adaptive"},
    "invscaling": {"optimizer": "nesterov", "learning_rate": "invscaling"},
    "nadam, cosine": {"optimizer": "nadam", "learning_rate": "cosine"},
    "amsgrad, one_cycle": {"optimizer": "amsgrad", "learning_rate": "one_cycle"},
    "dropout": {"dropout": 0.3},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 3},
    "early stopping, batch": {"early_stopping": True, "solver": "batch"},
    "no shuffling": {"shuffle": False, "early_stopping": True},
    "plateau": {"tol": 0.05, "n_iter_no_change": 2},
    "scoring": {"early_stopping": True, "scoring": "loss", "n_iter_no_change": 3},
    "random state": {"random_state": np.random.RandomState(3)},
    "weight decay, clipping": {"max_grad_norm": 0.5, "weight_decay": 0.01},
    "two threads": {"n_jobs": 2, "hidden_layer_sizes": (60, 50)},
}
ESTIMATORS = [GDNeuralRegressor, GDNeuralClassifier]
each_estimator = pytest.mark.parametrize("Estimator", ESTIMATORS)


class PowerCut(Exception):
    pass


class CutAfter:
    """Ends a fit, as if the machine had gone down after this epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def setup(self, estimator, context):
        self.n_epochs = 0

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.n_epochs += context.task_name == "epoch"
        if self.n_epochs == self.epoch:
            raise PowerCut


def make(Estimator, **setting):
    params = {"max_iter": 12, "batch_size": 32, "learning_rate_init": 0.02}
    params |= {"random_state": 0, "warm_start": True} | setting
    return Estimator(**{"hidden_layer_sizes": (6, 5)} | params)


def assert_same_fit(a, b):
    assert a.n_iter_ == b.n_iter_
    for name in ("loss_curve_", "learning_rate_curve_", "validation_scores_"):
        assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
    for name in ("best_loss_", "best_validation_score_", "t_"):
        assert getattr(a, name) == getattr(b, name), name
    assert_same_training(a, b)


@pytest.mark.parametrize(
    ("name", "Estimator", "with_validation_data"),
    [  # each setting and each estimator with validation data and without
        (name, Estimator, (i + j) % 2 == 1)
        for i, name in enumerate(SETTINGS)
        for j, Estimator in enumerate(ESTIMATORS)
    ],
)
def test_a_fit_cut_off_after_any_epoch_goes_on_to_the_same_bits(
    name, Estimator, with_validation_data, tmp_path
):
    setting = SETTINGS[name]
    validation = {"X_val": X_val, "y_val": y_val} if with_validation_data else {}
    weight = np.linspace(0.5, 2, len(X))
    whole = clone(make(Estimator, **setting)).fit(X, y, weight, **validation)
    path = tmp_path / "checkpoint"
    n = whole.n_iter_
    for epoch in sorted({1, n // 2, n - 1, n} - {0}):
        path.unlink(missing_ok=True)
        cut = clone(make(Estimator, **setting))
        cut.set_callbacks(Checkpoint(path, every=1), CutAfter(epoch))
        with pytest.raises(PowerCut):
            cut.fit(X, y, weight, **validation)
        loaded = load_checkpoint(path)
        assert loaded.n_iter_ == epoch
        loaded.set_callbacks().fit(X, y, weight, **validation)
        assert_same_fit(loaded, whole)
        assert_array_equal(loaded.predict(X), whole.predict(X), strict=True)


DATA = {
    "float32": (GDNeuralRegressor, X.astype(np.float32), y, {}),
    "sparse": (GDNeuralRegressor, csr_array(X * (X > 0)), y, {}),
    "outputs": (GDNeuralRegressor, X, np.column_stack([y, X[:, 1]]), {}),
    "labels": (GDNeuralClassifier, X, np.column_stack([y, X[:, 1] > 0]), {}),
    "names": (GDNeuralClassifier, X, np.array(["no", "yes"])[y], {}),
    "balanced": (GDNeuralClassifier, X, y, {"class_weight": {0: 1, 1: 3}}),
    "smooth": (GDNeuralClassifier, X, y, {"label_smoothing": 0.1}),
}


@pytest.mark.parametrize(("Estimator", "X", "y", "setting"), DATA.values(), ids=DATA)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_so_does_one_on_data_of_any_kind(
    Estimator, X, y, setting, early_stopping, tmp_path
):
    setting = setting | {"early_stopping": early_stopping}
    whole = make(Estimator, **setting).fit(X, y)
    cut = make(Estimator, **setting)
    cut.set_callbacks(Checkpoint(tmp_path / "checkpoint", every=1), CutAfter(4))
    with pytest.raises(PowerCut):
        cut.fit(X, y)
    loaded = load_checkpoint(tmp_path / "checkpoint").set_callbacks().fit(X, y)
    assert_same_fit(loaded, whole)


def test_a_second_warm_started_fit_is_completed(tmp_path):
    path = tmp_path / "checkpoint"
    whole = make(GDNeuralRegressor).fit(X, y).fit(X, y)
    cut = make(GDNeuralRegressor).fit(X, y)
    cut.set_callbacks(Checkpoint(path, every=1), CutAfter(4))
    with pytest.raises(PowerCut):
        cut.fit(X, y)
    assert_same_fit(load_checkpoint(path).set_callbacks().fit(X, y), whole)


class StopAfter(CutAfter):
    """Asks for the end of the fit."""

    def on_fit_task_end(self, estimator, context):
        self.n_epochs += context.task_name == "epoch"
        return self.n_epochs == self.epoch


@pytest.mark.parametrize("every", [1, 5])
@pytest.mark.parametrize("checkpoint_first", [False, True])
def test_a_fit_that_another_callback_has_ended_is_complete(
    tmp_path, every, checkpoint_first
):
    path = tmp_path / "checkpoint"
    callbacks = [Checkpoint(path, every=every), StopAfter(7)]
    stopped = make(GDNeuralRegressor)
    stopped.set_callbacks(*(callbacks if checkpoint_first else callbacks[::-1]))
    stopped.fit(X, y)
    again = load_checkpoint(path).fit(X, y)
    assert_same_fit(again, stopped)
    assert again.n_iter_ == 7


class CtrlCAfter(CutAfter):
    """Presses Ctrl-C."""

    def on_fit_task_end(self, estimator, context):
        self.n_epochs += context.task_name == "epoch"
        if self.n_epochs == self.epoch and context.task_name == "epoch":
            signal.raise_signal(signal.SIGINT)


@pytest.mark.faults
def test_after_ctrl_c_the_last_epoch_is_saved_to_go_on_from(tmp_path):
    path = tmp_path / "checkpoint"
    whole = make(GDNeuralRegressor).fit(X, y)

    interrupted = make(GDNeuralRegressor)
    interrupted.set_callbacks(Checkpoint(path, every=5), CtrlCAfter(7))
    with pytest.warns(UserWarning, match="interrupted by user"):
        interrupted.fit(X, y)
    loaded = load_checkpoint(path).set_callbacks()
    assert loaded.n_iter_ == 7
    assert_same_fit(loaded.fit(X, y), whole)


class Keep(CutAfter):
    """Keeps the copy of one epoch."""

    def __getstate__(self):
        return {"epoch": self.epoch}

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        self.n_epochs += context.task_name == "epoch"
        if self.n_epochs == self.epoch and context.task_name == "epoch":
            self.copy = fitted_estimator


def test_copies_that_others_keep_are_models_like_any(tmp_path):
    """Only the file is one to complete a fit from."""
    kept = Keep(3)
    callbacks = kept, Checkpoint(tmp_path / "checkpoint", every=1)
    make(GDNeuralRegressor).set_callbacks(*callbacks).fit(X, y)
    copy = kept.copy.set_callbacks()
    expected = make(GDNeuralRegressor, max_iter=3).fit(X, y)
    for each in (copy, expected):
        each.set_params(max_iter=12).fit(X[:50], y[:50])
    assert_array_equal(copy.predict(X), expected.predict(X))


def test_cut_off_again_and_again(tmp_path):
    path = tmp_path / "checkpoint"
    whole = make(GDNeuralRegressor, dropout=0.2).fit(X, y)
    estimator = make(GDNeuralRegressor, dropout=0.2)
    for _ in range(11):
        estimator.set_callbacks(Checkpoint(path, every=1), CutAfter(1))
        with pytest.raises(PowerCut):
            estimator.fit(X, y)
        estimator = load_checkpoint(path)
    assert_same_fit(estimator.set_callbacks().fit(X, y), whole)


def test_every_few_epochs_and_the_last(tmp_path):
    path = tmp_path / "checkpoint"
    for cut, saved in [(4, None), (5, 5), (9, 5), (10, 10)]:
        path.unlink(missing_ok=True)
        regressor = make(GDNeuralRegressor)
        regressor.set_callbacks(Checkpoint(path, every=5), CutAfter(cut))
        with pytest.raises(PowerCut):
            regressor.fit(X, y)
        assert (load_checkpoint(path).n_iter_ if path.exists() else None) == saved
    path.unlink()
    regressor = make(GDNeuralRegressor)
    regressor.set_callbacks(Checkpoint(path, every=5)).fit(X, y)
    assert load_checkpoint(path).n_iter_ == 12
    early = make(GDNeuralRegressor, tol=10, n_iter_no_change=1)
    early.set_callbacks(Checkpoint(path, every=5)).fit(X, y)
    assert load_checkpoint(path).n_iter_ == early.n_iter_ == 3


def test_a_completed_fit_has_nothing_left_to_do(tmp_path):
    path = tmp_path / "checkpoint"
    regressor = make(GDNeuralRegressor, tol=10, n_iter_no_change=1)
    regressor.set_callbacks(Checkpoint(path, every=1)).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = load_checkpoint(path).fit(X, y)
    assert_same_fit(again, regressor)


def test_a_completed_fit_may_be_given_more_epochs(tmp_path):
    path = tmp_path / "checkpoint"
    make(GDNeuralRegressor).set_callbacks(Checkpoint(path, every=1)).fit(X, y)
    more = load_checkpoint(path).set_params(max_iter=20)
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(20\)"):
        more.fit(X, y)
    assert_same_fit(more, make(GDNeuralRegressor, max_iter=20).fit(X, y))


def test_the_loaded_model_predicts_with_the_weights_of_its_epoch(tmp_path):
    path = tmp_path / "checkpoint"
    regressor = make(GDNeuralRegressor).set_callbacks(
        Checkpoint(path, every=1), CutAfter(3)
    )
    with pytest.raises(PowerCut):
        regressor.fit(X, y)
    expected = make(GDNeuralRegressor, max_iter=3).fit(X, y)
    assert_array_equal(load_checkpoint(path).predict(X), expected.predict(X))


def test_after_the_fit_a_warm_start_begins_a_new_one(tmp_path):
    """As without checkpoints; it is only an interrupted fit that goes on."""
    path = tmp_path / "checkpoint"
    plain = make(GDNeuralRegressor).fit(X, y).fit(X, y)
    loaded = make(GDNeuralRegressor).set_callbacks(Checkpoint(path, every=1)).fit(X, y)
    assert_same_fit(loaded.fit(X, y), plain)


def test_partial_fit_on_a_checkpoint_goes_on_too(tmp_path):
    path = tmp_path / "checkpoint"
    regressor = make(GDNeuralRegressor, shuffle=False)
    regressor.set_callbacks(Checkpoint(path, every=1), CutAfter(4))
    with pytest.raises(PowerCut):
        regressor.fit(X, y)
    loaded = load_checkpoint(path).set_callbacks().partial_fit(X, y)
    expected = make(GDNeuralRegressor, shuffle=False, max_iter=5).fit(X, y)
    assert_array_equal(theta_of(loaded), theta_of(expected))
    assert loaded.loss_curve_ == expected.loss_curve_


@each_estimator
def test_partial_fit_loops_save_by_themselves(Estimator, tmp_path):
    path = tmp_path / "checkpoint"
    estimator = make(Estimator)
    params = {"classes": [0, 1]} if Estimator is GDNeuralClassifier else {}
    for _ in range(3):
        estimator.partial_fit(X, y, **params)
        save_checkpoint(estimator, path)
    loaded = load_checkpoint(path)
    for each in (estimator, loaded):
        each.partial_fit(X, y)
    assert_same_fit(loaded, estimator)


def test_in_a_pipeline(tmp_path):
    path = tmp_path / "checkpoint"
    whole = make_pipeline(StandardScaler(), make(GDNeuralRegressor)).fit(X, y)
    net = make(GDNeuralRegressor).set_callbacks(Checkpoint(path, every=1), CutAfter(5))
    pipeline = make_pipeline(StandardScaler(), net)
    with pytest.raises(PowerCut):
        pipeline.fit(X, y)
    pipeline.set_params(gdneuralregressor=load_checkpoint(path).set_callbacks())
    assert_same_fit(pipeline.fit(X, y)[-1], whole[-1])


# Errors -------------------------------------------------------------------------------


def cut_after(epoch, path, **setting):
    regressor = make(GDNeuralRegressor, **setting)
    regressor.set_callbacks(Checkpoint(path, every=1), CutAfter(epoch))
    with pytest.raises(PowerCut):
        regressor.fit(X, y)
    return load_checkpoint(path).set_callbacks()


@pytest.mark.parametrize("early_stopping", [False, True])
def test_other_data_are_refused(tmp_path, early_stopping):
    loaded = cut_after(3, tmp_path / "checkpoint", early_stopping=early_stopping)
    with pytest.raises(ValueError, match="completed with the same data"):
        loaded.fit(X[:100], y[:100])
    with pytest.raises(ValueError, match="completed with the same data"):
        loaded.fit(X, y, X_val=X_val, y_val=y_val)
    with pytest.raises(ValueError, match="completed with the same data"):
        loaded.fit(X + 1, y)
    with pytest.raises(ValueError, match="completed with the same data"):
        loaded.fit(X, 1 - y)
    with pytest.raises(ValueError, match="completed with the same data"):
        loaded.fit(X, y, np.linspace(1, 2, len(X)))
    fresh = loaded.set_params(warm_start=False).fit(X[:100], y[:100])
    assert len(fresh.loss_curve_) == fresh.n_iter_


def test_checkpoint_needs_to_resume_or_to_start_warmly(tmp_path):
    regressor = make(GDNeuralRegressor, warm_start=False)
    regressor.set_callbacks(Checkpoint(tmp_path / "checkpoint", every=1))
    with pytest.raises(ValueError, match=r"needs resume=True.*\(warm_start=True\)"):
        regressor.fit(X, y)


def test_checkpoint_saves_estimators_of_skgd_only():
    with pytest.raises(
        TypeError, match="is for the networks of skgd, and is set on a R"
    ):
        Checkpoint("checkpoint").setup(Ridge(), None)


def test_checkpoint_refuses_partial_fit(tmp_path):
    regressor = make(GDNeuralRegressor)
    regressor.set_callbacks(Checkpoint(tmp_path / "checkpoint", every=1))
    with pytest.raises(ValueError, match="In a loop of partial_fit, call save_"):
        regressor.partial_fit(X, y)


@pytest.mark.parametrize("every", [0, -1, 1.5, "2"])
def test_every_is_a_number_of_epochs(tmp_path, every):
    regressor = make(GDNeuralRegressor)
    regressor.set_callbacks(Checkpoint(tmp_path / "checkpoint", every=every))
    with pytest.raises(
        ValueError, match="every must be an int, 1 or more, or None, got"
    ):
        regressor.fit(X, y)


def test_a_folder_that_is_not_there_is_an_error_before_the_fit(tmp_path):
    regressor = make(GDNeuralRegressor)
    regressor.set_callbacks(
        Checkpoint(tmp_path / "no" / "checkpoint", every=100), CutAfter(1)
    )
    with pytest.raises(FileNotFoundError, match="in a folder that does not exist"):
        regressor.fit(X, y)
    assert not hasattr(regressor, "coefs_")


@pytest.mark.faults
def test_a_disk_that_is_full_in_the_night_does_not_end_the_fit(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint"
    replace, n_saves = os.replace, []

    def full_at_the_third(*args):
        n_saves.append(1)
        if len(n_saves) == 3:
            raise OSError(28, "No space left on device")
        return replace(*args)

    monkeypatch.setattr("os.replace", full_at_the_third)
    regressor = make(GDNeuralRegressor).set_callbacks(Checkpoint(path, every=1))
    with pytest.warns(UserWarning, match="of epoch 3 could not be saved: .*No space"):
        regressor.fit(X, y)
    assert regressor.n_iter_ == load_checkpoint(path).n_iter_ == 12
    assert [each.name for each in tmp_path.iterdir()] == ["checkpoint"]


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "foreign"])
def test_damaged_files_are_refused(tmp_path, damage):
    path = tmp_path / "checkpoint"
    save_checkpoint(make(GDNeuralRegressor).fit(X, y), path)
    text = path.read_bytes()
    middle = len(text) // 2
    path.write_bytes(
        {
            "cut": text[:-1],
            "flipped": text[:middle] + bytes([text[middle] ^ 1]) + text[middle + 1 :],
            "empty": b"",
            "foreign": b"PK" + text,
        }[damage]
    )
    with pytest.raises(ValueError, match=r"is damaged|is not a checkpoint"):
        load_checkpoint(path)


@pytest.mark.faults
def test_a_full_disk_leaves_the_former_file(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint"
    former = make(GDNeuralRegressor).fit(X, y)
    save_checkpoint(former, path)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(make(GDNeuralRegressor, alpha=1.0).fit(X, y), path)
    assert_same_fit(load_checkpoint(path), former)
    assert [each.name for each in tmp_path.iterdir()] == ["checkpoint"]


# SIGKILL ------------------------------------------------------------------------------

# One process trains the whole of each setting, then kills children of its own at random
# moments. They are forked, so that none has to import anything.
KILLS = """
import json, os, random, signal, sys, time, warnings
from pathlib import Path
import numpy as np
from skgd import GDNeuralClassifier
from skgd.callbacks import Checkpoint, load_checkpoint
from tests.inside import memory_of, theta_of
warnings.simplefilter("ignore")

n_kills = int(sys.argv[2])
rng = np.random.default_rng(0)
X = rng.standard_normal((2000, 10))
y = (np.sin(2 * X[:, 0]) + X[:, 1] > 0).astype(int)
params = dict(max_iter=40, n_iter_no_change=1000, random_state=0, warm_start=True)

def kill_again_and_again(path, setting):
    make = lambda: GDNeuralClassifier((20,), n_jobs=1, **(params | setting))
    whole = make().fit(X, y)

    def train():
        net = load_checkpoint(path) if path.exists() else make()
        net.set_callbacks(Checkpoint(path, every=1)).fit(X, y)
        os._exit(0)

    def start():
        child = os.fork()
        return child or train()

    begin = time.monotonic()
    os.waitpid(start(), 0)
    seconds = time.monotonic() - begin
    path.unlink()

    random.seed(0)
    kills, epochs = 0, []
    while True:
        is_killed = kills < n_kills or len(set(epochs)) < 3 and kills < 10 * n_kills
        child = start()
        if is_killed:
            time.sleep(random.uniform(0, 0.5 * seconds))
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if path.exists():
            epochs.append(load_checkpoint(path).n_iter_)
        if os.WIFSIGNALED(status):
            kills += 1
            if not path.exists():
                seconds *= 2  # it was killed before it had saved anything
            continue
        assert os.WEXITSTATUS(status) == 0
        if not is_killed:
            break
        path.unlink()  # it was done before it was killed: once more, and sooner
        seconds /= 2
    final = load_checkpoint(path).set_callbacks().fit(X, y)
    same = [
        bool(np.array_equal(part_of(final), part_of(whole)))
        for part_of in (theta_of, memory_of)
    ]
    same.append(final.loss_curve_ == whole.loss_curve_)
    same.append(final.validation_scores_ == whole.validation_scores_)
    return {"setting": setting, "kills": kills, "epochs": epochs, "same": same}

for number, setting in enumerate(json.loads(sys.argv[3])):
    path = Path(sys.argv[1]) / str(number)
    print(json.dumps(kill_again_and_again(path, setting)), flush=True)
"""
KILLED = [
    {"dropout": 0.2, "learning_rate": "cosine"},
    {"solver": "sgd", "optimizer": "nesterov", "learning_rate_init": 1e-4},
    {"early_stopping": True, "optimizer": "nadam"},
    {"solver": "batch", "optimizer": "momentum", "learning_rate_init": 0.1},
    {"learning_rate": "adaptive", "tol": 0.01},
]


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.skipif(sys.platform == "win32", reason="it forks")
def test_killed_at_random_moments_it_comes_to_the_same_bits(tmp_path):
    """Six times in each setting, or more: at any time the file is a whole one."""
    command = [sys.executable, "-c", KILLS, str(tmp_path), "6", json.dumps(KILLED)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    each_facts = [json.loads(line) for line in result.stdout.splitlines()]
    assert [facts["setting"] for facts in each_facts] == KILLED
    for facts in each_facts:
        assert facts["kills"] >= 6
        assert len(set(facts["epochs"])) > 2, facts  # some were killed on the way
        assert facts["same"] == [True] * 4, facts
