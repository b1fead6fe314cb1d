/** A chart of loss curves, with a logarithmic axis for the loss. */
(function (live) {
  "use strict";

  const { canvas } = live;
  const MARGIN = { left: 50, right: 12, top: 24, bottom: 34 };

  /** Round distances between ticks, so that about `n` of them fill the range. */
  function tickDistance(range, n) {
    const rough = range / n;
    const power = 10 ** Math.floor(Math.log10(rough));
    return power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  }

  /** The powers of ten, and where few of them are seen 2 and 5 times them. */
  function logarithmicTicks(low, high) {
    const factors = Math.log10(high / low) < 2 ? [1, 2, 5] : [1];
    const ticks = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
      for (const factor of factors) {
        const tick = factor * 10 ** power;
        if (tick >= low && tick <= high) ticks.push(tick);
      }
    }
    return ticks;
  }

  /**
   * Draw curves.
   *
   * @param {HTMLCanvasElement} element
   * @param {{colour: string, dashed: boolean, faint: boolean,
   *   points: Array<[number, number]>}[]} curves - A point is x and a positive loss.
   * @param {object} axes
   * @param {number} axes.end - Where the horizontal axis ends.
   * @param {[number, number]} axes.range - Of the loss.
   * @param {string} axes.x - What the horizontal axis shows, and so for y.
   * @param {string} axes.y
   */
  function drawChart(element, curves, axes) {
    const { context, width, height } = canvas.prepare(element);
    const box = {
      left: MARGIN.left, right: width - MARGIN.right,
      top: MARGIN.top, bottom: height - MARGIN.bottom,
    };
    const [low, high] = axes.range.map(Math.log);
    const toX = (x) => box.left + ((box.right - box.left) * x) / axes.end;
    const toY = (loss) =>
      box.bottom - ((box.bottom - box.top) * (Math.log(loss) - low)) / (high - low);
    drawAxes(context, element, axes, box, toX, toY);
    context.save();
    context.beginPath();
    context.rect(box.left, box.top - 4, box.right - box.left + 8, box.bottom - box.top + 5);
    context.clip();
    for (const curve of curves) drawCurve(context, curve, axes.range[0], toX, toY);
    context.restore();
  }

  function drawAxes(context, element, axes, box, toX, toY) {
    const [text, line] = [canvas.colour(element, "muted"), canvas.colour(element, "line")];
    context.font = `11px ${getComputedStyle(element).fontFamily}`;
    context.fillStyle = text;
    context.strokeStyle = line;
    context.lineWidth = 1;
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const tick of logarithmicTicks(...axes.range)) {
      const y = Math.round(toY(tick)) + 0.5;
      rule(context, box.left, y, box.right, y);
      context.fillText(canvas.format(tick, 1), box.left - 6, y);
    }
    context.textAlign = "center";
    context.textBaseline = "top";
    const distance = tickDistance(axes.end, 5);
    for (let tick = 0; tick <= axes.end * 1.001; tick += distance) {
      context.fillText(canvas.format(tick, 3), toX(tick), box.bottom + 6);
    }
    rule(context, box.left, box.bottom + 0.5, box.right, box.bottom + 0.5);
    context.textAlign = "right";
    context.fillText(axes.x, box.right, box.bottom + 20);
    context.textAlign = "left";
    context.fillText(axes.y, 4, 4);
  }

  function rule(context, x0, y0, x1, y1) {
    context.beginPath();
    context.moveTo(x0, y0);
    context.lineTo(x1, y1);
    context.stroke();
  }

  function drawCurve(context, { colour, dashed, faint, points }, lowest, toX, toY) {
    context.beginPath();
    for (const [x, loss] of points) context.lineTo(toX(x), toY(Math.max(loss, lowest / 10)));
    context.strokeStyle = colour;
    context.globalAlpha = faint ? 0.3 : 1;
    context.lineWidth = faint || points.length > 300 ? 1.25 : 2;
    context.lineJoin = "round";
    context.setLineDash(dashed ? [5, 4] : []);
    context.stroke();
    context.setLineDash([]);
    const end = points.at(-1);
    if (end && !faint) {
      context.beginPath();
      context.arc(toX(end[0]), toY(Math.max(end[1], lowest / 10)), 3.5, 0, 2 * Math.PI);
      context.fillStyle = colour;
      context.fill();
    }
    context.globalAlpha = 1;
  }

  live.drawChart = drawChart;
})((window.liveDescent = window.liveDescent || {}));
