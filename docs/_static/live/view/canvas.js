/** Canvases that are sharp on every screen, and colours that follow the theme. */
(function (live) {
  "use strict";

  /**
   * Make the canvas as fine as the screen, and clear it.
   *
   * @param {HTMLCanvasElement} canvas
   * @returns {{context: CanvasRenderingContext2D, width: number, height: number,
   *   ratio: number}} Sizes in CSS pixels, and device pixels in each.
   */
  function prepare(canvas) {
    const { width, height } = canvas.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    const [columns, rows] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== columns || canvas.height !== rows) {
      canvas.width = columns;
      canvas.height = rows;
    }
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    return { context, width, height, ratio };
  }

  /** A canvas that is never shown, to keep a picture in. */
  function makeLayer(columns, rows) {
    const layer = document.createElement("canvas");
    layer.width = columns;
    layer.height = rows;
    return layer;
  }

  /** The value of a CSS colour variable of the widget, such as "batch" or "text". */
  function colour(element, name) {
    return getComputedStyle(element).getPropertyValue(`--live-${name}`).trim();
  }

  /** A colour variable as its three numbers; it must be written as #rrggbb. */
  function rgb(element, name) {
    const code = parseInt(colour(element, name).slice(1), 16);
    return [code >> 16, (code >> 8) & 255, code & 255];
  }

  /** Call `draw` whenever the theme, the size or the zoom may have changed. */
  function onChange(element, draw) {
    new MutationObserver(draw).observe(document.documentElement, {
      attributes: true,
      attributeFilter: ["data-theme"],
    });
    new ResizeObserver(draw).observe(element);
  }

  /** A number for a reader, with a few significant digits and a true minus sign. */
  function format(value, digits = 2) {
    if (!Number.isFinite(value)) return "∞";
    const isPlain = value === 0 || (Math.abs(value) >= 1e-4 && Math.abs(value) < 1e4);
    const text = isPlain
      ? String(Number(value.toPrecision(digits)))
      : value.toExponential(Math.max(digits - 2, 0)).replace("e+", "e");
    return text.replace(/-/g, "\u2212");
  }

  live.canvas = { prepare, makeLayer, colour, rgb, onChange, format };
})((window.liveDescent = window.liveDescent || {}));
