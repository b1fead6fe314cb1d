/** A small network on points of two classes, whose boundary moves while it learns. */
(function (live) {
  "use strict";

  const { canvas, controls } = live;
  const { make, makeButton, makeSelect, makeSlider } = controls;

  const DEFAULTS = {
    points: "moons", solver: "minibatch", batchSize: 16, optimizer: "adam",
    learningRate: 0.02, schedule: "constant", hidden: "8", activation: "tanh", seed: 1,
    epochs: 200,
  };
  const N_POINTS = 160;
  const REACH = 2.5; // of the plane
  const BATCH_SIZES = [1, 2, 4, 8, 16, 32, 64];
  const HIDDEN = ["1", "2", "4", "8", "16", "32", "4, 4", "8, 8", "16, 16"];
  // Rates to begin with; 0.02 for the others.
  const RATES = {
    gd: 0.3, momentum: 0.05, nesterov: 0.05, adagrad: 0.1, adadelta: 5, rmsprop: 0.005,
  };

  class PointsWidget extends live.Widget {
    constructor(container, options) {
      super(container, DEFAULTS, options);
      const { texts } = this;
      this.root.setAttribute("aria-label", texts.pointsLabel);
      this.root.classList.add("live-of-points");
      this.plane = make("canvas", {
        class: "live-plane", role: "img", "aria-label": texts.planeLabel,
      });
      this.chart = make("canvas", {
        class: "live-chart", role: "img", "aria-label": texts.chartLabel,
      });
      this.readout = make("p", { class: "live-readout" });
      this.former = []; // the curves of the run before
      this.player.pace = 20; // epochs in a second
      this.build(
        [
          make(
            "div", { class: "live-picture" },
            this.plane, make("p", { class: "live-hint" }, texts.pointsHint)),
          make("div", { class: "live-picture" }, this.chart, this.makeKey(), this.readout),
        ],
        this.makers(),
      );
    }

    makers() {
      const { texts } = this;
      const choose = (name) => (value) => this.choose(name, value);
      const select = (name, text, options) => () =>
        makeSelect(text, name, options, choose(name));
      const slider = (name, text, values) => () =>
        makeSlider(text, name, values, choose(name));
      const same = (names) => names.map((name) => [name, name]);
      return {
        points: select("points", texts.points, Object.entries(texts.pointSets)),
        learningRate: slider("learningRate", texts.learningRate, controls.learningRates()),
        solver: select("solver", texts.solver, same(live.SOLVERS)),
        batchSize: slider("batchSize", texts.batchSize, BATCH_SIZES),
        optimizer: select("optimizer", texts.optimizer, same(Object.keys(live.OPTIMIZERS))),
        schedule: select("schedule", texts.schedule, same(live.SCHEDULES)),
        hidden: select("hidden", texts.hidden, same(HIDDEN)),
        activation: select("activation", texts.activation, same(Object.keys(live.ACTIVATIONS))),
      };
    }

    /** What the two strokes of the chart are. */
    makeKey() {
      const key = make("div", { class: "live-key" });
      for (const name of ["training", "test"]) {
        key.append(make("span", { class: `live-${name}` }, make("i"), this.texts[name]));
      }
      return key;
    }

    moreButtons() {
      const redraw = () => this.change({ seed: this.settings.seed + 1 });
      return [makeButton(this.texts.redraw, redraw, { class: "live-redraw" })];
    }

    choose(name, value) {
      const changes = { [name]: value };
      if (name === "optimizer") changes.learningRate = RATES[value] || 0.02;
      if (name === "points") this.curves = undefined; // nothing to compare with
      this.change(changes);
    }

    showSettings() {
      super.showSettings();
      this.controls.batchSize?.enable(this.settings.solver === "minibatch");
    }

    get hasEnded() {
      return this.descent.lossCurve.length >= this.settings.epochs || !this.descent.isFinite;
    }

    restart() {
      const { settings } = this;
      this.data = live.pointsOf(settings.points, N_POINTS, 1);
      this.newData = live.pointsOf(settings.points, N_POINTS, 101);
      const hidden = settings.hidden.split(",").map(Number);
      this.network = new live.Network([2, ...hidden, 1], settings.activation, "binary_log_loss");
      this.descent = new live.Descent(
        this.network, this.network.draw(live.makeRandom(settings.seed)), this.data,
        { ...settings, maxEpochs: settings.epochs }, live.makeOrders(settings.seed + 1000));
      if (!this.curves) this.former = [];
      else if (this.curves.training.length > 3) this.former = Object.values(this.curves);
      this.curves = { training: [], test: [] };
      this.record();
    }

    record() {
      const { theta, lossCurve } = this.descent;
      const epoch = lossCurve.length;
      this.curves.training.push([epoch, this.network.meanLoss(theta, this.data)]);
      this.curves.test.push([epoch, this.network.meanLoss(theta, this.newData)]);
    }

    /** Train for an epoch, and return whether there is another one. */
    tick() {
      if (this.hasEnded) return false;
      this.descent.epoch();
      this.record();
      return !this.hasEnded;
    }

    redraw() {
      this.draw();
    }

    draw() {
      if (!this.plane.getBoundingClientRect().width) return;
      live.drawPlane(this.plane, this.network, this.descent.theta, this.data, REACH);
      const colour = canvas.colour(this.root, "text");
      const curves = this.former.map((points, k) =>
        ({ colour, points, dashed: k > 0, faint: true }));
      curves.push({ colour, points: this.curves.test, dashed: true });
      curves.push({ colour, points: this.curves.training });
      live.drawChart(this.chart, curves, {
        end: this.settings.epochs, range: [0.008, 2],
        x: this.texts.epochs, y: this.texts.loss,
      });
      this.readout.textContent = this.describe();
    }

    shareRight({ X, y }) {
      const { theta } = this.descent;
      const right = y.filter((label, i) => this.network.output(theta, X[i]) > 0 === label > 0);
      return `${Math.round((100 * right.length) / y.length)}%`;
    }

    /** What is written below the chart, and told to screen readers. */
    describe() {
      const epoch = this.descent.lossCurve.length;
      if (!this.descent.isFinite) return this.texts.pointsDiverged(epoch);
      return this.texts.pointsStatus(
        epoch, this.shareRight(this.data), this.shareRight(this.newData));
    }
  }

  live.PointsWidget = PointsWidget;
})((window.liveDescent = window.liveDescent || {}));
