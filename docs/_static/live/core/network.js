/**
 * A feed-forward network with one output: activations, losses, and backpropagation.
 * The names and the arithmetic are those of skgd/kernels/formulas.
 */
(function (live) {
  "use strict";

  const LEAKY_SLOPE = 0.01;
  const logistic = (z) => 1 / (1 + Math.exp(-z));

  /**
   * Activations of hidden layers: their value, their derivative (given the value a and
   * the pre-activation z), and the bound of first weights.
   */
  const ACTIVATIONS = {
    tanh: { value: Math.tanh, slope: (a) => 1 - a * a, bound: glorot(6) },
    relu: {
      value: (z) => Math.max(z, 0),
      slope: (a) => (a > 0 ? 1 : 0),
      bound: glorot(6),
    },
    logistic: { value: logistic, slope: (a) => a * (1 - a), bound: glorot(2) },
    leaky_relu: {
      value: (z) => (z < 0 ? LEAKY_SLOPE * z : z),
      slope: (a) => (a > 0 ? 1 : LEAKY_SLOPE),
      bound: he,
    },
    elu: {
      value: (z) => (z > 0 ? z : Math.expm1(z)),
      slope: (a) => (a > 0 ? 1 : a + 1),
      bound: he,
    },
    silu: {
      value: (z) => z * logistic(z),
      slope: (a, z) => logistic(z) * (1 + z * logistic(-z)),
      bound: he,
    },
  };

  function glorot(gain) {
    return (fanIn, fanOut) => Math.sqrt(gain / (fanIn + fanOut));
  }

  function he(fanIn) {
    return Math.sqrt(6 / fanIn);
  }

  /** Losses at a raw output z and a target y: value, and derivative by z. */
  const LOSSES = {
    squared_error: {
      value: (z, y) => 0.5 * (z - y) * (z - y),
      gradient: (z, y) => z - y,
    },
    // Bounded, so that samples far off hardly count (Dennis and Welsch, 1978). The
    // library has it as a loss of the user's own.
    welsch: {
      value: (z, y) => 1 - Math.exp(-0.5 * (z - y) * (z - y)),
      gradient: (z, y) => (z - y) * Math.exp(-0.5 * (z - y) * (z - y)),
    },
    // log(1 + exp(z)) - y z, for the labels 0 and 1.
    binary_log_loss: {
      value: (z, y) => Math.max(z, 0) - y * z + Math.log1p(Math.exp(-Math.abs(z))),
      gradient: (z, y) => logistic(z) - y,
    },
  };

  /** A network with one output. Its parameters are in one vector, layer by layer. */
  class Network {
    /**
     * @param {number[]} widths - Of all layers, from the features to the output.
     * @param {string} activation - Of hidden layers, a name in `ACTIVATIONS`.
     * @param {string} loss - A name in `LOSSES`.
     */
    constructor(widths, activation, loss) {
      this.activation = ACTIVATIONS[activation];
      this.loss = LOSSES[loss];
      this.layers = [];
      let start = 0;
      for (let k = 1; k < widths.length; k++) {
        const [fanIn, fanOut] = [widths[k - 1], widths[k]];
        // Weights, row by row of the features that come in, and then intercepts.
        this.layers.push({ fanIn, fanOut, weights: start, bias: start + fanIn * fanOut });
        start += (fanIn + 1) * fanOut;
      }
      this.size = start;
      this.pre = widths.slice(1).map((width) => new Float64Array(width));
      this.values = widths.map((width) => new Float64Array(width));
      this.deltas = widths.map((width) => new Float64Array(width));
    }

    /** Draw first weights; `random` returns numbers between 0 and 1. */
    draw(random) {
      const theta = new Float64Array(this.size);
      this.layers.forEach(({ fanIn, fanOut, weights }, k) => {
        const isLast = k === this.layers.length - 1;
        const bound = (isLast ? glorot(6) : this.activation.bound)(fanIn, fanOut);
        for (let i = 0; i < (fanIn + 1) * fanOut; i++) {
          theta[weights + i] = bound * (2 * random() - 1);
        }
      });
      return theta;
    }

    /** The raw output for one sample, given the parameters. */
    output(theta, x) {
      this.values[0].set(x);
      this.layers.forEach(({ fanIn, fanOut, weights, bias }, k) => {
        const [before, after, pre] = [this.values[k], this.values[k + 1], this.pre[k]];
        const isHidden = k < this.layers.length - 1;
        for (let j = 0; j < fanOut; j++) {
          let z = theta[bias + j];
          for (let i = 0; i < fanIn; i++) z += before[i] * theta[weights + i * fanOut + j];
          pre[j] = z;
          after[j] = isHidden ? this.activation.value(z) : z;
        }
      });
      return this.values[this.layers.length][0];
    }

    /** Add the gradient of one sample's loss to `gradient`, and return the loss. */
    addGradient(theta, x, y, gradient) {
      const z = this.output(theta, x);
      const last = this.layers.length - 1;
      this.deltas[last + 1][0] = this.loss.gradient(z, y);
      for (let k = last; k >= 0; k--) {
        const { fanIn, fanOut, weights, bias } = this.layers[k];
        const [before, delta] = [this.values[k], this.deltas[k + 1]];
        for (let j = 0; j < fanOut; j++) gradient[bias + j] += delta[j];
        for (let i = 0; i < fanIn; i++) {
          let back = 0;
          for (let j = 0; j < fanOut; j++) {
            const place = weights + i * fanOut + j;
            gradient[place] += before[i] * delta[j];
            back += theta[place] * delta[j];
          }
          if (k > 0) {
            const slope = this.activation.slope(before[i], this.pre[k - 1][i]);
            this.deltas[k][i] = back * slope;
          }
        }
      }
      return this.loss.value(z, y);
    }

    /** The mean loss of all samples. */
    meanLoss(theta, { X, y }) {
      let total = 0;
      for (let i = 0; i < y.length; i++) {
        total += this.loss.value(this.output(theta, X[i]), y[i]);
      }
      return total / y.length;
    }

    /** The mean gradient of the samples, as one vector. */
    meanGradient(theta, { X, y }) {
      const gradient = new Float64Array(this.size);
      for (let i = 0; i < y.length; i++) this.addGradient(theta, X[i], y[i], gradient);
      return gradient.map((g) => g / y.length);
    }
  }

  Object.assign(live, { ACTIVATIONS, LOSSES, Network, logistic });
})((window.liveDescent = window.liveDescent || {}));
