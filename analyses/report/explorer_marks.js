// Making elements, and marking the words that differ. What models wrote is data: it reaches the page
// as text alone.

const SVG = "http://www.w3.org/2000/svg";
const MOST_CELLS = 400000; // of a table of words against words

function make(tag, given = {}, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (name === "text") made.textContent = value;
    else if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...inside);
  return made;
}

function draw(tag, given, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(given)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

const share = (value) =>
  value === null ? "no valid answer" : value.toFixed(2).replace(/^0\./, ".");
const plural = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

const words = (text) => text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? [];

function longestCommon(before, after) {
  const width = after.length + 1;
  const table = new Uint16Array((before.length + 1) * width);
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--)
      table[i * width + j] =
        before[i] === after[j]
          ? table[(i + 1) * width + j + 1] + 1
          : Math.max(table[(i + 1) * width + j], table[i * width + j + 1]);
  return (i, j) => table[i * width + j];
}

// Both texts as lists of [word, whether it differs].
function difference(one, other) {
  const before = words(one);
  const after = words(other);
  if (before.length * after.length > MOST_CELLS) return [[[one, true]], [[other, true]]];
  const length = longestCommon(before, after);
  const left = [];
  const right = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      left.push([before[i++], false]);
      right.push([after[j++], false]);
    } else if (j >= after.length || (i < before.length && length(i + 1, j) >= length(i, j + 1))) {
      left.push([before[i++], true]);
    } else {
      right.push([after[j++], true]);
    }
  }
  return [left, right];
}

function marked(parts, tag) {
  const inside = [];
  let run = "";
  let differs = false;
  const end = () => {
    if (run) inside.push(differs ? make(tag, { text: run }) : run);
  };
  for (const [word, changed] of parts) {
    if (changed !== differs) {
      end();
      run = "";
      differs = changed;
    }
    run += word;
  }
  end();
  return inside;
}
