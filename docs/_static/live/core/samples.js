/**
 * Samples to learn from, and the random numbers that they are made of. The same seed
 * gives the same numbers in every browser.
 */
(function (live) {
  "use strict";

  /**
   * A generator of random numbers between 0 and 1: a counter whose bits are mixed.
   *
   * @param {number} seed
   * @returns {function(): number}
   */
  function makeRandom(seed) {
    let counter = seed * 0x9e3779b9;
    return () => {
      counter = (counter + 0x9e3779b9) | 0;
      let bits = Math.imul(counter ^ (counter >>> 16), 0x21f0aaad);
      bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
      return ((bits ^ (bits >>> 15)) >>> 0) / 2 ** 32;
    };
  }

  /** A draw from the normal distribution of mean 0 and variance 1 (Box and Muller). */
  function normal(random) {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    return radius * Math.cos(2 * Math.PI * random());
  }

  /** A function that returns the numbers below n in random order. */
  function makeOrders(seed) {
    const random = makeRandom(seed);
    return (n) => {
      const order = [...Array(n).keys()];
      for (let i = n - 1; i > 0; i--) {
        const j = Math.floor(random() * (i + 1));
        [order[i], order[j]] = [order[j], order[i]];
      }
      return order;
    };
  }

  /** Shift and scale numbers to a mean and a standard deviation. */
  function standardise(numbers, mean = 0, deviation = 1) {
    const n = numbers.length;
    const middle = numbers.reduce((a, b) => a + b) / n;
    const square = numbers.reduce((a, b) => a + (b - middle) ** 2, 0) / n;
    return numbers.map((a) => mean + (deviation * (a - middle)) / Math.sqrt(square));
  }

  // Surfaces: a straight line, whose slope w and intercept b are the two parameters ----

  const N_OF_LINE = 64;

  /**
   * Landscapes over w and b. The samples of each are 64 pairs of x and y; x has a given
   * mean and deviation, of which the landscape's shape follows. `view` is the rectangle
   * that is shown, `start` where the first descent begins.
   */
  const SURFACES = {
    // Curvature 1 in all directions, as x has mean 0 and variance 1.
    bowl: {
      loss: "squared_error", mean: 0, deviation: 1, target: (x, e) => 1.2 * x + 0.3 + 0.7 * e,
      view: { w: [-1.6, 3.4], b: [-1.6, 1.9] }, start: [-1.0, 1.4],
    },
    // Curvatures 16 along w and 1 along b.
    valley: {
      loss: "squared_error", mean: 0, deviation: 4, target: (x, e) => 0.2 * x + 0.3 + 0.7 * e,
      view: { w: [-1.5, 2.4], b: [-0.9, 1.8] }, start: [-0.4, 1.5],
    },
    // Curvatures 4 and 1/4, along directions between the axes.
    turned: {
      loss: "squared_error", mean: 1.5, deviation: 1, target: (x, e) => 0.9 * x - 0.4 + 0.7 * e,
      view: { w: [-1.6, 3.4], b: [-2.2, 1.3] }, start: [-0.6, 0.8],
    },
    // Five of eight samples are on one line and three on another, and the loss hardly
    // counts those far off. So each line is a minimum.
    hollows: {
      loss: "welsch", mean: 0, deviation: 1,
      target: (x, e, i) => (i % 8 < 5 ? x + 0.5 : -0.8 * x - 0.6) + 0.3 * e,
      view: { w: [-2.9, 2.9], b: [-2.1, 1.96] }, start: [-1.7, -1.3],
    },
  };

  /** The samples of a surface. */
  function samplesOfSurface(name) {
    const { mean, deviation, target } = SURFACES[name];
    const random = makeRandom(7);
    const draws = Array.from({ length: N_OF_LINE }, () => [normal(random), normal(random)]);
    const z = standardise(draws.map(([first]) => first));
    const errors = standardise(draws.map(([, second]) => second));
    const x = z.map((value) => mean + deviation * value);
    return { X: x.map((value) => [value]), y: x.map((value, i) => target(value, errors[i], i)) };
  }

  // Points in a plane, of two classes --------------------------------------------------

  /** Each returns the place of a point, given its class and two random numbers. */
  const POINTS = {
    moons(label, u) {
      const angle = Math.PI * u;
      return label
        ? [1 - Math.cos(angle) - 0.5, 0.5 - Math.sin(angle) - 0.25]
        : [Math.cos(angle) - 0.5, Math.sin(angle) - 0.25];
    },
    circles(label, u) {
      const [angle, radius] = [2 * Math.PI * u, label ? 0.45 : 1.1];
      return [radius * Math.cos(angle), radius * Math.sin(angle)];
    },
    blobs(label, u) {
      const side = u < 0.5 ? -0.75 : 0.75;
      return label ? [side, -side] : [side, side];
    },
    spirals(label, u) {
      const [turn, side] = [Math.sqrt(u) * 3.2 * Math.PI, label ? -1 : 1];
      return [side * 0.13 * turn * Math.cos(turn), side * 0.13 * turn * Math.sin(turn)];
    },
  };

  const NOISE = { moons: 0.16, circles: 0.13, blobs: 0.3, spirals: 0.04 };
  // So that all fill a plane from -2.5 to 2.5.
  const SCALES = { moons: 1.25, circles: 1.6, blobs: 1.4, spirals: 1.7 };

  /**
   * Points of two classes, half of them each, in a fixed random order.
   *
   * @param {string} name - A key of `POINTS`.
   * @param {number} n
   * @param {number} seed
   * @returns {{X: number[][], y: number[]}}
   */
  function pointsOf(name, n, seed) {
    const random = makeRandom(seed);
    const y = makeOrders(seed + 1)(n).map((i) => i % 2);
    const X = y.map((label) => {
      const place = POINTS[name](label, random());
      return place.map((value) => SCALES[name] * (value + NOISE[name] * normal(random)));
    });
    return { X, y };
  }

  Object.assign(live, { SURFACES, POINTS, makeRandom, makeOrders, samplesOfSurface, pointsOf });
})((window.liveDescent = window.liveDescent || {}));
