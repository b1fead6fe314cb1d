"""What tests read and set inside of fitted estimators, in one place.

The parameters are public, as `coefs_` and `intercepts_`. The optimizer's memory and its
steps, the rows that are held out and the best weights are not, but a fit goes on from
them: where it is to be the same to the bit, they have to be the same, too.
"""

import numpy as np
from numpy.testing import assert_array_equal


def theta_of(estimator):
    """All parameters, layer by layer the coefs, row by row, then the intercepts."""
    layers = zip(estimator.coefs_, estimator.intercepts_, strict=True)
    return np.concatenate([a.ravel() for layer in layers for a in layer])


def set_theta(estimator, theta):
    """Write all parameters, in the order of `theta_of`."""
    start = 0
    for layer in zip(estimator.coefs_, estimator.intercepts_, strict=True):
        for array in layer:
            array[...] = theta[start : start + array.size].reshape(array.shape)
            start += array.size
    assert start == theta.size


def memory_of(estimator):
    """What the optimizer remembers, a row for each of its vectors."""
    return estimator._state.memory


def n_steps_of(estimator):
    """Steps since the optimizer remembers nothing."""
    return estimator._state.n_steps


def best_theta_of(estimator):
    """The parameters of the best validation score, or None."""
    return estimator._state.best_theta


def held_out_of(estimator):
    """Rows of the data that the last fit has held out, or None."""
    return estimator._state.held_out


def generator_of(estimator):
    """The generator that further training draws from."""
    return estimator._state.random_state


def is_cut_off(estimator):
    """Whether the next call of `fit` completes a fit that was cut off."""
    return estimator._state.resumes


def n_epochs_so_far(estimator):
    """Epochs of all calls, also while another thread trains it: 0 before the first."""
    state = vars(estimator).get("_state")
    return 0 if state is None else len(state.loss_curve)


def count_as_trained(estimator, **counts):
    """Set how many steps there were (`n_steps`), or samples (`samples_seen`)."""
    for name, count in counts.items():
        assert name in ("n_steps", "samples_seen")
        setattr(estimator._state, name, count)


def assert_same_training(a, b):
    """Assert that parameters, memory and best weights are the same to the bit."""
    assert_array_equal(theta_of(a), theta_of(b), strict=True)
    assert_array_equal(memory_of(a), memory_of(b), strict=True)
    assert n_steps_of(a) == n_steps_of(b)
    first, second = best_theta_of(a), best_theta_of(b)
    assert (first is None) == (second is None)
    if first is not None:
        assert_array_equal(first, second, strict=True)
