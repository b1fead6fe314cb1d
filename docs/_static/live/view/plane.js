/** A plane of points of two classes, coloured by what a network says of each place. */
(function (live) {
  "use strict";

  const { canvas } = live;
  const N = 72; // places in each direction at which the network is asked

  /** The raw outputs on a grid over the plane, row by row from the top. */
  function outputsOf(network, theta, reach) {
    const outputs = new Float64Array(N * N);
    for (let j = 0; j < N; j++) {
      for (let i = 0; i < N; i++) {
        const x = reach * ((2 * i) / (N - 1) - 1);
        const y = reach * (1 - (2 * j) / (N - 1));
        outputs[j * N + i] = network.output(theta, [x, y]);
      }
    }
    return outputs;
  }

  /**
   * Draw the plane.
   *
   * @param {HTMLCanvasElement} element
   * @param {Network} network
   * @param {Float64Array} theta
   * @param {{X: number[][], y: number[]}} points
   * @param {number} reach - The plane goes from minus this to this, in both directions.
   */
  function drawPlane(element, network, theta, points, reach) {
    const { context, width, height } = canvas.prepare(element);
    const outputs = outputsOf(network, theta, reach);
    drawField(context, element, outputs, width, height);
    drawBoundary(context, outputs, width, height, canvas.colour(element, "text"));
    const colours = ["first", "second"].map((name) => canvas.colour(element, name));
    const halo = canvas.colour(element, "halo");
    points.X.forEach(([x, y], i) => {
      context.beginPath();
      context.arc(
        (width * (x / reach + 1)) / 2, (height * (1 - y / reach)) / 2, 3.6, 0, 2 * Math.PI);
      context.fillStyle = colours[points.y[i]];
      context.fill();
      context.strokeStyle = halo;
      context.lineWidth = 1;
      context.stroke();
    });
  }

  /** Colour each place by the probability of the second class. */
  function drawField(context, element, outputs, width, height) {
    const [first, middle, second] = ["first", "even", "second"].map((name) =>
      canvas.rgb(element, name));
    const layer = canvas.makeLayer(N, N);
    const image = layer.getContext("2d").createImageData(N, N);
    outputs.forEach((raw, place) => {
      // From -1 to 1; 0 where a diverged network knows nothing.
      const sure = Number.isNaN(raw) ? 0 : 2 * live.logistic(raw) - 1;
      const [end, share] = [sure < 0 ? first : second, 0.62 * Math.abs(sure)];
      for (let k = 0; k < 3; k++) {
        image.data[4 * place + k] = middle[k] + (end[k] - middle[k]) * share;
      }
      image.data[4 * place + 3] = 255;
    });
    layer.getContext("2d").putImageData(image, 0, 0);
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    // The grid's outer places lie on the border of the plane.
    const [dx, dy] = [width / (N - 1) / 2, height / (N - 1) / 2];
    context.drawImage(layer, -dx, -dy, width + 2 * dx, height + 2 * dy);
  }

  /** Draw where the raw output is 0, cell by cell ("marching squares"). */
  function drawBoundary(context, outputs, width, height, colour) {
    context.beginPath();
    for (let j = 0; j < N - 1; j++) {
      for (let i = 0; i < N - 1; i++) {
        const crossings = crossingsOf(outputs, i, j);
        for (let k = 0; k + 1 < crossings.length; k += 2) {
          for (const [n, [x, y]] of [crossings[k], crossings[k + 1]].entries()) {
            const place = [(x * width) / (N - 1), (y * height) / (N - 1)];
            if (n === 0) context.moveTo(...place);
            else context.lineTo(...place);
          }
        }
      }
    }
    context.strokeStyle = colour;
    context.lineWidth = 2;
    context.lineCap = "round";
    context.stroke();
  }

  /** Where the output changes its sign along the four sides of a cell. */
  function crossingsOf(outputs, i, j) {
    const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]];
    const crossings = [];
    corners.forEach(([x0, y0], side) => {
      const [x1, y1] = corners[(side + 1) % 4];
      const [a, b] = [outputs[y0 * N + x0], outputs[y1 * N + x1]];
      if (a < 0 === b < 0) return;
      const share = a / (a - b);
      crossings.push([x0 + share * (x1 - x0), y0 + share * (y1 - y0)]);
    });
    return crossings;
  }

  live.drawPlane = drawPlane;
})((window.liveDescent = window.liveDescent || {}));
