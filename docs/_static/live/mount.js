/** Put a widget into each place that the page has for one. */
(function (live) {
  "use strict";

  const KINDS = { surface: live.SurfaceWidget, points: live.PointsWidget };

  for (const container of document.querySelectorAll(".live-descent")) {
    const options = JSON.parse(container.dataset.options);
    container.widget = new KINDS[container.dataset.kind](container, options);
  }
})((window.liveDescent = window.liveDescent || {}));
