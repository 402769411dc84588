const data = JSON.parse(document.getElementById("data").textContent);
const find = id => document.getElementById(id);

function fill(select, labels, chosen) {
  select.replaceChildren(...labels.map((label, i) => new Option(label, i)));
  select.selectedIndex = Math.min(chosen, labels.length - 1);
}

function list(id, lines) {
  find(id).replaceChildren(...lines.map(line => {
    const item = document.createElement("li");
    item.textContent = line;
    return item;
  }));
}

function table(id, rows, header) {
  const node = find(id);
  node.replaceChildren();
  for (const [i, cells] of (header ? [header, ...rows] : rows).entries()) {
    const row = node.insertRow();
    for (const cell of cells) {
      const box = document.createElement(header && i === 0 ? "th" : "td");
      box.textContent = cell;
      row.append(box);
    }
  }
}

const metrics = Object.keys(data.metrics);
const chosen = (id, values) => values[find(id).selectedIndex];

function showCurves() {
  const metric = chosen("metric", metrics), scope = chosen("scope", data.scopes);
  const series = Object.entries(data.curves[metric][scope]).map(([name, curve]) => {
    const number = data.codecs.indexOf(name);
    return { name, ...curve, colour: number < 0 ? "#999" : COLOURS[number % COLOURS.length] };
  });
  drawPlot(find("curves"), series, "bits a pixel", data.metrics[metric], true);
}

function showBd() {
  const tables = data.bd[chosen("metric", metrics)];
  const anchor = chosen("anchor", Object.keys(data.bd[metrics[0]]));
  const { header, rows, refused } = tables[anchor] ?? { header: [], rows: [], refused: [] };
  table("bd", rows, header);
  list("refused", refused);
}

function showFrames() {
  const curves = data.frames[chosen("sequence", Object.keys(data.frames))];
  const names = Object.keys(curves);
  const picked = [...new Set([chosen("first", names), chosen("second", names)])];
  const series = column => picked.filter(name => curves[name][column]).map((name, i) => ({
    name, colour: COLOURS[i], points: curves[name][column].map((value, t) => [t, value]),
  }));
  drawPlot(find("quality"), series("psnr"), "frame", "RGB PSNR, dB", false);
  drawPlot(find("cost"), series("kilobits"), "frame", "kilobits", false);
}

function chooseFrames() {
  const names = Object.keys(data.frames[chosen("sequence", Object.keys(data.frames))]);
  const middle = codec => {
    const own = names.filter(name => name.startsWith(`${codec}, `));
    return names.indexOf(own[Math.floor(own.length / 2)]);
  };
  fill(find("first"), names, Math.max(middle(data.codecs[0]), 0));
  fill(find("second"), names, Math.max(middle(data.codecs.at(-1)), 0));
  showFrames();
}

function showPicture() {
  const { images } = chosen("picture", data.pictures);
  for (const side of ["left", "right"]) {
    const image = chosen(side, images);
    find(`${side}-image`).src = image.data;
    find(`${side}-image`).alt = image.label;
  }
  find("caption").textContent = ["left", "right"].map(side => find(`${side}-image`).alt).join(" | ");
}

function choosePicture() {
  const picture = chosen("picture", data.pictures);
  const names = picture.images.map(image => image.name);
  fill(find("left"), names, 1);
  fill(find("right"), names, 2);
  find("slider").style.maxWidth = `${2 * picture.width}px`;
  find("slider").style.aspectRatio = `${picture.width} / ${picture.height}`;
  showPicture();
}

list("failures", data.failures);
table("conditions", data.conditions);
fill(find("metric"), Object.values(data.metrics), 0);
fill(find("scope"), data.scopes, 0);
fill(find("anchor"), Object.keys(data.bd[metrics[0]]), Math.max(data.codecs.indexOf("x265"), 0));
fill(find("sequence"), Object.keys(data.frames), 0);
find("metric").addEventListener("change", () => { showCurves(); showBd(); });
find("scope").addEventListener("change", showCurves);
find("anchor").addEventListener("change", showBd);
find("sequence").addEventListener("change", chooseFrames);
for (const id of ["first", "second"]) find(id).addEventListener("change", showFrames);
showCurves();
showBd();
chooseFrames();

find("pictures").hidden = !data.pictures.length;
if (data.pictures.length) {
  fill(find("picture"), data.pictures.map(picture => picture.title), 0);
  find("picture").addEventListener("change", choosePicture);
  for (const id of ["left", "right"]) find(id).addEventListener("change", showPicture);
  find("split").addEventListener("input", event =>
    find("slider").style.setProperty("--split", `${event.target.value}%`));
  choosePicture();
}
