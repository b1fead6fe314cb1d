"""Data frames in, of pandas and of polars: names are kept, numbers are the same."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.compose import make_column_transformer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skgd import GDNeuralClassifier, GDNeuralRegressor

pl = pytest.importorskip("polars")

RNG = np.random.default_rng(0)
NAMES = ["age", "height", "weight"]
X = RNG.standard_normal((60, 3))
Y = {
    GDNeuralRegressor: np.sin(X[:, 0]),
    GDNeuralClassifier: np.array(["blue", "green", "red"])[X.argmax(axis=1)],
}
FRAMES = {
    "pandas": (lambda X: pd.DataFrame(X, columns=NAMES), pd.Series),
    "polars": (lambda X: pl.DataFrame(X, schema=NAMES), pl.Series),
}

each_estimator = pytest.mark.parametrize("Estimator", list(Y))
each_library = pytest.mark.parametrize("library", list(FRAMES))
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def small(Estimator, **params):
    return Estimator(
        **{"hidden_layer_sizes": (5,), "max_iter": 5, "random_state": 0} | params
    )


def outputs(estimator, X):
    if hasattr(estimator, "predict_proba"):
        return estimator.predict_proba(X)
    return estimator.predict(X)


@each_estimator
@each_library
def test_frames_train_as_arrays_do_and_keep_their_names(Estimator, library):
    frame, series = FRAMES[library]
    y = Y[Estimator]
    plain = small(Estimator).fit(X, y)
    framed = small(Estimator).fit(frame(X), series(y))
    assert_array_equal(framed.feature_names_in_, NAMES)
    assert_array_equal(outputs(framed, frame(X)), outputs(plain, X), strict=True)

    for estimator, data, labels in [(plain, X, y), (framed, frame(X), series(y))]:
        estimator.partial_fit(data, labels)
    assert_array_equal(outputs(framed, frame(X)), outputs(plain, X), strict=True)


@each_estimator
@each_library
def test_columns_in_another_order_are_refused(Estimator, library):
    frame, series = FRAMES[library]
    estimator = small(Estimator).fit(frame(X), series(Y[Estimator]))
    with pytest.raises(ValueError, match="same order"):
        estimator.predict(frame(X)[NAMES[::-1]])
    with pytest.raises(ValueError, match="same order"):
        estimator.partial_fit(frame(X)[NAMES[::-1]], series(Y[Estimator]))


@each_estimator
@each_library
def test_columns_without_their_names_are_warned_of(Estimator, library):
    frame, series = FRAMES[library]
    estimator = small(Estimator).fit(frame(X), series(Y[Estimator]))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        estimator.predict(X)


@each_estimator
@each_library
def test_validation_data_may_be_frames(Estimator, library):
    """Also for a scorer, which is handed them as they are."""
    frame, series = FRAMES[library]
    seen = []

    def scorer(estimator, X, y):
        seen.append((type(X), list(X.columns), len(y)))
        return estimator.score(X, y)

    y = Y[Estimator]
    estimator = small(Estimator, early_stopping=True, scoring=scorer)
    estimator.fit(
        frame(X[:40]), series(y[:40]), X_val=frame(X[40:]), y_val=series(y[40:])
    )
    assert seen == [(type(frame(X)), NAMES, 20)] * 5
    seen.clear()
    estimator.fit(frame(X), series(y))  # a split of its own
    assert seen == [(type(frame(X)), NAMES, 6)] * 5


@each_estimator
@each_library
def test_pipelines_with_set_output_hand_frames_on(Estimator, library):
    frame, series = FRAMES[library]
    scale = make_column_transformer(
        (StandardScaler(), ["age", "weight"]), (MinMaxScaler(), ["height"])
    )
    model = make_pipeline(scale, small(Estimator)).set_output(transform=library)
    model.fit(frame(X), series(Y[Estimator]))
    names = ["standardscaler__age", "standardscaler__weight", "minmaxscaler__height"]
    assert_array_equal(model[-1].feature_names_in_, names)

    scaled = np.asarray(model[:-1].transform(frame(X)))
    plain = small(Estimator).fit(scaled, Y[Estimator])
    assert_array_equal(outputs(model, frame(X)), outputs(plain, scaled))


@each_estimator
@each_library
def test_searches_over_frames(Estimator, library):
    frame, series = FRAMES[library]
    rates = {"learning_rate_init": [0.001, 0.03]}
    framed, plain = (GridSearchCV(small(Estimator), rates, cv=3) for _ in "12")
    framed.fit(frame(X), series(Y[Estimator]))
    plain.fit(X, Y[Estimator])
    assert framed.best_params_ == plain.best_params_
    assert_array_equal(
        framed.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"]
    )
