/** Play, pause, step and reset: what moves a widget on, frame by frame. */
(function (live) {
  "use strict";

  const prefersStill = window.matchMedia("(prefers-reduced-motion: reduce)");

  class Player {
    /**
     * @param {object} widget - Has `tick()`, which moves it on and returns whether it
     *   can go on, `draw()`, and `playerChanged()`.
     * @param {HTMLElement} element - While it is out of sight, nothing moves.
     */
    constructor(widget, element) {
      Object.assign(this, { widget, isPlaying: false, isSeen: false });
      this.pace = 20; // ticks in a second, at normal speed
      this.speed = 1;
      this.seenBefore = false;
      new IntersectionObserver(([entry]) => this._see(entry.isIntersecting), {
        threshold: 0.25,
      }).observe(element);
    }

    /** Go on to the end; where motion is not wanted, be there at once. */
    play() {
      if (prefersStill.matches) return this.finish();
      if (this.isPlaying) return undefined;
      this.isPlaying = true;
      this.due = 0;
      this.last = undefined;
      this._ask();
      return this.widget.playerChanged();
    }

    pause() {
      this.isPlaying = false;
      cancelAnimationFrame(this.next);
      this.widget.playerChanged();
    }

    /** Make all ticks that are left, without a picture between them. */
    finish() {
      while (this.widget.tick());
      this.widget.draw();
      this.pause();
    }

    /** Make one tick. */
    step() {
      this.widget.tick();
      this.widget.draw();
      this.pause();
    }

    _see(isSeen) {
      this.isSeen = isSeen;
      if (isSeen && !this.seenBefore) {
        this.seenBefore = true;
        this.widget.firstSeen();
      }
    }

    _frame(time) {
      const seconds = this.isSeen ? Math.min((time - (this.last ?? time)) / 1000, 0.1) : 0;
      this.last = time;
      this.due += seconds * this.pace * this.speed;
      let goesOn = true;
      let moved = false;
      for (; this.due >= 1 && goesOn; this.due -= 1) {
        goesOn = this.widget.tick();
        moved = true;
      }
      if (moved) this.widget.draw();
      if (goesOn) this._ask();
      else this.pause();
    }

    _ask() {
      this.next = requestAnimationFrame((time) => this._frame(time));
    }
  }

  live.Player = Player;
})((window.liveDescent = window.liveDescent || {}));
