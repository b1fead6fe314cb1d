/**
 * Optimizers and schedules: how a gradient becomes a step, with the arithmetic of
 * skgd/kernels/formulas/optimizers.py and skgd/descent/schedules.py.
 */
(function (live) {
  "use strict";

  /** The library's defaults. */
  const DEFAULTS = { momentum: 0.9, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, powerT: 0.5 };

  // NAdam's momentum grows from about half of beta_1 to beta_1: what is missing shrinks
  // by this factor at each step.
  const NADAM_SHRINKAGE = 0.96 ** 0.004;

  // Ticks: each moves the clock, products over all steps so far, on by one step, and
  // returns the step's factors.

  function plainTick(clock, rate, p) {
    return { rate, epsilon: p.epsilon };
  }

  function adamTick(clock, rate, p) {
    clock.beta1 *= p.beta1;
    clock.beta2 *= p.beta2;
    const corrected = (rate * Math.sqrt(1 - clock.beta2)) / (1 - clock.beta1);
    return { rate: corrected, epsilon: p.epsilon };
  }

  function amsgradTick(clock, rate, p) {
    const step = adamTick(clock, rate, p);
    return { rate: step.rate, epsilon: p.epsilon * Math.sqrt(1 - clock.beta2) };
  }

  function nadamTick(clock, rate, p) {
    clock.beta2 *= p.beta2;
    clock.shrinkage *= NADAM_SHRINKAGE;
    const momentum = p.beta1 * (1 - 0.5 * clock.shrinkage);
    const coming = p.beta1 * (1 - 0.5 * (clock.shrinkage * NADAM_SHRINKAGE));
    clock.momenta *= momentum;
    const root = Math.sqrt(1 - clock.beta2);
    return {
      rate: (rate * root * coming) / (1 - clock.momenta * coming),
      gradientRate: (rate * root * (1 - momentum)) / (1 - clock.momenta),
      epsilon: p.epsilon * root,
    };
  }

  // Moves: each returns what is taken from parameter i, whose gradient is g, and writes
  // the vectors of the memory at i.

  function gd(g, memory, i, step) {
    return step.rate * g;
  }

  function momentum(g, [velocity], i, step, p) {
    velocity[i] = p.momentum * velocity[i] - step.rate * g;
    return -velocity[i];
  }

  function nesterov(g, [velocity], i, step, p) {
    velocity[i] = p.momentum * velocity[i] - step.rate * g;
    return step.rate * g - p.momentum * velocity[i];
  }

  function adagrad(g, [second], i, step) {
    second[i] += g * g;
    return (step.rate * g) / (Math.sqrt(second[i]) + step.epsilon);
  }

  function rmsprop(g, [second], i, step, p) {
    second[i] = p.beta2 * second[i] + (1 - p.beta2) * (g * g);
    return (step.rate * g) / (Math.sqrt(second[i]) + step.epsilon);
  }

  function adadelta(g, [second, moves], i, step, p) {
    second[i] = p.beta2 * second[i] + (1 - p.beta2) * (g * g);
    const move = Math.sqrt((moves[i] + step.epsilon) / (second[i] + step.epsilon)) * g;
    moves[i] = p.beta2 * moves[i] + (1 - p.beta2) * (move * move);
    return step.rate * move;
  }

  function rememberMoments(g, [first, second], i, p) {
    first[i] = p.beta1 * first[i] + (1 - p.beta1) * g;
    second[i] = p.beta2 * second[i] + (1 - p.beta2) * (g * g);
  }

  function adam(g, memory, i, step, p) {
    rememberMoments(g, memory, i, p);
    return (step.rate * memory[0][i]) / (Math.sqrt(memory[1][i]) + step.epsilon);
  }

  function amsgrad(g, memory, i, step, p) {
    rememberMoments(g, memory, i, p);
    memory[2][i] = Math.max(memory[2][i], memory[1][i]);
    return (step.rate * memory[0][i]) / (Math.sqrt(memory[2][i]) + step.epsilon);
  }

  function nadam(g, memory, i, step, p) {
    rememberMoments(g, memory, i, p);
    const ahead = step.rate * memory[0][i] + step.gradientRate * g;
    return ahead / (Math.sqrt(memory[1][i]) + step.epsilon);
  }

  /**
   * The optimizers, by the library's names: how many vectors each remembers, its tick
   * and its move. `hasMomentum` says whether it reads the parameter `momentum`.
   */
  const OPTIMIZERS = {
    gd: { rows: 0, tick: plainTick, move: gd },
    momentum: { rows: 1, tick: plainTick, move: momentum, hasMomentum: true },
    nesterov: { rows: 1, tick: plainTick, move: nesterov, hasMomentum: true },
    adagrad: { rows: 1, tick: plainTick, move: adagrad },
    rmsprop: { rows: 1, tick: plainTick, move: rmsprop },
    adadelta: { rows: 2, tick: plainTick, move: adadelta },
    adam: { rows: 2, tick: adamTick, move: adam },
    amsgrad: { rows: 3, tick: amsgradTick, move: amsgrad },
    nadam: { rows: 2, tick: nadamTick, move: nadam },
  };

  // Schedules ------------------------------------------------------------------------

  function cosine(progress) {
    return 0.5 * (1 + Math.cos(Math.PI * progress));
  }

  function oneCycle(progress) {
    const rise = 0.3, lowest = 1 / 25, last = 1 / 250000;
    return progress < rise
      ? lowest + (1 - lowest) * cosine(1 - progress / rise)
      : last + (1 - last) * cosine((progress - rise) / (1 - rise));
  }

  /** Curves over the progress of training, which goes from 0 to 1. */
  const CURVES = {
    constant: () => 1,
    exponential: (progress) => 0.01 ** progress,
    cosine,
    one_cycle: oneCycle,
  };

  /** The schedules, by the library's names for `learning_rate`. */
  const SCHEDULES = ["constant", "invscaling", ...Object.keys(CURVES).slice(1)];

  /**
   * The learning rate of a step.
   *
   * @param {string} schedule - One of `SCHEDULES`.
   * @param {number} rate - The `learning_rate_init`.
   * @param {number} step - Steps before this one.
   * @param {number} nSteps - Steps of the whole training.
   * @param {number} seen - Samples seen in the epochs before.
   * @param {number} powerT - The exponent of "invscaling".
   * @returns {number}
   */
  function rateOfStep(schedule, rate, step, nSteps, seen, powerT) {
    if (schedule === "invscaling") return seen ? rate / (seen + 1) ** powerT : rate;
    return rate * CURVES[schedule](Math.min(step / Math.max(nSteps - 1, 1), 1));
  }

  Object.assign(live, { DEFAULTS, OPTIMIZERS, SCHEDULES, rateOfStep });
})((window.liveDescent = window.liveDescent || {}));
