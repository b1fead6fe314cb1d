/**
 * A descent: epochs of steps, from batches of samples. It does what `partial_fit` of
 * skgd's estimators does, epoch by epoch, without a penalty.
 */
(function (live) {
  "use strict";

  /** The solvers, by the library's names. */
  const SOLVERS = ["batch", "minibatch", "sgd"];

  class Descent {
    /**
     * @param {Network} network
     * @param {Float64Array} theta - Parameters to begin with; they are copied.
     * @param {{X: number[][], y: number[]}} data
     * @param {object} settings
     * @param {string} settings.solver - One of `SOLVERS`.
     * @param {number} settings.batchSize - Read for "minibatch".
     * @param {string} settings.optimizer - A name in `OPTIMIZERS`.
     * @param {number} settings.learningRate - The `learning_rate_init`.
     * @param {string} [settings.schedule="constant"] - One of `SCHEDULES`.
     * @param {number} [settings.maxEpochs=1] - Over which a schedule is laid.
     * @param {number} [settings.momentum] - And the others of `DEFAULTS`.
     * @param {function(number): number[]} drawOrder - Returns the order of the samples
     *   in an epoch, given their number. "batch" does not ask for it.
     */
    constructor(network, theta, data, settings, drawOrder) {
      Object.assign(this, { network, data, drawOrder });
      this.settings = { schedule: "constant", maxEpochs: 1, ...live.DEFAULTS, ...settings };
      this.theta = Float64Array.from(theta);
      this.gradient = new Float64Array(network.size);
      this.optimizer = live.OPTIMIZERS[settings.optimizer];
      this.memory = Array.from(
        { length: this.optimizer.rows }, () => new Float64Array(network.size));
      this.clock = { beta1: 1, beta2: 1, shrinkage: 1, momenta: 1 };
      this.n = data.y.length;
      const sizes = { batch: this.n, minibatch: settings.batchSize, sgd: 1 };
      this.batchSize = Math.min(sizes[settings.solver], this.n);
      this.stepsOfEpoch = Math.ceil(this.n / this.batchSize);
      this.steps = 0; // steps taken
      this.lossCurve = []; // of each epoch, as the library's `loss_curve_`
    }

    /** Samples seen so far. */
    get seen() {
      const batch = this.steps % this.stepsOfEpoch;
      return Math.floor(this.steps / this.stepsOfEpoch) * this.n + batch * this.batchSize;
    }

    /** Whether all parameters are finite numbers. */
    get isFinite() {
      return this.theta.every(Number.isFinite);
    }

    /** Take the step of the next batch. */
    step() {
      const batch = this.steps % this.stepsOfEpoch;
      if (batch === 0) this._beginEpoch();
      const rows = this.order.slice(batch * this.batchSize, (batch + 1) * this.batchSize);
      const { network, data, gradient, theta } = this;
      gradient.fill(0);
      let loss = 0;
      for (const i of rows) loss += network.addGradient(theta, data.X[i], data.y[i], gradient);
      this._update(1 / rows.length);
      this.lossOfEpoch += loss;
      this.steps += 1;
      if (batch === this.stepsOfEpoch - 1) this.lossCurve.push(this.lossOfEpoch / this.n);
    }

    /** Take the steps of one epoch. */
    epoch() {
      for (let i = 0; i < this.stepsOfEpoch; i++) this.step();
    }

    _beginEpoch() {
      const isBatch = this.settings.solver === "batch";
      this.order = isBatch ? [...Array(this.n).keys()] : this.drawOrder(this.n);
      this.seenBefore = this.seen;
      this.lossOfEpoch = 0;
    }

    _update(factor) {
      const { optimizer, settings, memory, theta, gradient } = this;
      const rate = live.rateOfStep(
        settings.schedule, settings.learningRate, this.steps,
        settings.maxEpochs * this.stepsOfEpoch, this.seenBefore, settings.powerT);
      const step = optimizer.tick(this.clock, rate, settings);
      for (let i = 0; i < theta.length; i++) {
        theta[i] -= optimizer.move(factor * gradient[i], memory, i, step, settings);
      }
    }
  }

  Object.assign(live, { SOLVERS, Descent });
})((window.liveDescent = window.liveDescent || {}));
