/** Descents of several solvers from one start, which are compared as they run. */
(function (live) {
  "use strict";

  const TICKS_A_PASS = 16;

  /** A loss surface: the samples, the straight line that learns them, the lowest loss. */
  class Surface {
    /** @param {string} name - A key of `SURFACES`. */
    constructor(name) {
      const { loss, view, start } = live.SURFACES[name];
      Object.assign(this, { name, view, start, data: live.samplesOfSurface(name) });
      this.network = new live.Network([1, 1], "tanh", loss);
      this.lowest = this._findLowest();
    }

    /** The loss at the place [w, b]. */
    lossAt(place) {
      return this.network.meanLoss(place, this.data);
    }

    /** How far the loss at a place is above the lowest one. */
    excessAt(place) {
      return this.lossAt(place) - this.lowest.loss;
    }

    gradientAt(place) {
      return this.network.meanGradient(place, this.data);
    }

    /** The lowest loss and its place, by descents from the corners of the view. */
    _findLowest() {
      const [low, high] = [0, 1].map((end) => [this.view.w[end], this.view.b[end]]);
      const settings = {
        solver: "batch", optimizer: "adam", learningRate: 0.1, schedule: "cosine",
        maxEpochs: 400,
      };
      const ends = [low, high, [low[0], high[1]], [high[0], low[1]]].map((corner) => {
        const descent = new live.Descent(this.network, corner, this.data, settings);
        for (let step = 0; step < settings.maxEpochs; step++) descent.step();
        return { place: [...descent.theta], loss: this.lossAt(descent.theta) };
      });
      return ends.reduce((best, end) => (end.loss < best.loss ? end : best));
    }
  }

  /** How many samples a step of a solver reads. */
  function samplesOfStep(solver, batchSize, n) {
    return { batch: n, minibatch: batchSize, sgd: 1 }[solver];
  }

  class Race {
    /**
     * @param {Surface} surface
     * @param {number[]} start - The place [w, b].
     * @param {object} settings - Those of a `Descent`, and:
     * @param {string[]} settings.solvers
     * @param {string} settings.clock - "passes": all have seen the same number of
     *   samples; or "steps": all have made the same number of steps.
     * @param {number} settings.passes - The end, with the first clock.
     * @param {number} settings.steps - The end, with the second.
     */
    constructor(surface, start, settings) {
      Object.assign(this, { surface, start, settings, ticks: 0 });
      this.n = surface.data.y.length;
      this.runs = settings.solvers.map((solver) => this._makeRun(solver));
      this._record();
    }

    get bySteps() {
      return this.settings.clock === "steps";
    }

    /** Passes or steps so far. */
    get time() {
      return this.bySteps ? this.ticks : this.ticks / TICKS_A_PASS;
    }

    get end() {
      return this.settings[this.settings.clock];
    }

    get hasEnded() {
      return this.time >= this.end;
    }

    /** Move on by a step, or by a share of a pass; return whether it goes on. */
    tick() {
      if (this.hasEnded) return false;
      this.ticks += 1;
      for (const run of this.runs) {
        while (this._isDue(run.descent) && run.descent.isFinite) {
          run.descent.step();
          run.places.push([...run.descent.theta]);
        }
      }
      this._record();
      return !this.hasEnded;
    }

    /** Move on by a step, or by a pass. */
    advance() {
      const next = Math.floor(this.time) + 1;
      while (this.time < next && this.tick());
    }

    _isDue({ steps, seen, batchSize }) {
      return this.bySteps ? steps < this.ticks : seen + batchSize <= this.time * this.n;
    }

    _makeRun(solver) {
      const { batchSize, passes, steps } = this.settings;
      const size = samplesOfStep(solver, batchSize, this.n);
      const maxEpochs = this.bySteps ? (steps * size) / this.n : passes;
      const descent = new live.Descent(
        this.surface.network, this.start, this.surface.data,
        { ...this.settings, solver, maxEpochs }, live.makeOrders(3));
      return { solver, descent, places: [[...this.start]], curve: [] };
    }

    /** Note the loss of each, a point of its curve. */
    _record() {
      for (const run of this.runs) {
        const { descent, curve } = run;
        run.excess = this.surface.excessAt(descent.theta);
        const x = this.bySteps ? descent.steps : descent.seen / this.n;
        if (x !== curve.at(-1)?.[0]) curve.push([x, run.excess]);
      }
    }
  }

  Object.assign(live, { Surface, Race, samplesOfStep });
})((window.liveDescent = window.liveDescent || {}));
