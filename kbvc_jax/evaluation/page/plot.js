// A line plot as SVG. series: [{name, points: [[x, y]], colour, published}].
const WIDEST = 900, NARROWEST = 320, LEFT = 62, RIGHT = 16, TOP = 12, BOTTOM = 44;
// Okabe and Ito: told apart by colour-blind eyes too.
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#777"];

function element(parent, name, attributes = {}, text = "") {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.textContent = text;
  parent.append(node);
  return node;
}

function ticks(low, high, count) {
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(f => f * power).find(s => s >= rough);
  const out = [];
  for (let i = Math.ceil(low / step); i * step <= high * (1 + 1e-9); i++) out.push(i * step);
  return out;
}

function logTicks(low, high) {
  const out = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
    for (const f of [1, 2, 5]) out.push(f * 10 ** power);
  return out.filter(x => x >= low && x <= high);
}

function drawPlot(figure, series, xTitle, yTitle, logarithmic) {
  figure.replaceChildren();
  const points = series.flatMap(s => s.points);
  if (!points.length) { figure.textContent = "Not measured."; return; }
  // As wide as there is room, so that its words are as large as the page's, on a phone too.
  const width = Math.min(Math.max(figure.clientWidth || WIDEST, NARROWEST), WIDEST);
  const height = Math.min(0.3 * width + 150, 420);
  const svg = element(figure, "svg", { viewBox: `0 0 ${width} ${height}` });
  const extent = i => [Math.min(...points.map(p => p[i])), Math.max(...points.map(p => p[i]))];
  let [x0, x1] = extent(0), [y0, y1] = extent(1);
  const margin = (y1 - y0 || 1) * 0.05;
  y0 -= margin; y1 += margin;
  if (x0 === x1) { x0 *= 0.9; x1 = x1 * 1.1 || 1; }
  const position = logarithmic ? Math.log : Number;
  const xs = x => LEFT + (position(x) - position(x0)) / (position(x1) - position(x0)) * (width - LEFT - RIGHT);
  const ys = y => height - BOTTOM - (y - y0) / (y1 - y0) * (height - TOP - BOTTOM);

  for (const x of logarithmic ? logTicks(x0, x1) : ticks(x0, x1, Math.round(width / 110))) {
    element(svg, "line", { class: "grid", x1: xs(x), x2: xs(x), y1: TOP, y2: height - BOTTOM });
    element(svg, "text", { x: xs(x), y: height - BOTTOM + 16, "text-anchor": "middle" }, +x.toPrecision(6));
  }
  for (const y of ticks(y0, y1, 7)) {
    element(svg, "line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: ys(y), y2: ys(y) });
    element(svg, "text", { x: LEFT - 6, y: ys(y) + 4, "text-anchor": "end" }, +y.toPrecision(5));
  }
  element(svg, "text", { x: (width + LEFT) / 2, y: height - 8, "text-anchor": "middle" }, xTitle);
  element(svg, "text", { x: -height / 2, y: 14, transform: "rotate(-90)", "text-anchor": "middle" }, yTitle);

  const dots = points.length < 400;
  for (const s of series) {
    const path = s.points.map(p => `${xs(p[0]).toFixed(1)},${ys(p[1]).toFixed(1)}`);
    const kind = s.published ? "curve published" : "curve";
    element(svg, "polyline", { class: kind, points: path.join(" "), stroke: s.colour });
    if (dots) for (const p of s.points)
      element(svg, "circle", { cx: xs(p[0]), cy: ys(p[1]), r: 3, fill: s.colour });
  }
  const legend = document.createElement("div");
  legend.className = "legend";
  for (const s of series) {
    const entry = document.createElement("span");
    entry.style.setProperty("--colour", s.colour);
    entry.textContent = s.name;
    legend.append(entry);
  }
  figure.append(legend);
  hover(svg, series, xs, ys, xTitle, yTitle);
}

function hover(svg, series, xs, ys, xTitle, yTitle) {
  const mark = element(svg, "circle", { r: 6, fill: "none", "stroke-width": 2, visibility: "hidden" });
  const tip = document.getElementById("tip");
  svg.addEventListener("pointermove", event => {
    const box = svg.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    const y = (event.clientY - box.top) / box.height * svg.viewBox.baseVal.height;
    let best = null, distance = Infinity;
    for (const s of series) for (const p of s.points) {
      const d = (xs(p[0]) - x) ** 2 + (ys(p[1]) - y) ** 2;
      if (d < distance) { distance = d; best = [s, p]; }
    }
    const [s, p] = best;
    mark.setAttribute("cx", xs(p[0]));
    mark.setAttribute("cy", ys(p[1]));
    mark.setAttribute("stroke", s.colour);
    mark.setAttribute("visibility", "visible");
    tip.textContent = `${s.name}\n${xTitle}: ${+p[0].toPrecision(5)}\n${yTitle}: ${+p[1].toPrecision(6)}`;
    tip.style.left = `${Math.min(event.clientX + 14, innerWidth - 220)}px`;
    tip.style.top = `${event.clientY + 14}px`;
    tip.hidden = false;
  });
  svg.addEventListener("pointerleave", () => {
    mark.setAttribute("visibility", "hidden");
    tip.hidden = true;
  });
}
