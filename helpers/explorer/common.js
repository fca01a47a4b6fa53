// What every view shares: elements, colours, text sizes, words of the read-outs.
// All text enters the page through text nodes, so a word such as "<script>" stays a word.

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";
const SHOWN_FROM = 0.095; // weights that round to 0.1 or more carry their number
const SIDE_BY_SIDE = 1080; // pixels that a notebook offers two pictures in one line

function build(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function html(tag, attributes, ...children) {
  return build(document.createElement(tag), attributes, children);
}

function svg(tag, attributes, ...children) {
  return build(document.createElementNS(SVG_NAMESPACE, tag), attributes, children);
}

// A control that keeps its keys: without the attribute JupyterLab reads arrows and letters as
// commands to the notebook.
function control(tag, attributes, ...children) {
  return html(tag, { "data-lm-suppress-shortcuts": "true", ...attributes }, ...children);
}

function button(label, attributes, action) {
  const node = control("button", { type: "button", class: "am-button", ...attributes }, label);
  node.addEventListener("click", action);
  return node;
}

// A slider with its name before it and room for words, `count`, behind it.
function createSlider(name, spoken, range, action) {
  const given = { type: "range", class: "am-slider", step: 1, "aria-label": spoken, ...range };
  const node = control("input", given);
  node.addEventListener("input", () => action(Number(node.value)));
  const count = html("output", { class: "am-count" });
  return { root: html("label", { class: "am-label" }, name, node, count), node, count };
}

// One of several: a row of buttons, the chosen one pressed.
function choices(label, names, chosen, action) {
  const buttons = names.map((name) =>
    button(name, { "aria-pressed": String(name === chosen) }, () => {
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === node(name)));
      action(name);
    }),
  );
  const node = (name) => buttons[names.indexOf(name)];
  return html("div", { class: "am-choices", role: "group", "aria-label": label }, ...buttons);
}

// A list to choose from; `fill` changes its names and chooses one of them.
function select(label, names, action, after = null) {
  const node = control("select", { class: "am-select", "aria-label": label });
  const fill = (list, chosen = 0) => {
    node.replaceChildren(...list.map((name, i) => html("option", { value: i }, name)));
    node.value = chosen;
  };
  fill(names);
  node.addEventListener("change", () => action(Number(node.value)));
  return { root: html("label", { class: "am-label" }, label, node, after), node, fill };
}

// A button that stays pressed until it is pressed again; it is pressed at first.
function toggle(label, action) {
  const node = button(label, { "aria-pressed": "true" }, () => {
    const on = node.getAttribute("aria-pressed") !== "true";
    node.setAttribute("aria-pressed", String(on));
    action(on);
  });
  return node;
}

// What the colours of a map and the outlines of its links mean.
function mapLegend(shade, gold, possible, outlined = "gold link") {
  const scale = html("span", { class: "am-scale", "aria-hidden": "true" });
  const stops = [0, 0.25, 0.5, 0.75, 1].map(shade).join(", ");
  scale.style.background = `linear-gradient(to right, ${stops})`;
  const key = (kind, text) =>
    html("span", { class: "am-link-key" }, html("span", { class: kind }), text);
  return html(
    "p",
    { class: "am-legend" },
    html("span", {}, "weight 0 ", scale, " 1"),
    gold ? key("am-key-gold", outlined) : null,
    possible ? key("am-key-gold am-key-possible", "possible link") : null,
    html("span", {}, "hover, click or arrow keys"),
  );
}

// place in [0, 1] -> colour; for weights, also the ink that can be read on it
function makeShade(ramp) {
  const channel = (colour, at) => parseInt(colour.slice(at, at + 2), 16);
  const table = Array.from({ length: 201 }, (_, step) => {
    const place = (step / 200) * (ramp.length - 1);
    const low = Math.min(Math.floor(place), ramp.length - 2);
    const mixed = [1, 3, 5].map((at) => {
      const first = channel(ramp[low], at);
      return Math.round(first + (channel(ramp[low + 1], at) - first) * (place - low));
    });
    return `rgb(${mixed.join(",")})`;
  });
  return (weight) => table[Math.round(Math.min(Math.max(weight, 0), 1) * 200)];
}

function inkOn(weight) {
  return weight < 0.467 ? "#fff" : "#000";
}

let pen = null;
function textWidth(text, pixels, bold) {
  pen = pen || document.createElement("canvas").getContext("2d");
  const style = getComputedStyle(document.documentElement);
  const family = style.getPropertyValue("--jp-ui-font-family") || "system-ui, sans-serif";
  pen.font = `${bold ? "bold " : ""}${pixels}px ${family}`;
  return pen.measureText(text).width;
}

function number(weight) {
  return weight.toFixed(2);
}

// ".93" where a cell is too narrow for "0.93"; a full weight stays "1.0"
function shortNumber(weight) {
  const text = weight.toFixed(2);
  return text.startsWith("0") ? text.slice(1) : "1.0";
}

function softmaxOf(scores, factor) {
  const top = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(factor * (score - top)));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

// The largest weights as "'cat' 0.93, 'black' 0.05".
function largest(weights, words, most) {
  const order = weights.map((_, i) => i).sort((i, j) => weights[j] - weights[i]);
  const kept = order.filter((i, rank) => rank === 0 || weights[i] >= 0.05).slice(0, most);
  return kept.map((i) => `'${words[i]}' ${number(weights[i])}`).join(", ");
}

// A word that lights up: text over a pill that is painted only while it is on.
function wordMark(text, size, anchor, attributes) {
  const width = textWidth(text, size, true) + 12;
  const left = { start: -6, middle: -width / 2, end: 6 - width }[anchor];
  const pill = svg("rect", { x: left, y: -size, width, height: size * 1.45, rx: 5 });
  const label = svg("text", { "text-anchor": anchor, "font-size": size, y: size * 0.08 }, text);
  return svg("g", { class: "am-word", ...attributes }, pill, label);
}

function readout() {
  return html("p", { class: "am-readout", role: "status", "aria-live": "polite" });
}

// The read-out of several lines; room for `most` of them, so that what is below stays in place.
function longReadout(most) {
  const text = readout();
  text.classList.add("am-lines-text");
  text.style.minHeight = `${1.4 * most}em`;
  return text;
}
