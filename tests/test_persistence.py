"""What is saved can be loaded: by this version, by later ones, and by skops.

The files in tests/saved were written by `python tests/saved/write.py`. A file of each
form that was ever released stays there, and is read as long as it is there.
"""

import pickle
import pickletools
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skgd
from skgd import GDNeuralClassifier, GDNeuralRegressor, TabularRegressor, __version__
from skgd.estimators.saving import FORM, UPGRADES, _checksum
from skgd.kernels.formulas.activations import ACTIVATIONS
from skgd.kernels.formulas.optimizers import FIRST_ORDER
from tests.tables import classifier, may_learn_nothing, regressor

SAVED = Path(__file__).parent / "saved"
ESTIMATORS = [GDNeuralRegressor, GDNeuralClassifier]
each_estimator = pytest.mark.parametrize("Estimator", ESTIMATORS)

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 4))
Y = {
    GDNeuralRegressor: np.sin(X[:, 0]),
    GDNeuralClassifier: np.array(["blue", "green", "red"])[X[:, :3].argmax(axis=1)],
}

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    may_learn_nothing,
]


def fitted(Estimator, **params):
    params = {"hidden_layer_sizes": (8,), "max_iter": 5, "random_state": 0} | params
    return Estimator(**params).fit(X, Y[Estimator])


def outputs(estimator):
    if hasattr(estimator, "predict_proba"):
        return estimator.predict_proba(X)
    return estimator.predict(X)


def modules_in(text):
    """The modules of skgd that a pickle names."""
    return {
        value
        for opcode, value, _ in pickletools.genops(text)
        if opcode.name == "SHORT_BINUNICODE" and value.startswith("skgd")
    }


# What is in a file --------------------------------------------------------------------


@each_estimator
def test_a_pickle_holds_no_class_of_skgd_but_the_estimator(Estimator):
    """So no other one has to stay what and where it is."""
    text = pickle.dumps(fitted(Estimator, early_stopping=True), protocol=4)
    assert modules_in(text) == {"skgd"}


@pytest.mark.parametrize("module", ["skgd", "skgd.callbacks", "skgd.dask"])
def test_files_name_what_is_public_by_its_public_module(module):
    """So the modules that it is written in may change."""
    public = pytest.importorskip(module)
    names = {*public.__all__} - {"__version__"}
    assert {name: getattr(public, name).__module__ for name in names} == (
        dict.fromkeys(names, module)
    )


@pytest.mark.parametrize("make", [regressor, classifier])
def test_a_pickle_of_an_estimator_of_tables_names_public_classes_only(make):
    y = np.round(np.sin(X[:, 0]))
    assert modules_in(pickle.dumps(make().fit(X, y), protocol=4)) == {"skgd"}


def test_a_pickle_names_the_version_that_wrote_it():
    attributes = GDNeuralRegressor().__getstate__()
    assert attributes["_skgd_version"] == __version__
    assert attributes["_skgd_form"] == FORM


def test_every_former_form_leads_to_the_next_one():
    assert sorted(UPGRADES) == list(range(1, FORM))


@pytest.mark.parametrize("form", [FORM + 1, -1])
def test_an_unknown_form_is_refused(form):
    attributes = fitted(GDNeuralRegressor).__getstate__()
    attributes |= {"_skgd_form": form, "_skgd_version": "7.8"}
    with pytest.raises(ValueError, match=r"saved by skgd 7\.8, in a form that"):
        GDNeuralRegressor().__setstate__(attributes)


def test_an_older_form_is_upgraded(monkeypatch):
    def rename(attributes):
        attributes["alpha"] = attributes.pop("penalty")
        return attributes

    monkeypatch.setitem(UPGRADES, FORM - 1, rename)
    attributes = fitted(GDNeuralRegressor, alpha=0.3).__getstate__()
    attributes |= {"_skgd_form": FORM - 1, "penalty": attributes.pop("alpha")}
    loaded = GDNeuralRegressor()
    loaded.__setstate__(attributes)
    assert loaded.alpha == 0.3
    assert_array_equal(outputs(loaded), outputs(fitted(GDNeuralRegressor, alpha=0.3)))


def names_in_turn(n):
    """n names of activations with as many of optimizers; each has its turn."""
    return [
        [list(registry)[i % len(registry)] for registry in (ACTIVATIONS, FIRST_ORDER)]
        for i in range(n)
    ]


@pytest.mark.parametrize(
    ("activation", "optimizer"), names_in_turn(max(len(ACTIVATIONS), len(FIRST_ORDER)))
)
def test_every_activation_and_optimizer_comes_back(activation, optimizer):
    regressor = fitted(
        GDNeuralRegressor, activation=activation, optimizer=optimizer, dropout=0.1
    )
    loaded = pickle.loads(pickle.dumps(regressor))
    for estimator in (regressor, loaded):
        estimator.partial_fit(X, Y[GDNeuralRegressor])
    assert_array_equal(outputs(loaded), outputs(regressor), strict=True)


@each_estimator
def test_unfitted_estimators_are_saved(Estimator):
    estimator = Estimator((7, 5), ["elu", "mish"], alpha=0.2)
    loaded = pickle.loads(pickle.dumps(estimator))
    assert loaded.get_params() == estimator.get_params()
    assert vars(clone(loaded)) == vars(estimator)


# Files of this version and of former ones ---------------------------------------------


@pytest.mark.parametrize("path", sorted(SAVED.glob("*.pickle")), ids=lambda p: p.stem)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.InconsistentVersionWarning")
def test_saved_models_load_and_predict_what_they_did(path):
    estimator = pickle.loads(path.read_bytes())
    expected = np.load(path.with_suffix(".npz"))
    actual = getattr(estimator, str(expected["method"]))(expected["X"])
    np.testing.assert_allclose(actual, expected["outputs"], rtol=1e-12, atol=1e-13)
    estimator.partial_fit(expected["X"], expected["y"])
    assert len(estimator.loss_curve_) == expected["n_epochs"] + 1


@pytest.mark.parametrize(
    "path", sorted(SAVED.glob("tables/*.pickle")), ids=lambda p: p.stem
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.InconsistentVersionWarning")
def test_saved_models_of_tables_load_and_predict_what_they_did(path):
    estimator = pickle.loads(path.read_bytes())
    expected = np.load(path.with_suffix(".npz"))
    actual = getattr(estimator, str(expected["method"]))(expected["X"])
    np.testing.assert_allclose(actual, expected["outputs"], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("make", [regressor, classifier])
def test_an_unknown_form_of_tables_is_refused(make):
    attributes = make().__getstate__() | {"_skgd_form": 99, "_skgd_version": "7.8"}
    with pytest.raises(ValueError, match=r"saved by skgd 7\.8, in a form that"):
        make().__setstate__(attributes)


def test_a_parameter_that_a_version_lacked_gets_its_default():
    attributes = regressor(n_members=3).__getstate__()
    del attributes["cv"]
    loaded = TabularRegressor()
    loaded.__setstate__(attributes)
    assert loaded.get_params()["cv"] is None
    assert loaded.n_members == 3


def test_there_is_a_saved_model_of_the_present_form():
    stems = {path.stem for path in SAVED.glob("*.pickle")}
    assert {f"regressor-form-{FORM}", f"classifier-form-{FORM}"} <= stems
    stems = {path.stem for path in SAVED.glob("tables/*.pickle")}
    form = skgd.tabular.saving.FORM
    assert {f"regressor-form-{form}", f"classifier-form-{form}"} <= stems


# How training goes on -----------------------------------------------------------------


@each_estimator
@pytest.mark.parametrize("seed", [123456, np.int64(7), np.random.RandomState(3)])
def test_loaded_estimators_go_on_drawing(Estimator, seed):
    estimator = fitted(Estimator, random_state=seed, batch_size=16)
    loaded = pickle.loads(pickle.dumps(estimator))
    for each in (estimator, loaded):
        each.partial_fit(X, Y[Estimator])
    assert_array_equal(outputs(loaded), outputs(estimator), strict=True)


# Damaged files ------------------------------------------------------------------------


def layers_of(packed):
    """The saved layers: of 8 hidden units, their activation, and of one output."""
    return packed["_network"]["layers"]


def wider(packed, theta):
    first, activation, last = layers_of(packed)
    first["fan_out"] = activation["fan_in"] = activation["fan_out"] = last["fan_in"] = 9


def deeper(packed, theta):
    layers = layers_of(packed)
    layers[1:1] = [layers[1], {"kind": "dense", "fan_in": 8, "fan_out": 8}]


def of_layers_that_are_no_chain(packed, theta):
    layers_of(packed)[-1]["fan_in"] = 9


def of_an_activation_that_changes_the_width(packed, theta):
    """It is in place, so its outputs would be written beyond its inputs."""
    first, activation, last = layers_of(packed)
    first["fan_out"] = activation["fan_in"] = 7
    activation["fan_out"] = last["fan_in"] = 13
    assert theta.size == (4 + 1) * 7 + (13 + 1) * 1  # as many parameters as there are


def of_a_dropout_that_changes_the_width(packed, theta):
    """It reads and writes rows of one length."""
    of_an_activation_that_changes_the_width(packed, theta)
    layers_of(packed)[1] = {"kind": "dropout", "fan_in": 7, "fan_out": 13}
    layers_of(packed)[1] |= {"rate": 0.1, "hidden": 0}


def of_no_layers(packed, theta):
    layers_of(packed).clear()


def that_begins_with_an_activation(packed, theta):
    layers = layers_of(packed)
    layers.insert(0, {"kind": "activation", "fan_in": 4, "fan_out": 4})
    layers[0]["activation"] = "relu"


def of_an_unknown_kind_of_layer(packed, theta):
    layers_of(packed)[1]["kind"] = "attention"


def of_an_unknown_activation(packed, theta):
    layers_of(packed)[1]["activation"] = "swish"


def of_an_unknown_loss(packed, theta):
    packed["_network"]["loss"] = "hinge"


def of_more_features(packed, theta):
    packed["n_features_in_"] = 5


def shorter(packed, theta):
    packed["_state"]["theta"] = theta[:-1]


def of_another_dtype(packed, theta):
    packed["_state"]["theta"] = theta.astype(int)


def of_a_short_memory(packed, theta):
    packed["_state"]["memory"] = theta[np.newaxis]


def of_short_best_weights(packed, theta):
    packed["_state"]["best_theta"] = theta[:3]


def of_rows_out_of_bounds(packed, theta):
    packed["_state"] |= {"held_out": np.array([0, 60]), "n_split_samples": 60}


@pytest.mark.parametrize("array", ["theta", "best_theta", "memory"])
def test_a_changed_bit_is_found(array):
    regressor = fitted(GDNeuralRegressor, early_stopping=True)
    text = pickle.dumps(regressor)
    place = text.index(regressor.__getstate__()["_state"][array].tobytes()) + 11
    damaged = text[:place] + bytes([text[place] ^ 1]) + text[place + 1 :]
    with pytest.raises(ValueError, match="its checksum is not right"):
        pickle.loads(damaged)


@pytest.mark.parametrize(
    "damage",
    [
        *(wider, deeper, of_layers_that_are_no_chain, of_no_layers),
        *(of_an_activation_that_changes_the_width, that_begins_with_an_activation),
        of_a_dropout_that_changes_the_width,
        *(of_an_unknown_kind_of_layer, of_an_unknown_activation, of_an_unknown_loss),
        *(of_more_features, shorter, of_another_dtype),
        *(of_a_short_memory, of_short_best_weights, of_rows_out_of_bounds),
    ],
)
def test_damaged_files_are_refused(damage):
    """The kernels check no bounds, so what they are given must fit."""
    packed = fitted(GDNeuralRegressor).__getstate__()
    damage(packed, packed["_state"]["theta"])
    packed["_skgd_checksum"] = _checksum(packed)
    with pytest.raises(ValueError, match="is damaged"):
        GDNeuralRegressor().__setstate__(packed)


# skops --------------------------------------------------------------------------------


@pytest.fixture
def skops_io():
    return pytest.importorskip("skops.io")


@each_estimator
@pytest.mark.parametrize("solver", ["batch", "sgd", "minibatch"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_skops_asks_to_trust_the_estimator_only(
    skops_io, Estimator, solver, early_stopping
):
    model = make_pipeline(
        StandardScaler(),
        Estimator(
            *((8, 5), ["tanh", "mish"]),
            solver=solver,
            early_stopping=early_stopping,
            learning_rate="cosine",
            dropout=0.1,
            max_iter=5,
            random_state=0,
        ),
    ).fit(X, Y[Estimator])
    text = skops_io.dumps(model)
    untrusted = skops_io.get_untrusted_types(data=text)
    assert untrusted == [f"skgd.{Estimator.__name__}"]

    loaded = skops_io.loads(text, trusted=untrusted)
    assert_array_equal(outputs(loaded), outputs(model), strict=True)
    if early_stopping:
        return  # partial_fit would need validation data
    for pipeline in (model, loaded):
        scaled = pipeline[0].transform(X)
        pipeline[-1].partial_fit(scaled, Y[Estimator])
    assert_array_equal(outputs(loaded), outputs(model), strict=True)
    assert loaded[-1].loss_curve_ == model[-1].loss_curve_


@pytest.mark.parametrize("make", [regressor, classifier])
def test_skops_asks_to_trust_public_classes_of_tables(skops_io, make):
    """And the dtype that scikit-learn's imputer remembers."""
    model = make().fit(X, np.round(np.sin(X[:, 0])))
    untrusted = skops_io.get_untrusted_types(data=skops_io.dumps(model))
    classes = [type(model), type(model.members_[0].network)]
    names = {f"skgd.{each.__name__}" for each in classes}
    assert set(untrusted) - {"numpy.dtype"} == names


def test_skops_names_functions_of_ones_own(skops_io):
    text = skops_io.dumps(fitted(GDNeuralRegressor, learning_rate=np.ones_like))
    untrusted = skops_io.get_untrusted_types(data=text)
    assert set(untrusted) - {"skgd.GDNeuralRegressor"}


@each_estimator
def test_skops_loads_unfitted_estimators(skops_io, Estimator):
    estimator = Estimator((7,), alpha=0.5, n_iter_no_change=np.inf)
    text = skops_io.dumps(estimator)
    loaded = skops_io.loads(text, trusted=skops_io.get_untrusted_types(data=text))
    assert loaded.get_params() == estimator.get_params()
