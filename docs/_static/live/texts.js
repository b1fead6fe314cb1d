/** What the widgets say, in the two languages of the documentation. */
(function (live) {
  "use strict";

  const SOLVERS = { batch: "batch", minibatch: "minibatch", sgd: "sgd" };

  const ENGLISH = {
    play: "Play", pause: "Pause", step: "Step", reset: "Reset", speed: "Speed",
    speeds: { 0.25: "slow", 1: "normal", 4: "fast" },
    learningRate: "Learning rate", momentum: "Momentum", batchSize: "Batch size",
    optimizer: "Optimizer", schedule: "Schedule", solver: "Solver",
    surface: "Surface", clock: "Compare by",
    surfaces: {
      bowl: "round bowl", valley: "valley along an axis", turned: "valley at an angle",
      hollows: "two hollows",
    },
    clocks: { passes: "passes over the data", steps: "steps" },
    points: "Points", hidden: "Hidden units", activation: "Activation",
    pointSets: {
      moons: "two moons", circles: "circles", blobs: "blobs", spirals: "two spirals",
    },
    redraw: "New weights",
    solvers: SOLVERS,
    samplesAStep: (n) => (n === 1 ? "1 sample a step" : `${n} samples a step`),
    epochs: "epochs", steps: "steps",
    excess: "loss above the lowest", loss: "loss", training: "training", test: "new points",
    surfaceLabel: "A live descent on a loss surface",
    surfaceKeys: "Loss surface over the weight w and the intercept b. " +
      "Arrow keys move the start, Enter starts the descents.",
    surfaceHint: "Click the surface, or move the start with the arrow keys and press Enter.",
    chartLabel: "Loss curves of the descents",
    here: ({ w, b, loss, slope }) => `w = ${w}, b = ${b}, loss ${loss}, slope ${slope}`,
    start: "start", lowest: "lowest point",
    surfaceStatus: (amount, unit, results) => `After ${amount} ${unit}. ${results}`,
    result: (name, excess) => `${name}: ${excess} above the lowest loss.`,
    diverged: "diverged",
    pointsLabel: "A small network that learns to tell two classes of points apart",
    planeLabel: "The plane of the points, coloured by the class that the network predicts",
    pointsHint: "The line is where the network finds both classes equally likely.",
    pointsStatus: (epoch, train, test) =>
      `Epoch ${epoch}: ${train} of the points right, ${test} of new points.`,
    pointsDiverged: (epoch) =>
      `Diverged in epoch ${epoch}: choose a smaller learning rate.`,
  };

  const CHINESE = {
    play: "播放", pause: "暂停", step: "单步", reset: "重置", speed: "速度",
    speeds: { 0.25: "慢", 1: "正常", 4: "快" },
    learningRate: "学习率", momentum: "动量", batchSize: "批量大小",
    optimizer: "优化器", schedule: "学习率调度", solver: "求解器",
    surface: "地形", clock: "比较方式",
    surfaces: {
      bowl: "圆碗", valley: "顺着坐标轴的山谷", turned: "斜着的山谷", hollows: "两个洼地",
    },
    clocks: { passes: "轮数相同", steps: "步数相同" },
    points: "数据点", hidden: "隐藏单元", activation: "激活函数",
    pointSets: { moons: "两弯月牙", circles: "同心圆", blobs: "团块", spirals: "两条螺旋" },
    redraw: "换一组初始权重",
    solvers: SOLVERS,
    samplesAStep: (n) => `每步 ${n} 个样本`,
    epochs: "轮", steps: "步",
    excess: "高出最低损失的部分", loss: "损失", training: "训练数据", test: "新的点",
    surfaceLabel: "在损失曲面上实时演示梯度下降",
    surfaceKeys: "以权重 w 和偏置 b 为坐标的损失曲面。方向键移动起点，回车键开始下降。",
    surfaceHint: "点一下曲面就换一个起点；也可以用方向键移动起点，再按回车键开始。",
    chartLabel: "各次下降的损失曲线",
    here: ({ w, b, loss, slope }) => `w = ${w}，b = ${b}，损失 ${loss}，坡度 ${slope}`,
    start: "起点", lowest: "最低点",
    surfaceStatus: (amount, unit, results) => `已走 ${amount} ${unit}。${results}`,
    result: (name, excess) => `${name} 比最低损失高 ${excess}。`,
    diverged: "已发散",
    pointsLabel: "一个小网络，正在学习区分两类点",
    planeLabel: "数据点所在的平面，颜色表示网络预测的类别",
    pointsHint: "在这条线上，网络认为两类的可能性相等。",
    pointsStatus: (epoch, train, test) =>
      `第 ${epoch} 轮：训练数据的准确率 ${train}，新的点 ${test}。`,
    pointsDiverged: (epoch) => `第 ${epoch} 轮发散了：请把学习率调小。`,
  };

  /** The texts for a language: "zh" is Chinese, all else English. */
  live.textsOf = (language) => (language === "zh" ? CHINESE : ENGLISH);
})((window.liveDescent = window.liveDescent || {}));
