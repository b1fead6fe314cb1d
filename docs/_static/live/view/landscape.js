/** The landscape of a loss over two parameters: shades, contour lines, and paths. */
(function (live) {
  "use strict";

  const { canvas } = live;
  const CELL = 5; // CSS pixels between the places at which the loss is computed
  const N_CONTOURS = 13;
  const N_CLEAR = 70; // steps at the end of a path that are drawn clearly

  /** Keep the scale of both axes equal: widen the view to the canvas's shape. */
  function fitView({ w, b }, width, height) {
    const scale = Math.min(width / (w[1] - w[0]), height / (b[1] - b[0]));
    const middle = ([low, high], size) => (low + high) / 2 - size / scale / 2;
    const [left, bottom] = [middle(w, width), middle(b, height)];
    return {
      scale,
      toPixel: (u, v) => [(u - left) * scale, height - (v - bottom) * scale],
      toPlace: (x, y) => [left + x / scale, bottom + (height - y) / scale],
    };
  }

  /** Heights on a grid over the picture, on a logarithmic scale from 0 to 1. */
  function heightsOf(excessAt, view, columns, rows) {
    const heights = new Float64Array(columns * rows);
    let top = 0;
    for (let j = 0; j < rows; j++) {
      for (let i = 0; i < columns; i++) {
        const excess = excessAt(view.toPlace(i * CELL, j * CELL));
        heights[j * columns + i] = excess;
        top = Math.max(top, excess);
      }
    }
    // Logarithmic high up, so that the levels lie closer together near the bottom.
    const unit = top / 60;
    const whole = Math.log1p(top / unit);
    return heights.map((excess) => Math.log1p(Math.max(excess, 0) / unit) / whole);
  }

  /**
   * Paint the landscape once; it is drawn below the paths of each frame.
   *
   * @param {HTMLElement} element - Whose colours are taken.
   * @param {function(number[]): number} excessAt - How far the loss at a place [w, b] is
   *   above the lowest one.
   * @returns {HTMLCanvasElement}
   */
  function paintLandscape(element, excessAt, view, width, height, ratio) {
    const [columns, rows] = [Math.ceil(width / CELL) + 2, Math.ceil(height / CELL) + 2];
    const heights = heightsOf(excessAt, view, columns, rows);
    const layer = canvas.makeLayer(Math.round(width * ratio), Math.round(height * ratio));
    const context = layer.getContext("2d");
    const image = context.createImageData(layer.width, layer.height);
    const stops = ["low", "middle", "high"].map((name) => canvas.rgb(element, name));
    const contour = canvas.rgb(element, "contour");
    const cell = CELL * ratio;
    for (let y = 0; y < layer.height; y++) {
      for (let x = 0; x < layer.width; x++) {
        const { value, right, down } = interpolate(heights, columns, x / cell, y / cell);
        const slope = Math.hypot(right, down) / cell + 1e-9;
        // Light from the upper left; and a line, about a pixel wide, at each level.
        const light = 1 + 0.04 * Math.tanh((80 * ratio * (right + down)) / cell);
        const level = value * N_CONTOURS;
        const distance = Math.abs(level - Math.round(level)) / (slope * N_CONTOURS);
        const line = 0.55 * Math.max(0, 1 - distance / ratio);
        const place = 4 * (y * layer.width + x);
        for (let k = 0; k < 3; k++) {
          const shade = between(stops, value, k) * light;
          image.data[place + k] = shade + (contour[k] - shade) * line;
        }
        image.data[place + 3] = 255;
      }
    }
    context.putImageData(image, 0, 0);
    return layer;
  }

  /** Number k of the colour at a height from 0 to 1, between three colours. */
  function between([low, middle, high], value, k) {
    return value < 0.5
      ? low[k] + (middle[k] - low[k]) * 2 * value
      : middle[k] + (high[k] - middle[k]) * (2 * value - 1);
  }

  /** Height at a place of the grid, and how much it rises to the right and down. */
  function interpolate(heights, columns, x, y) {
    const [i, j] = [Math.floor(x), Math.floor(y)];
    const [u, v] = [x - i, y - j];
    const place = j * columns + i;
    const [a, b] = [heights[place], heights[place + 1]];
    const [c, d] = [heights[place + columns], heights[place + columns + 1]];
    return {
      value: a * (1 - u) * (1 - v) + b * u * (1 - v) + c * (1 - u) * v + d * u * v,
      right: (b - a) * (1 - v) + (d - c) * v,
      down: (c - a) * (1 - u) + (d - b) * u,
    };
  }

  // Marks ----------------------------------------------------------------------------

  /**
   * Draw a path of [w, b] places. Of a long one the last steps are clear, and those
   * before them faint; so is the whole of a former run.
   */
  function drawPath(context, view, places, colour, halo, isFormer) {
    const pixels = places.map(([w, b]) => view.toPixel(w, b)).filter(isNear);
    const nClear = isFormer ? 0 : N_CLEAR;
    const faint = pixels.slice(0, Math.max(pixels.length - nClear + 1, 0));
    const clear = pixels.slice(Math.max(pixels.length - nClear, 0));
    context.lineJoin = "round";
    line(context, faint);
    stroke(context, colour, 1.25, 0.35);
    if (isFormer) return;
    line(context, clear);
    stroke(context, halo, 3.5, 0.5);
    stroke(context, colour, 1.75, 1);
    context.fillStyle = colour;
    for (const [x, y] of clear) disc(context, x, y, pixels.length > N_CLEAR ? 1.7 : 2.4);
  }

  function line(context, pixels) {
    context.beginPath();
    for (const [x, y] of pixels) context.lineTo(x, y);
  }

  /** Whether a pixel is near enough for a browser to draw a line to it. */
  function isNear([x, y]) {
    return Math.abs(x) < 1e5 && Math.abs(y) < 1e5;
  }

  function stroke(context, colour, width, alpha) {
    context.globalAlpha = alpha;
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.stroke();
    context.globalAlpha = 1;
  }

  function disc(context, x, y, radius) {
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
  }

  /** The place where a descent is now. */
  function drawHead(context, view, place, colour, halo) {
    const [x, y] = view.toPixel(...place);
    if (!isNear([x, y])) return;
    context.fillStyle = halo;
    disc(context, x, y, 6.5);
    context.fillStyle = colour;
    disc(context, x, y, 5);
  }

  /** A ring for the start, and a cross for the lowest point. */
  function drawRing(context, view, place, colour, halo) {
    const [x, y] = view.toPixel(...place);
    for (const [width, ink] of [[4.5, halo], [2, colour]]) {
      context.beginPath();
      context.arc(x, y, 7, 0, 2 * Math.PI);
      stroke(context, ink, width, 1);
    }
  }

  function drawCross(context, view, place, colour, halo) {
    const [x, y] = view.toPixel(...place);
    for (const [width, ink] of [[4, halo], [1.75, colour]]) {
      context.beginPath();
      context.moveTo(x - 6, y);
      context.lineTo(x + 6, y);
      context.moveTo(x, y - 6);
      context.lineTo(x, y + 6);
      stroke(context, ink, width, 1);
    }
  }

  /** An arrow from one place to another, for the first step of plain descent. */
  function drawArrow(context, view, from, to, colour, halo) {
    const [x0, y0] = view.toPixel(...from);
    const [x1, y1] = view.toPixel(...to);
    const length = Math.hypot(x1 - x0, y1 - y0);
    if (length < 10 || !isNear([x1, y1])) return;
    const [u, v] = [(x1 - x0) / length, (y1 - y0) / length];
    for (const [width, ink] of [[5, halo], [2.25, colour]]) {
      context.beginPath();
      context.moveTo(x0 + 8 * u, y0 + 8 * v);
      context.lineTo(x1, y1);
      context.moveTo(x1 - 8 * u + 5 * v, y1 - 8 * v - 5 * u);
      context.lineTo(x1, y1);
      context.lineTo(x1 - 8 * u - 5 * v, y1 - 8 * v + 5 * u);
      stroke(context, ink, width, 1);
    }
  }

  live.landscape = {
    fitView, paintLandscape, drawPath, drawHead, drawRing, drawCross, drawArrow,
  };
})((window.liveDescent = window.liveDescent || {}));
