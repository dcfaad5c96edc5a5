// The list of transcripts and its filters.

const find = (id) => document.getElementById(`explorer-${id}`);
const data = JSON.parse(find("data").textContent);
const list = find("list");
const search = find("search");
const filters = Object.fromEntries(["run", "trigger", "outcome", "intervention"].map((name) => [name, find(name)]));
const options = data.transcripts.map(option);
let shown = [];
let current = -1;

function option(transcript, number) {
  const parts = [
    make("span", { class: "name", text: named(transcript) }),
    make("span", { class: STATES[transcript.t], text: STATES[transcript.t] }),
    make("span", { class: `outcome ${transcript.o}`, text: transcript.o }),
    make("span", { class: "number", text: transcript.f === null ? "" : share(transcript.f) }),
  ];
  return make("li", { role: "option", id: `explorer-option-${number}`, "aria-selected": "false" }, ...parts);
}

const searched = data.transcripts.map((one) => [one.q, one.p, ...one.s, one.a].join("\n").toLowerCase());

function matches(transcript, number) {
  const { run, trigger, outcome, intervention } = filters;
  return (
    (run.value === "" || transcript.r === Number(run.value)) &&
    (trigger.value === "" || STATES[transcript.t] === trigger.value) &&
    (outcome.value === "" || transcript.o === outcome.value) &&
    (intervention.value === "" || transcript.v.some((one) => one.i === intervention.value)) &&
    searched[number].includes(search.value.toLowerCase())
  );
}

function choose(position) {
  const last = options[shown[current]];
  if (last) last.setAttribute("aria-selected", "false");
  current = Math.max(0, Math.min(position, shown.length - 1));
  const chosen = options[shown[current]];
  if (!chosen) list.removeAttribute("aria-activedescendant");
  else {
    chosen.setAttribute("aria-selected", "true");
    list.setAttribute("aria-activedescendant", chosen.id);
    reveal(chosen);
  }
  showDetail(data.transcripts[shown[current]]);
}

// Within the list alone: scrollIntoView would move the page, too.
function reveal(chosen) {
  const [top, end] = [chosen.offsetTop, chosen.offsetTop + chosen.offsetHeight];
  if (top < list.scrollTop) list.scrollTop = top;
  else if (end > list.scrollTop + list.clientHeight) list.scrollTop = end - list.clientHeight;
}

function filter() {
  const before = shown[current];
  if (options[before]) options[before].setAttribute("aria-selected", "false");
  shown = [];
  data.transcripts.forEach((transcript, number) => {
    const kept = matches(transcript, number);
    options[number].hidden = !kept;
    if (kept) shown.push(number);
  });
  find("count").textContent = `${shown.length.toLocaleString("en")} of ${plural(options.length, "transcript")}`;
  current = -1;
  choose(Math.max(0, shown.indexOf(before)));
}

const MOVES = {
  ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity,
};

function onListKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(MOVES, event.key)) return;
  event.preventDefault();
  choose(current + MOVES[event.key]);
}

function onKey(event) {
  const typing = /^(?:INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    search.focus();
  } else if (event.key === "Escape" && event.target !== list) {
    if (event.target === search && search.value) {
      search.value = "";
      filter();
    }
    list.focus({ preventScroll: true });
  }
}

function fill(select, values, fewest = 2) {
  for (const [value, text] of values) select.append(make("option", { value, text }));
  select.parentElement.hidden = values.length < fewest;
}

const distinct = (values) => [...new Set(values)].map((value) => [value, value]);

fill(filters.run, data.runs.map((name, number) => [number, name]));
fill(filters.trigger, distinct(data.transcripts.map((one) => STATES[one.t])));
fill(filters.outcome, distinct(data.transcripts.map((one) => one.o)));
fill(filters.intervention, distinct(data.transcripts.flatMap((one) => one.v.map((variant) => variant.i))), 1);
list.append(...options);
list.addEventListener("keydown", onListKey);
list.addEventListener("click", (event) => {
  const clicked = event.target.closest("[role=option]");
  if (clicked) choose(shown.indexOf(options.indexOf(clicked)));
});
search.addEventListener("input", filter);
search.addEventListener("keydown", (event) => {
  if (event.key === "Enter") list.focus({ preventScroll: true });
});
filters.intervention.addEventListener("change", () => {
  wanted.label = filters.intervention.value || null;
});
for (const select of Object.values(filters)) select.addEventListener("change", filter);
find("needs-script").remove();
find("body").hidden = false;
find("body").closest("section").addEventListener("keydown", onKey);
filter();
