// What happens along the steps of a transcript: a line and strips, drawn with SVG.

const CELL = 46;
const LEFT = 96;
const HIGH = 84;
const centre = (step) => LEFT + CELL * (step + 0.5);
const height = (value) => 8 + (1 - value) * (HIGH - 16);

function curve(picture, values) {
  for (const level of [0, 0.5, 1]) {
    const y = height(level);
    picture.append(
      draw("line", { class: "level", x1: LEFT, x2: LEFT + CELL * values.length, y1: y, y2: y }),
      draw("text", { x: LEFT - 8, y: y + 4, "text-anchor": "end" }, share(level)),
    );
  }
  const known = values.map((value, step) => [value, step]).filter(([value]) => value !== null);
  const points = known.map(([value, step]) => `${centre(step)},${height(value)}`).join(" ");
  picture.append(draw("polyline", { class: "line", points }));
  for (const [value, step] of known) {
    const point = draw("circle", { class: "point", cx: centre(step), cy: height(value), r: 4 });
    point.append(draw("title", {}, `after ${plural(step, "step")}: ${share(value)}`));
    picture.append(point);
  }
}

function strip(picture, name, values, top) {
  picture.append(draw("text", { x: LEFT - 8, y: top + 16, "text-anchor": "end" }, name));
  for (const [step, value, passed] of values) {
    const x = LEFT + CELL * step;
    const heat = draw("rect", {
      class: passed ? "heat passed" : "heat",
      x: x + 1.5, y: top + 1.5, width: CELL - 3, height: 21, "fill-opacity": 0.06 + 0.5 * value ** 2,
    });
    heat.append(draw("title", {}, `above ${share(value)} of benign prefixes`));
    picture.append(heat, draw("text", { x: centre(step), y: top + 16, "text-anchor": "middle" }, share(value)));
  }
}

function along(transcript) {
  const strips = Object.entries(transcript.h);
  const longest = Math.max(transcript.c.length, ...strips.map(([, values]) => values.length));
  if (!longest) return [];
  const top = transcript.c.length ? HIGH : 0;
  const size = { width: LEFT + CELL * longest + 8, height: top + 26 * strips.length + 20 };
  const picture = draw("svg", { ...size, role: "img", class: "along" });
  const said = transcript.c.map((value, step) => `after ${step} ${share(value)}`);
  const name = [
    ...(said.length ? [`P(defection) ${said.join(", ")}`] : []),
    ...strips.map(([reader, values]) => `${data.readers[reader]} ${values.map((v) => share(v[1])).join(", ")}`),
  ].join("; ");
  picture.setAttribute("aria-label", name);
  if (transcript.c.length) curve(picture, transcript.c);
  strips.forEach(([reader, values], row) => strip(picture, SHORT[reader], values, top + 26 * row));
  for (let step = 0; step < longest; step++)
    picture.append(draw("text", { x: centre(step), y: size.height - 6, "text-anchor": "middle" }, step));
  picture.append(draw("text", { x: LEFT - 8, y: size.height - 6, "text-anchor": "end" }, "after step"));
  const frame = make("div", { class: "wide", role: "region", tabindex: 0, "aria-label": "Along the steps" });
  frame.append(picture);
  return [make("h4", { text: "Along the steps" }), make("p", { class: "caption", text: caption(transcript) }), frame];
}

const SHORT = { probe: "probe", twin_probe: "twin's probe", text: "text reader" };

function caption(transcript) {
  const told = [];
  if (transcript.c.length) told.push("Line: P(defection) when the scratchpad is closed after each step.");
  if (Object.keys(transcript.h).length)
    told.push(
      "Strip: share of the benign prefixes of other questions that score lower at this step; " +
        "an outlined cell is flagged (at most 1 % of them score as high).",
    );
  return told.join(" ");
}
