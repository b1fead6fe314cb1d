/** What both widgets share: their frame, their buttons, and how a setting is changed. */
(function (live) {
  "use strict";

  const { make, makeButton, makeSelect } = live.controls;

  class Widget {
    /**
     * @param {HTMLElement} container - Where the page has the widget.
     * @param {object} defaults - Settings of the widget.
     * @param {object} options - Those that the page changes, and `controls`, the names of
     *   the controls that it shows (all, if it says nothing).
     */
    constructor(container, defaults, options) {
      this.texts = live.textsOf(container.dataset.language);
      this.initial = { ...defaults, ...options };
      this.settings = { ...this.initial };
      this.root = make("div", { class: "live", role: "group" });
      container.append(this.root);
      this.controls = {}; // by the names of their settings
      this.player = new live.Player(this, this.root);
    }

    /**
     * Put the parts together, and begin.
     *
     * @param {HTMLElement[]} pictures - The buttons go below the first one.
     * @param {Object<string, function>} makers - Make a control, by names of settings.
     */
    build(pictures, makers) {
      const shown = this.initial.controls || Object.keys(makers);
      for (const name of shown) this.controls[name] = makers[name]();
      this.status = make("p", { class: "live-status", role: "status" });
      pictures[0].append(this.makeButtons());
      this.root.append(
        make("div", { class: "live-pictures" }, ...pictures),
        make(
          "div", { class: "live-controls" },
          ...Object.values(this.controls).map(({ element }) => element),
        ),
        this.status,
      );
      this.showSettings();
      this.restart();
      this.playerChanged();
      // No change of the theme or the size may come before the first picture.
      live.canvas.onChange(this.root, () => this.redraw());
    }

    makeButtons() {
      const { texts } = this;
      this.playButton = makeButton("", () => this.playOrPause(), { class: "live-play" });
      const speeds = [0.25, 1, 4].map((speed) => [speed, texts.speeds[speed]]);
      const speed = makeSelect(texts.speed, "speed", speeds, (value) => {
        this.player.speed = Number(value);
      });
      speed.show(1);
      return make(
        "div", { class: "live-buttons" },
        this.playButton,
        makeButton(texts.step, () => this.stepOnce(), { class: "live-step" }),
        makeButton(texts.reset, () => this.reset(), { class: "live-reset" }),
        ...this.moreButtons(),
        speed.element,
      );
    }

    moreButtons() {
      return [];
    }

    /** Let the controls show the settings. */
    showSettings() {
      for (const [name, control] of Object.entries(this.controls)) {
        control.show(this.settings[name]);
      }
    }

    /** Change settings, and run again from the start. */
    change(changes) {
      Object.assign(this.settings, changes);
      this.showSettings();
      this.restart();
      this.player.play();
    }

    playOrPause() {
      if (this.player.isPlaying) return this.player.pause();
      if (this.hasEnded) this.restart();
      return this.player.play();
    }

    stepOnce() {
      if (this.hasEnded) this.restart();
      this.player.step();
    }

    /** Go back to how the page was opened. */
    reset() {
      this.settings = { ...this.initial };
      this.showSettings();
      this.restart();
      this.player.pause();
      this.redraw();
    }

    /** Begin to move when a reader first sees it. */
    firstSeen() {
      if (this.initial.autoplay !== false) this.player.play();
    }

    playerChanged() {
      const { isPlaying } = this.player;
      this.playButton.textContent = isPlaying ? this.texts.pause : this.texts.play;
      this.root.classList.toggle("live-playing", isPlaying);
      // Said to screen readers, so not at each tick.
      if (!isPlaying) this.status.textContent = this.describe();
    }
  }

  live.Widget = Widget;
})((window.liveDescent = window.liveDescent || {}));
