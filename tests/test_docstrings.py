"""Everything public is documented in numpydoc's form, both estimators alike."""

import doctest
import inspect
import subprocess
import sys

import pytest
from numpydoc.docscrape import ClassDoc
from numpydoc.validate import validate

import skgd.callbacks
from skgd import (
    GDNeuralClassifier,
    GDNeuralRegressor,
    GradientDescentPathDisplay,
    LossCurveDisplay,
    TabularClassifier,
    TabularRegressor,
)
from skgd.dask import DaskGDNeuralClassifier, DaskGDNeuralRegressor

CLASSES = [GDNeuralRegressor, GDNeuralClassifier]
DISPLAYS = [LossCurveDisplay, GradientDescentPathDisplay]
OF_TABLES = [TabularRegressor, TabularClassifier]
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
    for cls in CLASSES + DISPLAYS + OF_TABLES + ON_DASK:
        name = f"skgd.dask.{cls.__name__}" if cls in ON_DASK else f"skgd.{cls.__name__}"
        yield name
        for attribute in vars(cls):
            if not attribute.startswith(("_", "set_")) and inspect.isroutine(
                getattr(cls, attribute, None)
            ):
                yield f"{name}.{attribute}"
    yield from ("skgd.from_sklearn", "skgd.to_sklearn")
    for name in skgd.callbacks.__all__:
        yield f"skgd.callbacks.{name}"


@pytest.mark.parametrize("name", list(public_names()))
def test_docstring_is_valid_numpydoc(name):
    errors = [error for error in validate(name)["errors"] if error[0] not in IGNORED]
    assert not errors


@pytest.mark.parametrize("cls", CLASSES + OF_TABLES + ON_DASK)
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


@pytest.mark.parametrize("cls", OF_TABLES)
def test_examples_of_tables(cls):
    """pytest finds them only if somebody has asked `skgd` for the classes before."""
    (examples,) = doctest.DocTestFinder(recurse=False).find(cls, cls.__name__)
    assert len(examples.examples) > 5
    assert doctest.DocTestRunner().run(examples).failed == 0


@pytest.mark.parametrize("cls", OF_TABLES)
def test_every_fitted_attribute_of_tables_is_documented(cls):
    numbers = [[i / 30] for i in range(-30, 30)]
    model = cls(n_members=2).fit(numbers, [int(i > 0) for [i] in numbers])
    fitted = {name for name in vars(model) if name[-1] == "_" and name[0] != "_"}
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
        "TabularClassifier",
        "TabularRegressor",
        "__version__",
        "from_sklearn",
        "to_sklearn",
    }
    assert set(skgd.__all__) <= set(dir(skgd))


def test_estimators_of_tables_are_imported_when_asked_for():
    """They need scikit-learn's imputers, which bring half of scikit-learn along."""
    code = """
import sys
import skgd
assert not {"skgd.tabular", "sklearn.impute"} & set(sys.modules)
assert skgd.TabularRegressor is skgd.tabular.TabularRegressor
assert skgd.TabularRegressor.__module__ == skgd.TabularClassifier.__module__ == "skgd"
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="no attribute 'TabularForest'"):
        skgd.TabularForest  # noqa: B018
