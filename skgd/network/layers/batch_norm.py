"""Batch normalisation: inputs of mean 0 and variance 1 over the batch, then scaled.

It computes ``y = scale * (x - mean) / sqrt(variance + EPSILON) + shift``, with the
weighted mean and variance over the samples of a batch. Predictions use running means of
both instead. `tests/benchmarks/batch_norm.py` measures what it costs.

Reference: S. Ioffe and C. Szegedy, "Batch normalization: accelerating deep network
training by reducing internal covariate shift", ICML 2015, algorithms 1 and 2. The
running variance is the unbiased one, and the numbers are those of BatchNorm1d in
PyTorch.
"""

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np

from skgd.kernels.machine.jit import jit
from skgd.kernels.passes.plan import (
    FAN_OUT,
    SUMS,
    SUMS_BACK,
    forward_address,
)
from skgd.kernels.passes.stages import barrier_addresses
from skgd.network.layers.layer import Layer, Segment

EPSILON = 1e-5
# The weight of the present batch in the running means.
MOMENTUM = 0.1

# If a sample leaves less than this share of the batch's weight to all others, it counts
# as the only one. Without others the share is 0, of which rounding makes up to 1e-15.
ALONE = 1e-12

# The parameters w are four vectors with a number for each unit: scale, shift, running
# mean and running variance. The sums of a part of the batch are, in this order: the sum
# of the weights; the sum of their squares, divided by the former, as squares alone may
# overflow; for each unit the mean; and for each unit the weighted sum of squared
# deviations from this mean. In the totals the latter is replaced by
# 1 / sqrt(variance + EPSILON).
WEIGHT, SQUARES, MEANS = 0, 1, 2


@jit
def _measure(n, row, x, weight, sums):
    n_units = row[FAN_OUT]
    start = row[SUMS]
    mean = sums[start + MEANS : start + MEANS + n_units]
    around = sums[start + MEANS + n_units : start + MEANS + 2 * n_units]
    total = squares = 0.0
    for j in range(n_units):
        mean[j] = around[j] = 0.0
    for i in range(n):
        w = np.float64(weight[i])
        total += w
        values = x[i * (n_units + 1) : i * (n_units + 1) + n_units]
        for j in range(n_units):
            mean[j] += w * values[j]
    sums[start + WEIGHT], sums[start + SQUARES] = total, 0.0
    if total == 0.0:
        return
    for j in range(n_units):
        mean[j] /= total
    for i in range(n):
        w = np.float64(weight[i])
        squares += w * (w / total)
        values = x[i * (n_units + 1) : i * (n_units + 1) + n_units]
        for j in range(n_units):
            deviation = values[j] - mean[j]
            # In this order, as a sample without weight may be as far as it likes.
            around[j] += (w * deviation) * deviation
    sums[start + SQUARES] = squares


@jit
def _combine(row, w, sums, n_parts, totals):
    # Means and squares are combined as in T. F. Chan, G. H. Golub, R. J. LeVeque,
    # "Algorithms for computing the sample variance: analysis and recommendations", The
    # American Statistician 37, 1983.
    n_units = row[FAN_OUT]
    start = row[SUMS]
    mean = totals[start + MEANS : start + MEANS + n_units]
    around = totals[start + MEANS + n_units : start + MEANS + 2 * n_units]
    total = squares = 0.0
    for j in range(n_units):
        mean[j] = around[j] = 0.0
    for part in range(n_parts):
        weight = sums[part, start + WEIGHT]
        if weight == 0.0:
            continue
        both = total + weight
        share, rest = weight / both, total / both
        squares = squares * rest + sums[part, start + SQUARES] * share
        for j in range(n_units):
            delta = sums[part, start + MEANS + j] - mean[j]
            mean[j] += delta * share
            between = delta * delta * (total * share)
            around[j] += sums[part, start + MEANS + n_units + j] + between
        total = both
    totals[start + WEIGHT], totals[start + SQUARES] = total, squares
    # A single sample has no unbiased variance, so running means stay as they are.
    rest = total - squares
    is_alone = not rest > ALONE * total
    running_mean = w[2 * n_units : 3 * n_units]
    running_variance = w[3 * n_units : 4 * n_units]
    for j in range(n_units):
        if not is_alone:
            unbiased = around[j] / rest
            running_mean[j] += MOMENTUM * (mean[j] - running_mean[j])
            running_variance[j] += MOMENTUM * (unbiased - running_variance[j])
        around[j] = 1.0 / np.sqrt(around[j] / total + EPSILON)


@jit
def _forward(n, row, w, x, y, kept, weight, totals):
    n_units = row[FAN_OUT]
    start = row[SUMS]
    mean = totals[start + MEANS : start + MEANS + n_units]
    inverse = totals[start + MEANS + n_units : start + MEANS + 2 * n_units]
    scale, shift = w[:n_units], w[n_units : 2 * n_units]
    scalar = w.dtype.type
    for i in range(n):
        first, last = i * (n_units + 1), i * (n_units + 1) + n_units
        values, normal, out = x[first:last], kept[first:last], y[first:last]
        for j in range(n_units):
            normal[j] = scalar((values[j] - mean[j]) * inverse[j])
            out[j] = scale[j] * normal[j] + shift[j]


@jit
def _measure_back(n, row, w, kept, dy, weight, sums, gradient):
    n_units = row[FAN_OUT]
    start = row[SUMS_BACK]
    total = sums[start : start + n_units]
    product = sums[start + n_units : start + 2 * n_units]
    for j in range(n_units):
        total[j] = product[j] = 0.0
    for i in range(n):
        first, last = i * (n_units + 1), i * (n_units + 1) + n_units
        normal, d = kept[first:last], dy[first:last]
        for j in range(n_units):
            total[j] += d[j]
            product[j] += d[j] * normal[j]
    for j in range(n_units):
        gradient[j], gradient[n_units + j] = product[j], total[j]
        gradient[2 * n_units + j] = gradient[3 * n_units + j] = 0


@jit
def _backward(n, row, w, kept, dx, dy, weight, totals):
    # This is the derivative of the outputs of all samples, as each sample also changes
    # mean and variance, in proportion to its weight.
    n_units = row[FAN_OUT]
    start, start_back = row[SUMS], row[SUMS_BACK]
    inverse = totals[start + MEANS + n_units : start + MEANS + 2 * n_units]
    total = totals[start_back : start_back + n_units]
    product = totals[start_back + n_units : start_back + 2 * n_units]
    scale, scalar = w[:n_units], w.dtype.type
    for i in range(n):
        share = weight[i] / totals[start + WEIGHT]
        first, last = i * (n_units + 1), i * (n_units + 1) + n_units
        normal, d, out = kept[first:last], dy[first:last], dx[first:last]
        for j in range(n_units):
            rest = d[j] - share * (total[j] + normal[j] * product[j])
            out[j] = scalar(scale[j] * inverse[j] * rest)


@jit
def _predict(n, row, number, w, x, y, kept, workspace):
    # Each number takes one multiplication and one addition, by the same factors for any
    # number of samples.
    n_units = row[FAN_OUT]
    scale, shift = w[:n_units], w[n_units : 2 * n_units]
    mean, variance = w[2 * n_units : 3 * n_units], w[3 * n_units : 4 * n_units]
    factor, offset = kept[:n_units], kept[n_units : 2 * n_units]
    for j in range(n_units):
        factor[j] = scale[j] / np.sqrt(variance[j] + w.dtype.type(EPSILON))
        offset[j] = shift[j] - mean[j] * factor[j]
    for i in range(n):
        first, last = i * (n_units + 1), i * (n_units + 1) + n_units
        values, out = x[first:last], y[first:last]
        for j in range(n_units):
            out[j] = values[j] * factor[j] + offset[j]


@cache
def _barrier(dtype):
    return barrier_addresses(
        dtype,
        measure=_measure,
        combine=_combine,
        forward=_forward,
        measure_back=_measure_back,
        backward=_backward,
    )


def _ones(random_state, shape):
    return np.ones(shape)


def _zeros(random_state, shape):
    return np.zeros(shape)


@dataclass(frozen=True)
class BatchNorm(Layer):
    """Inputs of mean 0 and variance 1 over the batch, scaled and shifted."""

    kind: ClassVar = "batch_norm"
    in_place: ClassVar = True
    is_barrier: ClassVar = True
    attributes: ClassVar = {
        "batch_norm_scales_": "(n_units,)",
        "batch_norm_shifts_": "(n_units,)",
        "batch_norm_means_": "(n_units,)",
        "batch_norm_variances_": "(n_units,)",
    }

    @classmethod
    def of_hidden(cls, n_units, hidden, settings):
        """Return the layer for a hidden layer of the settings, or None."""
        flags = settings.get("batch_norm")
        return cls(n_units, n_units) if flags is not None and flags[hidden] else None

    def segments(self):
        """Return scale and shift, and the running means, which no optimizer moves."""
        shape = (self.fan_out,)
        scales, shifts, means, variances = self.attributes
        return [
            Segment(scales, shape, _ones),
            Segment(shifts, shape, _zeros),
            Segment(means, shape, _zeros, rate=0.0),
            Segment(variances, shape, _ones, rate=0.0),
        ]

    def n_kept(self, training):
        """Return the memory for normalised inputs; in predictions, for two vectors."""
        return self.fan_out + 1 if training else 2 * self.fan_out

    def n_sums(self):
        """Return how many sums `_measure` makes, and how many `_measure_back`."""
        return 2 + 2 * self.fan_out, 2 * self.fan_out

    def own(self, dtype, training):
        """Return the addresses of its measurements, and of what combines them."""
        if not training:
            return ()
        measure, combine, _, measure_back, _ = _barrier(dtype)
        return measure, combine, measure_back

    def functions(self, dtype, training):
        """Return functions that normalise by the batch, or by running means."""
        if not training:
            return forward_address(_predict, dtype), 0
        _, _, forward, _, backward = _barrier(dtype)
        return forward, backward

    def as_factors(self, arrays):
        """Return the factors and offsets that follow from the running means."""
        scales, shifts, means, variances = arrays
        factors = scales / np.sqrt(variances + EPSILON)
        return factors, shifts - means * factors

    def to_onnx(self, add, x, arrays):
        """Add a product and a sum; return the name of the outputs.

        An attribute `epsilon` of BatchNormalization would be in float32.
        """
        factors, offsets = self.as_factors(arrays)
        return add("Add", add("Mul", x, factors), offsets)
