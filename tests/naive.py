"""Slow NumPy reference of the kernels, written from the formulas.

Samples in rows, one layer as one pair of arrays, one step at a time; nothing is shared
with the kernels but the codes. A new activation, loss or optimizer needs its formula
here, and is then tested by being there.
"""

from itertools import pairwise

import numpy as np
from scipy.special import erfcx

from skgd.kernels.formulas.activations import Activation
from skgd.kernels.formulas.losses import Loss
from skgd.kernels.formulas.optimizers import Optimizer


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
    Activation.IDENTITY: (lambda z: z, np.ones_like),
    Activation.LOGISTIC: (logistic, lambda z: logistic(z) * (1 - logistic(z))),
    Activation.TANH: (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    Activation.RELU: (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(z.dtype)),
    Activation.LEAKY_RELU: (
        lambda z: np.where(z > 0, z, z / 100),
        lambda z: np.where(z > 0, 1, 0.01).astype(z.dtype),
    ),
    Activation.ELU: (elu, elu_derivative),
    Activation.SELU: (lambda z: elu(z, **SELU), lambda z: elu_derivative(z, **SELU)),
    Activation.GELU: (
        lambda z: z * normal_cdf(z),
        lambda z: normal_cdf(z) + z * normal_density(z),
    ),
    Activation.SILU: (lambda z: z * logistic(z), silu_derivative),
    Activation.SOFTPLUS: (softplus, logistic),
    Activation.MISH: (lambda z: z * np.tanh(softplus(z)), mish_derivative),
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


# What the tests give to the losses that have a parameter.
LOSS_PARAMETERS = dict.fromkeys(Loss, 0.0) | {Loss.HUBER: 0.7, Loss.QUANTILE: 0.3}

# Loss of each sample, shape (n,), from targets and raw outputs of shape (n, n_outputs),
# and from the loss's parameter p where it has one.
LOSSES = {
    Loss.SQUARED_ERROR: lambda y, z, p: (0.5 * (z - y) ** 2).sum(axis=1),
    Loss.POISSON: lambda y, z, p: poisson(y, z).sum(axis=1),
    Loss.BINARY_LOG_LOSS: lambda y, z, p: (np.logaddexp(0, z) - y * z).sum(axis=1),
    Loss.LOG_LOSS: lambda y, z, p: -(y * np.log(softmax(z))).sum(axis=1),
    Loss.ABSOLUTE_ERROR: lambda y, z, p: np.abs(z - y).sum(axis=1),
    Loss.HUBER: lambda y, z, p: huber(y, z, p).sum(axis=1),
    Loss.QUANTILE: lambda y, z, p: pinball(y, z, p).sum(axis=1),
    Loss.GAMMA: lambda y, z, p: gamma(y, z).sum(axis=1),
}

# Gradient of the loss at the raw outputs.
DELTAS = {
    Loss.SQUARED_ERROR: lambda y, z, p: z - y,
    Loss.POISSON: lambda y, z, p: np.exp(z) - y,
    Loss.BINARY_LOG_LOSS: lambda y, z, p: logistic(z) - y,
    Loss.LOG_LOSS: lambda y, z, p: softmax(z) - y,
    Loss.ABSOLUTE_ERROR: lambda y, z, p: np.sign(z - y),
    Loss.HUBER: lambda y, z, p: np.clip(z - y, -p, p),
    Loss.QUANTILE: lambda y, z, p: np.where(z > y, 1 - p, np.where(z < y, -p, 0)),
    Loss.GAMMA: lambda y, z, p: 1 - y / np.exp(z),
}

# Losses whose link is the canonical one: the gradient is prediction minus target.
CANONICAL = {
    Loss.SQUARED_ERROR,
    Loss.POISSON,
    Loss.BINARY_LOG_LOSS,
    Loss.LOG_LOSS,
}


def draw_targets(loss, n, n_outputs, rng):
    """Targets that the loss is defined for."""
    if loss == Loss.POISSON:
        return rng.poisson(2, (n, n_outputs)).astype(float)
    if loss == Loss.GAMMA:
        return rng.gamma(2, size=(n, n_outputs))
    if loss == Loss.BINARY_LOG_LOSS:
        return rng.integers(0, 2, (n, n_outputs)).astype(float)
    if loss == Loss.LOG_LOSS:
        return np.eye(n_outputs)[rng.integers(0, n_outputs, n)]
    return rng.standard_normal((n, n_outputs))


def gd(theta, g, memory, step, rate, rule):
    return theta - rate * g


def momentum(theta, g, memory, step, rate, rule):
    memory["v"] = rule.momentum * memory.get("v", 0) - rate * g
    return theta + memory["v"]


def nesterov(theta, g, memory, step, rate, rule):
    memory["v"] = rule.momentum * memory.get("v", 0) - rate * g
    return theta + rule.momentum * memory["v"] - rate * g


def adam(theta, g, memory, step, rate, rule):
    m, v = moments(g, memory, rule)
    # The paper's "efficient" form: epsilon is added to the uncorrected root.
    rate = rate * np.sqrt(1 - rule.beta_2**step) / (1 - rule.beta_1**step)
    return theta - rate * m / (np.sqrt(v) + rule.epsilon)


def moments(g, memory, rule):
    memory["m"] = rule.beta_1 * memory.get("m", 0) + (1 - rule.beta_1) * g
    memory["v"] = rule.beta_2 * memory.get("v", 0) + (1 - rule.beta_2) * g**2
    return memory["m"], memory["v"]


# The others as in the documentation of PyTorch's torch.optim, symbol by symbol.


def adagrad(theta, g, memory, step, rate, rule):
    memory["sum"] = memory.get("sum", 0) + g**2
    return theta - rate * g / (np.sqrt(memory["sum"]) + rule.epsilon)


def adadelta(theta, g, memory, step, rate, rule):
    rho, epsilon = rule.beta_2, rule.epsilon
    memory["v"] = rho * memory.get("v", 0) + (1 - rho) * g**2
    u = memory.get("u", 0)
    move = np.sqrt(u + epsilon) / np.sqrt(memory["v"] + epsilon) * g
    memory["u"] = rho * u + (1 - rho) * move**2
    return theta - rate * move


def rmsprop(theta, g, memory, step, rate, rule):
    memory["v"] = rule.beta_2 * memory.get("v", 0) + (1 - rule.beta_2) * g**2
    return theta - rate * g / (np.sqrt(memory["v"]) + rule.epsilon)


def amsgrad(theta, g, memory, step, rate, rule):
    m, v = moments(g, memory, rule)
    memory["max"] = np.maximum(memory.get("max", 0), v)
    m_hat = m / (1 - rule.beta_1**step)
    v_hat = memory["max"] / (1 - rule.beta_2**step)
    return theta - rate * m_hat / (np.sqrt(v_hat) + rule.epsilon)


def nadam(theta, g, memory, step, rate, rule):
    m, v = moments(g, memory, rule)
    mu = [rule.beta_1 * (1 - 0.96 ** (t * 0.004) / 2) for t in range(1, step + 2)]
    m_hat = mu[-1] * m / (1 - np.prod(mu))
    m_hat = m_hat + (1 - mu[-2]) * g / (1 - np.prod(mu[:-1]))
    v_hat = v / (1 - rule.beta_2**step)
    return theta - rate * m_hat / (np.sqrt(v_hat) + rule.epsilon)


OPTIMIZERS = {
    Optimizer.GD: gd,
    Optimizer.MOMENTUM: momentum,
    Optimizer.NESTEROV: nesterov,
    Optimizer.ADAM: adam,
    Optimizer.ADAGRAD: adagrad,
    Optimizer.ADADELTA: adadelta,
    Optimizer.RMSPROP: rmsprop,
    Optimizer.AMSGRAD: amsgrad,
    Optimizer.NADAM: nadam,
}


def take_step(theta, g, memory, step, rate, rule, decays=True):
    """One step, with decoupled weight decay of the parameters that are marked so."""
    moved = OPTIMIZERS[rule.optimizer](theta, g, memory, step, rate, rule)
    return moved - rate * rule.weight_decay * np.where(decays, theta, 0)


def layers(theta, units):
    """Split the parameters: a list of (W, b)."""
    result, start = [], 0
    for fan_in, fan_out in pairwise(units):
        W = theta[start : start + fan_in * fan_out].reshape(fan_in, fan_out)
        start += fan_in * fan_out
        result.append((W, theta[start : start + fan_out]))
        start += fan_out
    return result


def is_coef(units):
    """Mark the parameters that the penalty acts on."""
    parts = []
    for fan_in, fan_out in pairwise(units):
        parts += [np.ones(fan_in * fan_out, bool), np.zeros(fan_out, bool)]
    return np.concatenate(parts)


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


def dropout_factors(network, key, step, n):
    """What the activations of each hidden layer are multiplied by, (n, n_units).

    The counter of a number is made of the unit, the sample's place in the batch, the
    layer and the step. Each gives four numbers, to units that are a quarter apart.
    """
    factors = []
    units = network.layer_units[1:-1]
    for layer, (n_units, rate) in enumerate(zip(units, network.dropout, strict=True)):
        quarter = -(-n_units // 4)
        place, group = np.mgrid[:n, :quarter].astype(object)
        same = np.full_like(place, 1)
        counter = np.stack([group, place, layer * same, step * same], axis=-1)
        numbers = philox(counter, key).transpose(0, 2, 1).reshape(n, -1)[:, :n_units]
        factors.append((numbers >= rate * 2**32) / (1 - rate))
    return [each.astype(float) for each in factors]


def pre_activations(network, theta, X, factors=None):
    """Pre-activations of each layer; the last ones are the raw outputs."""
    a, zs = X, []
    for layer, (W, b) in enumerate(layers(theta, network.layer_units)):
        zs.append(a @ W + b)
        if layer < len(network.activations):
            a = ACTIVATIONS[network.activations[layer]][0](zs[-1])
            a = a if factors is None else a * factors[layer]
    return zs


def loss_and_gradient(network, theta, X, Y, weight, alpha, factors=None):
    """Objective of one batch, penalty included, and its gradient by backpropagation."""
    zs = pre_activations(network, theta, X, factors)
    total = weight.sum()
    coefs = is_coef(network.layer_units)
    penalty = 0.5 * alpha * (theta[coefs] ** 2).sum()
    outputs = Y, zs[-1], network.loss_parameter
    loss = (weight @ LOSSES[network.loss](*outputs) + penalty) / total

    delta = DELTAS[network.loss](*outputs) * weight[:, None]
    parts = []
    parameters = layers(theta, network.layer_units)
    for layer in range(len(parameters) - 1, -1, -1):
        below = X
        if layer > 0:
            value, derivative = ACTIVATIONS[network.activations[layer - 1]]
            factor = 1 if factors is None else factors[layer - 1]
            below = value(zs[layer - 1]) * factor
        W, _ = parameters[layer]
        parts = [((below.T @ delta) + alpha * W).ravel(), delta.sum(axis=0), *parts]
        if layer > 0:
            delta = (delta @ W.T) * derivative(zs[layer - 1]) * factor
    return loss, np.concatenate(parts) / total


def train_epoch(
    network,
    theta,
    rule,
    memory,
    n_steps,
    X,
    Y,
    weight,
    order,
    batch_size,
    rate,
    alpha,
    key=(0, 0),
):
    """One epoch; returns parameters, mean loss and steps taken.

    The k-th batch, from 1, has the learning rate ``rate / k``. `key` is the epoch's
    seed of dropout. The weight of a batch of one sample scales its loss's gradient.
    """
    losses, counts = [], []
    for k, start in enumerate(range(0, len(order), batch_size), start=1):
        rows = order[start : start + batch_size]
        if weight[rows].sum() == 0:
            continue
        factors = None
        if network.dropout.any():
            factors = dropout_factors(network, key, k - 1, len(rows))
        outputs = network, theta, X[rows], Y[rows]
        loss, g = loss_and_gradient(*outputs, weight[rows], alpha, factors)
        if batch_size == 1:
            loss, g = loss_and_gradient(*outputs, np.ones(1), 0.0, factors)
            coefs = np.where(is_coef(network.layer_units), theta, 0)
            loss = weight[rows[0]] * loss + 0.5 * alpha * (coefs**2).sum()
            g = weight[rows[0]] * g + alpha * coefs
        g *= min(1, rule.max_grad_norm / np.linalg.norm(g))
        n_steps += 1
        decays = is_coef(network.layer_units)
        theta = take_step(theta, g, memory, n_steps, rate / k, rule, decays)
        losses.append(loss)
        counts.append(len(rows))
    return theta, np.average(losses, weights=counts), n_steps
