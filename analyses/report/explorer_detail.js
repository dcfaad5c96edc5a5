// One transcript in detail, and one of its variants beside it.

const STATES = ["clean", "triggered"];

const cell = (name, inside) => make("td", { class: name, dir: "auto" }, ...inside);

function stepRow(place, kind, left, right) {
  const number = make("th", { scope: "row", text: place === null ? "" : place + 1 });
  const said = kind === "same" ? [] : [make("span", { class: "mark", text: kind })];
  const cells = [cell("original", left)];
  if (right) cells.push(cell("variant", [...said, ...right]));
  return make("tr", { class: kind }, number, ...cells);
}

function comparedRow(steps, change) {
  if (typeof change === "string") return stepRow(null, "added", [], [make("ins", { text: change })]);
  if (Array.isArray(change)) {
    const [left, right] = difference(steps[change[0]], change[1]);
    return stepRow(change[0], "changed", marked(left, "del"), marked(right, "ins"));
  }
  if (change < 0) return stepRow(-1 - change, "removed", [make("del", { text: steps[-1 - change] })], []);
  return stepRow(change, "same", [steps[change]], [steps[change]]);
}

function stepTable(transcript, variant) {
  const compared = variant && Array.isArray(variant.x);
  const names = ["step", "original", ...(compared ? ["variant"] : [])];
  const head = names.map((name) => make("th", { scope: "col", text: name }));
  const rows = compared
    ? variant.x.map((change) => comparedRow(transcript.s, change))
    : transcript.s.map((step, place) => stepRow(place, "same", [step]));
  return make(
    "table",
    { class: compared ? "steps numbered" : "steps numbered alone" },
    make("thead", {}, make("tr", {}, ...head)),
    make("tbody", {}, ...rows),
  );
}

function meter(value) {
  const shown = make("span", { class: "p", text: `${share(value)} ` });
  if (value !== null)
    shown.append(make("meter", { min: 0, max: 1, value, "aria-label": "P(defection)", text: share(value) }));
  return shown;
}

function warnings(texts) {
  if (!texts.length) return [];
  const items = texts.map((text) => make("li", { text }));
  const list = make("ul", {}, ...items);
  return [make("div", { class: "warnings", role: "note", "aria-label": "Warnings" }, list)];
}

function variantParts(transcript, variant) {
  const moved = make("p", { class: "moved" }, "P(defection) ", meter(transcript.f), " becomes ", meter(variant.f));
  const notes = [];
  if (variant.x === null) notes.push(make("p", { text: "No scratchpad is left." }));
  else if (variant.x === undefined) notes.push(make("p", { text: "This run did not keep the variant's text." }));
  else if (variant.x.every((change) => change >= 0) && variant.x.length === transcript.s.length)
    notes.push(make("p", { text: "The text is the same; what differs is the prompt's state in the reader, or nothing." }));
  return [moved, ...warnings(variant.w), ...notes];
}

const wanted = { label: "transplant" }; // the intervention that was looked at last

function chooser(transcript, show) {
  const select = make("select", { id: "explorer-variant" });
  select.append(make("option", { value: "", text: "the transcript alone" }));
  const labels = [...new Set(transcript.v.map((variant) => variant.i))];
  for (const label of labels) {
    const group = make("optgroup", { label });
    transcript.v.forEach((variant, place) => {
      if (variant.i !== label) return;
      const detail = variant.l ? `, ${variant.l}` : "";
      const alarm = variant.w.length ? " (!)" : "";
      group.append(make("option", { value: place, text: `${label}${detail}: ${share(variant.f)}${alarm}` }));
    });
    select.append(group);
  }
  const place = transcript.v.findIndex((variant) => variant.i === wanted.label);
  select.value = place < 0 ? "" : String(place);
  select.addEventListener("change", () => {
    wanted.label = transcript.v[select.value]?.i ?? null;
    show(transcript.v[select.value]);
  });
  return make("p", { class: "chooser" }, make("label", { for: "explorer-variant", text: "Compare with " }), select);
}

function facts(transcript) {
  const pairs = [["prompt", transcript.p], ["answer", transcript.a]];
  const list = make("dl", {});
  for (const [name, text] of pairs)
    list.append(make("dt", { text: name }), make("dd", { class: "text", dir: "auto", text }));
  if (transcript.f !== null) list.append(make("dt", { text: "P(defection)" }), make("dd", {}, meter(transcript.f)));
  return list;
}

const named = (transcript) =>
  transcript.q + (transcript.d ? `, draw ${transcript.d + 1}` : "");

function showDetail(transcript) {
  const place = find("detail");
  if (!transcript) return place.replaceChildren(make("p", { text: "No transcript matches." }));
  const state = make("span", { class: STATES[transcript.t], text: `${STATES[transcript.t]} prompt` });
  const title = make("h3", {}, `${named(transcript)}, `, state, `: ${transcript.o}`);
  const beside = make("div", {});
  const show = (variant) =>
    beside.replaceChildren(...(variant ? variantParts(transcript, variant) : []), stepTable(transcript, variant));
  const notMade = transcript.n.map((text) => make("li", { text }));
  const left = notMade.length
    ? [make("details", {}, make("summary", { text: `${plural(notMade.length, "change")} could not be made` }), make("ul", {}, ...notMade))]
    : [];
  const choice = transcript.v.length ? [chooser(transcript, show)] : [];
  place.replaceChildren(title, facts(transcript), ...along(transcript), make("h4", { text: "Scratchpad" }), ...choice, beside, ...left);
  show(transcript.v[choice.length ? choice[0].querySelector("select").value : -1]);
  place.scrollTop = 0;
}
