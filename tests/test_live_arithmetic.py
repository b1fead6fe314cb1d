"""The live pictures of the documentation do what the library does, to rounding.

Chromium runs the scripts of docs/_static/live/core. It hands over the samples, the
first weights, the order of the samples in each epoch, and the weights after each; here
the library goes through the same epochs.
"""

from itertools import pairwise

import numpy as np
import pytest

from skgd import GDNeuralClassifier, GDNeuralRegressor, Loss
from tests.browser import SCRIPTS

N_EPOCHS = 6
SOLVERS = ["batch", "minibatch", "sgd"]
RATES = {"adadelta": 1.0, "gd": 0.1, "momentum": 0.02, "nesterov": 0.02}

# Runs a descent, and returns all that it has read and made.
RUN = """
const live = window.liveDescent, [problem, settings, nEpochs] = arguments;
const isSurface = problem.surface !== undefined;
const data = isSurface
  ? live.samplesOfSurface(problem.surface) : live.pointsOf(problem.points, 50, 3);
const network = isSurface
  ? new live.Network([1, 1], "tanh", live.SURFACES[problem.surface].loss)
  : new live.Network([2, ...problem.hidden, 1], problem.activation, "binary_log_loss");
const theta = isSurface
  ? live.SURFACES[problem.surface].start : network.draw(live.makeRandom(5));
const orders = [], draw = live.makeOrders(1);
const descent = new live.Descent(network, theta, data, settings, (n) => {
  orders.push(draw(n));
  return orders.at(-1);
});
const thetas = [Array.from(theta)];
for (let epoch = 0; epoch < nEpochs; epoch++) {
  descent.epoch();
  thetas.push(Array.from(descent.theta));
}
return {...data, orders, thetas, losses: descent.lossCurve};
"""


@pytest.fixture(scope="module")
def chromium(chromium):
    """Return Chromium, which has read the scripts."""
    for script in sorted(SCRIPTS.glob("core/*.js")):
        chromium.execute_script(script.read_text(encoding="utf-8"))
    return chromium


def layers(theta, widths):
    """Take coefs and intercepts out of the scripts' vector of parameters."""
    coefs, intercepts, start = [], [], 0
    for fan_in, fan_out in pairwise(widths):
        stop = start + fan_in * fan_out
        coefs.append(np.reshape(theta[start:stop], (fan_in, fan_out)))
        intercepts.append(np.array(theta[stop : stop + fan_out]))
        start = stop + fan_out
    return coefs, intercepts


def parameters(settings):
    """Return the library's parameters for the settings of the scripts."""
    names = {
        "batchSize": "batch_size",
        "learningRate": "learning_rate_init",
        "schedule": "learning_rate",
        "maxEpochs": "max_iter",
    }
    return {names.get(name, name): value for name, value in settings.items()}


def compare(chromium, problem, settings, make, widths):
    """Run a descent in both, and compare weights after each epoch, and the losses."""
    run = chromium.execute_script(RUN, problem, settings, N_EPOCHS)
    X, y = np.array(run["X"], dtype=float), np.array(run["y"])
    params = parameters(settings) | {"alpha": 0, "shuffle": False}
    net = make(*layers(run["thetas"][0], widths), **params)
    natural = np.arange(len(X))
    orders = run["orders"] or [natural] * N_EPOCHS
    for epoch, order in enumerate(orders):
        if epoch < N_EPOCHS:
            assert (np.sort(order) == natural).all()
        net.partial_fit(X[order], y[order])
        coefs, intercepts = layers(run["thetas"][epoch + 1], widths)
        for ours, theirs in zip(
            net.coefs_ + net.intercepts_, coefs + intercepts, strict=True
        ):
            np.testing.assert_allclose(theirs, ours, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(run["losses"], net.loss_curve_, rtol=1e-12)
    assert net.loss_curve_[-1] < net.loss_curve_[0]


def of_points(chromium, settings, activation="tanh", hidden=(5,)):
    """Compare descents of a network on points of two classes."""
    problem = {"points": "moons", "hidden": hidden, "activation": activation}
    settings = {"batchSize": 8, "optimizer": "gd", "learningRate": 0.05} | settings

    def make(coefs, intercepts, **params):
        return GDNeuralClassifier.from_layers(
            coefs, intercepts, activation=activation, **params
        )

    compare(chromium, problem, settings, make, [2, *hidden, 1])


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    "optimizer",
    [
        *("gd", "momentum", "nesterov", "adagrad", "adadelta", "rmsprop"),
        *("adam", "amsgrad", "nadam"),
    ],
)
def test_each_optimizer_and_solver_takes_the_library_s_steps(
    chromium, solver, optimizer
):
    rate = RATES.get(optimizer, 0.01)
    settings = {"solver": solver, "optimizer": optimizer, "learningRate": rate}
    of_points(chromium, settings)


@pytest.mark.parametrize(
    "activation", ["tanh", "relu", "logistic", "leaky_relu", "elu", "silu"]
)
def test_each_activation_takes_the_library_s_steps(chromium, activation):
    of_points(chromium, {"solver": "minibatch"}, activation, hidden=(6, 4))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    "schedule", ["constant", "invscaling", "exponential", "cosine", "one_cycle"]
)
def test_each_schedule_has_the_library_s_rates(chromium, solver, schedule):
    of_points(chromium, {"solver": solver, "schedule": schedule, "maxEpochs": N_EPOCHS})


def test_the_momentum_is_that_of_the_settings(chromium):
    settings = {"optimizer": "momentum", "momentum": 0.5, "learningRate": 0.02}
    of_points(chromium, {"solver": "minibatch", **settings})


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("surface", ["bowl", "valley", "turned", "hollows"])
def test_each_surface_is_that_of_the_library_s_straight_line(chromium, solver, surface):
    def value(y, z):
        return 1 - np.exp(-0.5 * (z - y) ** 2)

    def gradient(y, z):
        return (z - y) * np.exp(-0.5 * (z - y) ** 2)

    loss = "squared_error"
    if surface == "hollows":
        loss = Loss("welsch", value=value, gradient=gradient)

    def make(coefs, intercepts, **params):
        return GDNeuralRegressor.from_layers(coefs, intercepts, loss=loss, **params)

    settings = {"solver": solver, "batchSize": 8, "optimizer": "gd"}
    compare(
        chromium,
        {"surface": surface},
        settings | {"learningRate": 0.02},
        make,
        [1, 1],
    )


def test_what_is_offered_is_what_is_compared_here(chromium):
    offered = chromium.execute_script(
        "const live = window.liveDescent; return [live.SOLVERS,"
        "Object.keys(live.OPTIMIZERS), Object.keys(live.ACTIVATIONS), live.SCHEDULES,"
        "Object.keys(live.SURFACES)]"
    )
    tested = {}
    for test in globals().values():
        for mark in getattr(test, "pytestmark", []):
            tested[mark.args[0]] = set(mark.args[1])
    names = ["solver", "optimizer", "activation", "schedule", "surface"]
    assert [set(values) for values in offered] == [tested[name] for name in names]
