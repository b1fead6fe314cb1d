"""Slow NumPy reference of the kernels, written from the formulas.

Samples are in rows, a layer is a function of arrays, and one step follows another;
nothing is shared with the kernels but the names and the shapes. A new kind of layer,
activation, loss or optimizer needs its formula here, and is then tested by being here.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import erfcx


def logistic(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def normal_cdf(z):
    # erfcx has no tail in which digits could be lost.
    scaled = erfcx((abs(z) / np.sqrt(2)).astype(float))
    tail = scaled / 2 * np.exp(-(z**2) / 2)
    return np.where(z > 0, 1 - tail, tail).astype(z.dtype)


def normal_density(z):
    return np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)


def elu(z, scale=1, alpha=1):
    return scale * np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))


def elu_derivative(z, scale=1, alpha=1):
    return scale * np.where(z > 0, 1, alpha * np.exp(np.minimum(z, 0)))


# Klambauer et al. (2017), section 2.
SELU = {"scale": 1.0507009873554805, "alpha": 1.6732632423543772}


def silu_derivative(z):
    return logistic(z) + z * logistic(z) * logistic(-z)


def softplus(z):
    return np.logaddexp(0, z)


def mish_derivative(z):
    t = np.tanh(softplus(z))
    return t + z * (1 - t**2) * logistic(z)


# Each activation with its derivative, both of the pre-activation.
ACTIVATIONS = {
    "identity": (lambda z: z, np.ones_like),
    "logistic": (logistic, lambda z: logistic(z) * (1 - logistic(z))),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(z.dtype)),
    "leaky_relu": (
        lambda z: np.where(z > 0, z, z / 100),
        lambda z: np.where(z > 0, 1, 0.01).astype(z.dtype),
    ),
    "elu": (elu, elu_derivative),
    "selu": (lambda z: elu(z, **SELU), lambda z: elu_derivative(z, **SELU)),
    "gelu": (
        lambda z: z * normal_cdf(z),
        lambda z: normal_cdf(z) + z * normal_density(z),
    ),
    "silu": (lambda z: z * logistic(z), silu_derivative),
    "softplus": (softplus, logistic),
    "mish": (lambda z: z * np.tanh(softplus(z)), mish_derivative),
}


def poisson(y, z):
    y_log_y = np.where(y > 0, y * np.log(np.where(y > 0, y, 1)), 0)
    return y_log_y - y * z - y + np.exp(z)


def huber(y, z, delta):
    error = np.abs(z - y)
    return np.where(error <= delta, error**2 / 2, delta * (error - delta / 2))


def pinball(y, z, quantile):
    return np.where(y > z, quantile * (y - z), (1 - quantile) * (z - y))


def gamma(y, z):
    return np.log(np.exp(z) / y) + y / np.exp(z) - 1


# Loss of each sample, shape (n,), from targets and raw outputs of shape (n, n_outputs),
# and from the loss's parameter p where it has one.
LOSSES = {
    "squared_error": lambda y, z, p: (0.5 * (z - y) ** 2).sum(axis=1),
    "poisson": lambda y, z, p: poisson(y, z).sum(axis=1),
    "binary_log_loss": lambda y, z, p: (np.logaddexp(0, z) - y * z).sum(axis=1),
    "log_loss": lambda y, z, p: -(y * np.log(softmax(z))).sum(axis=1),
    "absolute_error": lambda y, z, p: np.abs(z - y).sum(axis=1),
    "huber": lambda y, z, p: huber(y, z, p).sum(axis=1),
    "quantile": lambda y, z, p: pinball(y, z, p).sum(axis=1),
    "gamma": lambda y, z, p: gamma(y, z).sum(axis=1),
}

# What the tests give to the losses: a number to those that have a parameter.
LOSS_PARAMETERS = dict.fromkeys(LOSSES, 0.0) | {"huber": 0.7, "quantile": 0.3}

# Gradient of the loss at the raw outputs.
DELTAS = {
    "squared_error": lambda y, z, p: z - y,
    "poisson": lambda y, z, p: np.exp(z) - y,
    "binary_log_loss": lambda y, z, p: logistic(z) - y,
    "log_loss": lambda y, z, p: softmax(z) - y,
    "absolute_error": lambda y, z, p: np.sign(z - y),
    "huber": lambda y, z, p: np.clip(z - y, -p, p),
    "quantile": lambda y, z, p: np.where(z > y, 1 - p, np.where(z < y, -p, 0)),
    "gamma": lambda y, z, p: 1 - y / np.exp(z),
}

# Losses whose link is the canonical one: the gradient is prediction minus target.
CANONICAL = {"squared_error", "poisson", "binary_log_loss", "log_loss"}


def draw_targets(loss, n, n_outputs, rng):
    """Targets that the loss is defined for."""
    if loss == "poisson":
        return rng.poisson(2, (n, n_outputs)).astype(float)
    if loss == "gamma":
        return rng.gamma(2, size=(n, n_outputs))
    if loss == "binary_log_loss":
        return rng.integers(0, 2, (n, n_outputs)).astype(float)
    if loss == "log_loss":
        return np.eye(n_outputs)[rng.integers(0, n_outputs, n)]
    return rng.standard_normal((n, n_outputs))


# An optimizer makes the next parameters from the gradient g. Of the settings it reads
# those of its own; what it remembers between steps it keeps in the memory.


def gd(theta, g, memory, step, rate, settings):
    return theta - rate * g


def momentum(theta, g, memory, step, rate, settings):
    memory["v"] = settings.momentum * memory.get("v", 0) - rate * g
    return theta + memory["v"]


def nesterov(theta, g, memory, step, rate, settings):
    memory["v"] = settings.momentum * memory.get("v", 0) - rate * g
    return theta + settings.momentum * memory["v"] - rate * g


def adam(theta, g, memory, step, rate, settings):
    m, v = moments(g, memory, settings)
    # The paper's "efficient" form: epsilon is added to the uncorrected root.
    rate = rate * np.sqrt(1 - settings.beta_2**step) / (1 - settings.beta_1**step)
    return theta - rate * m / (np.sqrt(v) + settings.epsilon)


def moments(g, memory, settings):
    memory["m"] = settings.beta_1 * memory.get("m", 0) + (1 - settings.beta_1) * g
    memory["v"] = settings.beta_2 * memory.get("v", 0) + (1 - settings.beta_2) * g**2
    return memory["m"], memory["v"]


# The others as in the documentation of PyTorch's torch.optim, symbol by symbol.


def adagrad(theta, g, memory, step, rate, settings):
    memory["sum"] = memory.get("sum", 0) + g**2
    return theta - rate * g / (np.sqrt(memory["sum"]) + settings.epsilon)


def adadelta(theta, g, memory, step, rate, settings):
    rho, epsilon = settings.beta_2, settings.epsilon
    memory["v"] = rho * memory.get("v", 0) + (1 - rho) * g**2
    u = memory.get("u", 0)
    move = np.sqrt(u + epsilon) / np.sqrt(memory["v"] + epsilon) * g
    memory["u"] = rho * u + (1 - rho) * move**2
    return theta - rate * move


def rmsprop(theta, g, memory, step, rate, settings):
    memory["v"] = settings.beta_2 * memory.get("v", 0) + (1 - settings.beta_2) * g**2
    return theta - rate * g / (np.sqrt(memory["v"]) + settings.epsilon)


def amsgrad(theta, g, memory, step, rate, settings):
    m, v = moments(g, memory, settings)
    memory["max"] = np.maximum(memory.get("max", 0), v)
    m_hat = m / (1 - settings.beta_1**step)
    v_hat = memory["max"] / (1 - settings.beta_2**step)
    return theta - rate * m_hat / (np.sqrt(v_hat) + settings.epsilon)


def nadam(theta, g, memory, step, rate, settings):
    m, v = moments(g, memory, settings)
    mu = [settings.beta_1 * (1 - 0.96 ** (t * 0.004) / 2) for t in range(1, step + 2)]
    m_hat = mu[-1] * m / (1 - np.prod(mu))
    m_hat = m_hat + (1 - mu[-2]) * g / (1 - np.prod(mu[:-1]))
    v_hat = v / (1 - settings.beta_2**step)
    return theta - rate * m_hat / (np.sqrt(v_hat) + settings.epsilon)


OPTIMIZERS = {
    "gd": gd,
    "momentum": momentum,
    "nesterov": nesterov,
    "adam": adam,
    "adagrad": adagrad,
    "adadelta": adadelta,
    "rmsprop": rmsprop,
    "amsgrad": amsgrad,
    "nadam": nadam,
}


def take_step(theta, g, memory, step, rate, settings, decays=1.0, speeds=1.0):
    """One step, with weight decay that is decoupled from the gradient.

    `decays` and `speeds` are what a parameter's decay and learning rate are multiplied
    by. Without speed it is not touched.
    """
    rate = rate * speeds
    moved = OPTIMIZERS[settings.optimizer](theta, g, memory, step, rate, settings)
    moved = moved - rate * settings.weight_decay * np.where(decays, decays * theta, 0)
    return np.where(speeds, moved, theta)


# Layers -------------------------------------------------------------------------------


class Draws(NamedTuple):
    """What the layers are told in training: seed and step, and the samples' weights."""

    key: tuple = (0, 0)
    step: int = 0
    weight: np.ndarray = None


class Layer(NamedTuple):
    """A kind of layer.

    ``forward(layer, arrays, x, draws)`` makes the outputs of the inputs x, given the
    layer's own arrays; without `draws`, those of a prediction. ``backward(layer,
    arrays, x, dy, draws)`` makes of the gradient at the outputs that at the inputs, and
    a list of those at the arrays. With each of the `examples`, the tests make a layer:
    they are its fields besides the numbers of inputs and outputs, which are the same.
    """

    forward: object
    backward: object
    examples: list


def dense(layer, arrays, x, draws):
    coefs, intercepts = arrays
    return x @ coefs + intercepts


def dense_backward(layer, arrays, x, dy, draws):
    coefs, _ = arrays
    return dy @ coefs.T, [x.T @ dy, dy.sum(axis=0)]


def activation(layer, arrays, x, draws):
    value, _ = ACTIVATIONS[layer.activation]
    return value(x)


def activation_backward(layer, arrays, x, dy, draws):
    _, derivative = ACTIVATIONS[layer.activation]
    return dy * derivative(x), []


def philox(counter, key):
    """Philox-4x32-10 of Salmon et al. (2011): counters (..., 4), a key of 2 words."""
    low = 2**32 - 1
    # Python's integers, which do not overflow.
    c = list(np.moveaxis(np.atleast_2d(counter).astype(object), -1, 0))
    k = [int(word) for word in key]
    for _ in range(10):
        p, q = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(q >> 32) ^ c[1] ^ k[0], q & low, (p >> 32) ^ c[3] ^ k[1], p & low]
        k = [(k[0] + 0x9E3779B9) & low, (k[1] + 0xBB67AE85) & low]
    return np.stack(c, axis=-1)


def dropout_factors(layer, draws, n):
    """What the inputs of a dropout layer are multiplied by, of shape (n, n_units).

    The counter of a number is made of the unit, the sample's place in the batch, the
    hidden layer and the step. Each gives four numbers, to units that are a quarter
    apart.
    """
    n_units = layer.fan_out
    quarter = -(-n_units // 4)
    place, group = np.mgrid[:n, :quarter].astype(object)
    same = np.full_like(place, 1)
    counter = [group, place, layer.hidden * same, draws.step * same]
    numbers = philox(np.stack(counter, axis=-1), draws.key)
    numbers = numbers.transpose(0, 2, 1).reshape(n, -1)[:, :n_units]
    return ((numbers >= layer.rate * 2**32) / (1 - layer.rate)).astype(float)


def dropout(layer, arrays, x, draws):
    return x if draws is None else x * dropout_factors(layer, draws, len(x))


def dropout_backward(layer, arrays, x, dy, draws):
    return dy * dropout_factors(layer, draws, len(x)), []


def batch_statistics(x, weight):
    share = weight[:, None] / weight.sum()
    mean = (share * x).sum(axis=0)
    return share, mean, (share * (x - mean) ** 2).sum(axis=0)


def batch_norm(layer, arrays, x, draws):
    scale, shift, running_mean, running_variance = arrays
    if draws is None:
        mean, variance = running_mean, running_variance
    else:
        weight = draws.weight
        _, mean, variance = batch_statistics(x, weight)
        rest = 1 - (weight**2).sum() / weight.sum() ** 2
        if rest > 0:  # there is more than one sample; PyTorch raises an error
            running_mean += 0.1 * (mean - running_mean)
            running_variance += 0.1 * (variance / rest - running_variance)
    return scale * (x - mean) / np.sqrt(variance + 1e-5) + shift


def batch_norm_backward(layer, arrays, x, dy, draws):
    scale = arrays[0]
    share, mean, variance = batch_statistics(x, draws.weight)
    root = np.sqrt(variance + 1e-5)
    normal = (x - mean) / root
    dn = dy * scale
    both = dn.sum(axis=0) + normal * (dn * normal).sum(axis=0)
    zeros = np.zeros_like(scale)
    own = [(dy * normal).sum(axis=0), dy.sum(axis=0), zeros, zeros]
    return (dn - share * both) / root, own


LAYERS = {
    "batch_norm": Layer(batch_norm, batch_norm_backward, [{}]),
    "dense": Layer(dense, dense_backward, [{}]),
    "activation": Layer(
        activation,
        activation_backward,
        # The slope follows from the value, or is kept.
        [{"activation": "tanh"}, {"activation": "gelu"}],
    ),
    "dropout": Layer(dropout, dropout_backward, [{"rate": 0.4, "hidden": 1}]),
}


# Networks -----------------------------------------------------------------------------


def arrays_of(network, theta):
    """Take the parameters apart: a list of arrays for each layer."""
    result, start = [], 0
    for layer in network.layers:
        result.append([])
        for segment in layer.segments():
            stop = start + np.prod(segment.shape)
            result[-1].append(theta[start:stop].reshape(segment.shape))
            start = stop
    assert start == theta.size
    return result


def factors_of(network):
    """Penalty, decay and learning rate of each parameter, relative to the settings."""
    segments = [each for layer in network.layers for each in layer.segments()]
    sizes = [np.prod(each.shape) for each in segments]
    factors = [(each.penalty, each.decay, each.rate) for each in segments]
    penalty, decay, rate = np.repeat(factors, sizes, axis=0).T
    # What the optimizer does not touch is no part of the objective.
    return np.where(rate, penalty, 0), decay, rate


def values_of(network, theta, X, draws=None):
    """Inputs of each layer, then the raw outputs: of a prediction without `draws`."""
    values = [X]
    for layer, arrays in zip(network.layers, arrays_of(network, theta), strict=True):
        forward = LAYERS[layer.kind].forward
        values.append(forward(layer, arrays, values[-1], draws))
    return values


def loss_and_gradient(network, theta, X, Y, weight, alpha, draws=None):
    """Objective of one batch, penalty included, and its gradient by backpropagation.

    What is a layer's own in theta, such as running means, is updated in place.
    """
    draws = (Draws() if draws is None else draws)._replace(weight=weight)
    *values, raw = values_of(network, theta, X, draws)
    penalties = alpha * factors_of(network)[0]
    penalty = 0.5 * (penalties * theta**2).sum()
    outputs = Y, raw, network.loss_parameter
    loss = weight @ LOSSES[network.loss](*outputs) + penalty

    dy = DELTAS[network.loss](*outputs) * weight[:, None]
    gradients, arrays = [], arrays_of(network, theta)
    steps = list(zip(network.layers, arrays, values, strict=True))
    for layer, own, x in reversed(steps):
        dy, of_arrays = LAYERS[layer.kind].backward(layer, own, x, dy, draws)
        gradients = [*(each.ravel() for each in of_arrays), *gradients]
    gradient = np.concatenate(gradients) + penalties * theta
    return loss / weight.sum(), gradient / weight.sum()


def train_epoch(
    network, theta, settings, memory, n_steps, X, Y, weight, order, key=(0, 0)
):
    """One epoch; returns parameters, mean loss and steps taken.

    The k-th batch, from 1, has the learning rate ``learning_rate_init / k`` of the
    settings, which are an estimator's parameters. `key` is the epoch's seed of dropout.
    The weight of a batch of one sample scales its loss's gradient.
    """
    losses, counts, size, alpha = [], [], settings.batch_size, settings.alpha
    theta = theta.copy()
    longest = np.inf if settings.max_grad_norm is None else settings.max_grad_norm
    penalties, decays, speeds = factors_of(network)
    for k, start in enumerate(range(0, len(order), size), start=1):
        rows = order[start : start + size]
        if weight[rows].sum() == 0:
            continue
        draws = Draws(key, k - 1)
        outputs = network, theta, X[rows], Y[rows]
        loss, g = loss_and_gradient(*outputs, weight[rows], alpha, draws)
        if size == 1:
            loss, g = loss_and_gradient(*outputs, np.ones(1), 0.0, draws)
            loss = weight[rows[0]] * loss + 0.5 * alpha * (penalties * theta**2).sum()
            g = weight[rows[0]] * g + alpha * penalties * theta
        g = np.where(speeds, g, 0)
        g *= min(1, longest / np.linalg.norm(g))
        n_steps += 1
        rate = settings.learning_rate_init / k
        theta = take_step(theta, g, memory, n_steps, rate, settings, decays, speeds)
        losses.append(loss)
        counts.append(len(rows))
    return theta, np.average(losses, weights=counts), n_steps
