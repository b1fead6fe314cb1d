"""Everything public is documented in numpydoc's form, both estimators alike."""

import inspect

import pytest
from numpydoc.docscrape import ClassDoc
from numpydoc.validate import validate

import skgd
from skgd import (
    GDNeuralClassifier,
    GDNeuralRegressor,
    GradientDescentPathDisplay,
    LossCurveDisplay,
)
from skgd.dask import DaskGDNeuralClassifier, DaskGDNeuralRegressor

CLASSES = [GDNeuralRegressor, GDNeuralClassifier]
DISPLAYS = [LossCurveDisplay, GradientDescentPathDisplay]
ON_DASK = [DaskGDNeuralRegressor, DaskGDNeuralClassifier]

INHERITED = ["from_layers", "from_sklearn", "to_sklearn", "hidden_activations"]
INHERITED_ON_DASK = ["fit", "score", "to_local"]

# What does not apply: extended summaries (ES01), examples and See Also sections of each
# method (EX01, SA01), the placing of quotes and blank lines (GL01-GL03), and a ban on
# names of single return values (RT02), which scikit-learn's docstrings have.
IGNORED = {"ES01", "EX01", "SA01", "GL01", "GL02", "GL03", "RT02"}


def public_names():
    yield from (f"skgd.{CLASSES[0].__name__}.{name}" for name in INHERITED)
    yield from (f"skgd.dask.{ON_DASK[0].__name__}.{name}" for name in INHERITED_ON_DASK)
    for cls in CLASSES + DISPLAYS + ON_DASK:
        name = f"skgd.dask.{cls.__name__}" if cls in ON_DASK else f"skgd.{cls.__name__}"
        yield name
        for attribute in vars(cls):
            if not attribute.startswith(("_", "set_")) and inspect.isroutine(
                getattr(cls, attribute, None)
            ):
                yield f"{name}.{attribute}"
    yield from ("skgd.from_sklearn", "skgd.to_sklearn")
    for name in ("Checkpoint", "load_checkpoint", "save_checkpoint"):
        yield f"skgd.callbacks.{name}"


@pytest.mark.parametrize("name", list(public_names()))
def test_docstring_is_valid_numpydoc(name):
    errors = [error for error in validate(name)["errors"] if error[0] not in IGNORED]
    assert not errors


@pytest.mark.parametrize("cls", CLASSES + ON_DASK)
def test_every_parameter_is_documented_with_its_default(cls):
    documented = {p.name: p.type for p in ClassDoc(cls)["Parameters"]}
    parameters = inspect.signature(cls).parameters
    assert list(documented) == list(parameters)
    for name, parameter in parameters.items():
        default = documented[name].split("default=")[1]
        assert eval(default) == parameter.default, name


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_every_fitted_attribute_is_documented(cls):
    estimator = cls(max_iter=2).fit([[0.0], [1.0], [2.0]], [0, 1, 0])
    fitted = {name for name in dir(estimator) if name[-1] == "_" and name[0] != "_"}
    documented = {p.name for p in ClassDoc(cls)["Attributes"]}
    assert documented - {"feature_names_in_"} == fitted


def test_shared_parameters_are_documented_in_the_same_words():
    regressor, classifier = (
        {p.name: p for p in ClassDoc(cls)["Parameters"]} for cls in CLASSES
    )
    for name in regressor.keys() & classifier.keys() - {"early_stopping"}:
        assert regressor[name] == classifier[name], name


def test_public_names():
    assert set(skgd.__all__) == {
        "Activation",
        "GDNeuralClassifier",
        "GDNeuralRegressor",
        "GradientDescentPathDisplay",
        "Loss",
        "LossCurveDisplay",
        "__version__",
        "from_sklearn",
        "to_sklearn",
    }
