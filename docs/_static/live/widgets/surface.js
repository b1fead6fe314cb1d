/** Batch, minibatch and sgd from one start, on the loss of a straight line. */
(function (live) {
  "use strict";

  const { canvas, controls, landscape } = live;
  const { make, makeButton, makeSelect, makeSlider } = controls;

  const DEFAULTS = {
    surface: "bowl", solvers: live.SOLVERS, optimizer: "gd", learningRate: 0.15,
    momentum: 0.9, batchSize: 8, schedule: "constant", clock: "passes", passes: 12,
    steps: 64, gradient: "no",
  };
  const PACES = { passes: 40, steps: 12 }; // ticks in a second
  const BATCH_SIZES = [2, 4, 8, 16, 32];
  const MOMENTA = [0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99];
  // Rates to begin with: of optimizers that measure their steps, whatever the slope; and
  // of the others, by the steepest curvature of the surface.
  const RATES = { adagrad: 0.5, adadelta: 10, rmsprop: 0.02 };
  const RATES_OF_SURFACE = { bowl: 0.15, valley: 0.1, turned: 0.3, hollows: 0.3 };

  /** The learning rate that an optimizer begins with on a surface. */
  function suggestedRate(optimizer, surface) {
    if (optimizer === "gd") return RATES_OF_SURFACE[surface];
    if (live.OPTIMIZERS[optimizer].hasMomentum) return 0.2 * RATES_OF_SURFACE[surface];
    return RATES[optimizer] || 0.1;
  }

  class SurfaceWidget extends live.Widget {
    constructor(container, options) {
      super(container, DEFAULTS, options);
      const { texts } = this;
      this.root.setAttribute("aria-label", texts.surfaceLabel);
      this.plane = make("canvas", {
        class: "live-plane", tabindex: 0, role: "application", "aria-label": texts.surfaceKeys,
      });
      this.chart = make("canvas", {
        class: "live-chart", role: "img", "aria-label": texts.chartLabel,
      });
      this.readout = make("p", { class: "live-readout" });
      this.former = []; // the runs before the last change, which stay to be compared
      this.surface = new live.Surface(this.settings.surface);
      this.start = [...(this.initial.start || this.surface.start)];
      this.build(
        [
          make(
            "div", { class: "live-picture" },
            this.plane, this.readout, make("p", { class: "live-hint" }, texts.surfaceHint)),
          make("div", { class: "live-picture" }, this.chart, this.makeLegend()),
        ],
        this.makers(),
      );
      this.listen();
    }

    /** The functions that make the controls, by the names of their settings. */
    makers() {
      const { texts } = this;
      const select = (name, text, options) => () =>
        makeSelect(text, name, options, (value) => this.choose(name, value));
      const slider = (name, text, values) => () =>
        makeSlider(text, name, values, (value) => this.choose(name, value));
      const same = (names) => names.map((name) => [name, name]);
      return {
        learningRate: slider("learningRate", texts.learningRate, controls.learningRates()),
        optimizer: select("optimizer", texts.optimizer, same(Object.keys(live.OPTIMIZERS))),
        momentum: slider("momentum", texts.momentum, MOMENTA),
        batchSize: slider("batchSize", texts.batchSize, BATCH_SIZES),
        schedule: select("schedule", texts.schedule, same(live.SCHEDULES)),
        surface: select("surface", texts.surface, Object.entries(texts.surfaces)),
        clock: select("clock", texts.clock, Object.entries(texts.clocks)),
      };
    }

    /** Take the setting that a reader has chosen. */
    choose(name, value) {
      const changes = { [name]: value };
      if (name === "optimizer" || name === "surface") {
        const { optimizer, surface } = { ...this.settings, ...changes };
        changes.learningRate = suggestedRate(optimizer, surface);
      }
      if (name === "surface") {
        this.surface = new live.Surface(value);
        this.start = [...this.surface.start];
        this.layer = undefined;
      }
      if (name === "surface" || name === "clock") this.race = undefined;
      this.change(changes);
    }

    showSettings() {
      super.showSettings();
      const { optimizer, solvers } = this.settings;
      this.controls.momentum?.enable(Boolean(live.OPTIMIZERS[optimizer].hasMomentum));
      this.controls.batchSize?.enable(solvers.includes("minibatch"));
    }

    /** One button for each solver, which shows and hides its path. */
    makeLegend() {
      this.legend = {};
      const legend = make("div", { class: "live-legend" });
      for (const solver of live.SOLVERS) {
        const [note, number] = [make("small"), make("output")];
        const name = make("span", {}, this.texts.solvers[solver]);
        const button = makeButton("", () => this.toggle(solver), { "data-solver": solver });
        button.append(make("i"), name, note, number);
        this.legend[solver] = { button, note, number };
        legend.append(button);
      }
      return legend;
    }

    toggle(solver) {
      const { solvers } = this.settings;
      const chosen = live.SOLVERS.filter((name) => solvers.includes(name) !== (name === solver));
      if (chosen.length) this.change({ solvers: chosen });
    }

    // The keyboard and the pointer -------------------------------------------------------

    listen() {
      this.plane.addEventListener("click", (event) => {
        const { left, top } = this.plane.getBoundingClientRect();
        this.start = this.view.toPlace(event.clientX - left, event.clientY - top);
        this.change({});
      });
      this.plane.addEventListener("keydown", (event) => this.press(event));
    }

    press(event) {
      const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
      const move = moves[event.key];
      if (move) {
        const distance = (event.shiftKey ? 40 : 10) / this.view.scale;
        this.start = this.start.map((value, k) => value + distance * move[k]);
        this.restart();
        this.player.pause();
        this.draw();
      } else if (event.key === "Enter") {
        this.change({});
      } else if (event.key === " ") {
        this.playOrPause();
      } else {
        return;
      }
      event.preventDefault();
    }

    // The descents -----------------------------------------------------------------------

    get hasEnded() {
      return this.race.hasEnded;
    }

    /** Begin a race; the paths of the last one stay, faintly, to be compared. */
    restart() {
      if (!this.race) this.former = [];
      else if (this.race.runs.some(({ places }) => places.length > 3)) {
        this.former = this.race.runs;
      }
      this.player.pace = PACES[this.settings.clock];
      this.race = new live.Race(this.surface, this.start, this.settings);
    }

    tick() {
      return this.race.tick();
    }

    stepOnce() {
      if (this.hasEnded) this.restart();
      this.race.advance();
      this.draw();
      this.player.pause();
    }

    reset() {
      if (this.surface.name !== this.initial.surface) {
        this.surface = new live.Surface(this.initial.surface);
      }
      this.start = [...(this.initial.start || this.surface.start)];
      this.race = undefined;
      super.reset();
    }

    // What is seen -----------------------------------------------------------------------

    redraw() {
      this.layer = undefined;
      this.draw();
    }

    draw() {
      const { context, width, height, ratio } = canvas.prepare(this.plane);
      if (!width) return;
      this.view = landscape.fitView(this.surface.view, width, height);
      this.layer ??= landscape.paintLandscape(
        this.root, (place) => this.surface.excessAt(place), this.view, width, height, ratio);
      context.drawImage(this.layer, 0, 0, width, height);
      const [text, halo] = ["text", "halo"].map((name) => canvas.colour(this.root, name));
      const colour = ({ solver }) => canvas.colour(this.root, solver);
      const pathOf = (run, isFaint) =>
        landscape.drawPath(context, this.view, run.places, colour(run), halo, isFaint);
      this.former.forEach((run) => pathOf(run, true));
      landscape.drawCross(context, this.view, this.surface.lowest.place, text, halo);
      // The smooth path last, so that no other hides it.
      [...this.race.runs].reverse().forEach((run) => pathOf(run, false));
      landscape.drawRing(context, this.view, this.start, text, halo);
      if (this.settings.gradient === "yes") this.drawGradient(context, text, halo);
      for (const run of [...this.race.runs].reverse()) {
        landscape.drawHead(context, this.view, run.places.at(-1), colour(run), halo);
      }
      this.drawCurves(colour);
      this.writeNumbers();
    }

    /** The arrow of the first step of plain descent. */
    drawGradient(context, text, halo) {
      const gradient = this.surface.gradientAt(this.start);
      const to = this.start.map((value, k) => value - this.settings.learningRate * gradient[k]);
      landscape.drawArrow(context, this.view, this.start, to, text, halo);
    }

    drawCurves(colour) {
      const curve = (faint) => (run) => ({ colour: colour(run), faint, points: run.curve });
      const first = this.surface.excessAt(this.start);
      const { race, texts } = this;
      live.drawChart(
        this.chart,
        [...this.former.map(curve(true)), ...[...race.runs].reverse().map(curve(false))],
        {
          end: race.end,
          range: [10 ** Math.floor(Math.log10(first / 500)), Math.max(3 * first, 0.1)],
          x: race.bySteps ? texts.steps : texts.epochs,
          y: texts.excess,
        },
      );
    }

    writeNumbers() {
      const { format } = canvas;
      const [w, b] = this.start;
      const slope = Math.hypot(...this.surface.gradientAt(this.start));
      this.readout.textContent = this.texts.here({
        w: format(w, 2), b: format(b, 2),
        loss: format(this.surface.lossAt(this.start), 3), slope: format(slope, 3),
      });
      for (const [solver, { button, note, number }] of Object.entries(this.legend)) {
        const run = this.race.runs.find((other) => other.solver === solver);
        button.setAttribute("aria-pressed", Boolean(run));
        note.textContent = this.texts.samplesAStep(
          live.samplesOfStep(solver, this.settings.batchSize, this.race.n));
        number.textContent = run ? this.excessOf(run) : "";
      }
    }

    excessOf({ descent, excess }) {
      const hasDiverged = !descent.isFinite || !(excess < 1e6);
      return hasDiverged ? this.texts.diverged : canvas.format(Math.max(excess, 0), 2);
    }

    /** What screen readers are told. */
    describe() {
      const { race, texts } = this;
      const results = race.runs.map((run) => texts.result(run.solver, this.excessOf(run)));
      const unit = race.bySteps ? texts.steps : texts.epochs;
      return texts.surfaceStatus(canvas.format(race.time, 3), unit, results.join(" "));
    }
  }

  live.SurfaceWidget = SurfaceWidget;
})((window.liveDescent = window.liveDescent || {}));
