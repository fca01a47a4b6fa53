// @ts-check
// What every view shares: elements, controls, the frame around a picture, the contract with a page.
// All text enters the page through text nodes, so a word such as "<script>" stays a word.

/** @typedef {Record<string, string | number | null | undefined>} Attributes null: not set */
/** @typedef {Node | string | number | null | undefined} Child null: left out */

/**
 * What a view talks to: anywidget's model, or a page's own with the same six functions.
 * @typedef {object} Model
 * @property {(name: string) => any} get
 * @property {(name: string, value: any) => void} set
 * @property {() => void} save_changes
 * @property {(event: string, action: (value: any) => void) => void} on
 * @property {(event: string, action: (value: any) => void) => void} off
 * @property {(message: any) => void} send
 */

/**
 * The colours of the palette: two ramps from low to high, and a colour for each role.
 * @typedef {{ ramp: string[], signed: string[], role: Record<string, string> }} Colours
 */

/**
 * What a view is made from.
 * @template S its state
 * @typedef {{ state: S, colours: Colours, model: Model }} Given
 */

/** @typedef {{ root: HTMLElement, destroy?: () => void }} Drawn a view, and how to let go of it */

export const SIDE_BY_SIDE = 1080; // pixels that a notebook offers two pictures in one line
export const HOW = "hover, click or arrow keys"; // how most views are used
const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

/**
 * Gives an element attributes and further children.
 * @template {Element} E
 * @param {E} node
 * @param {Attributes} attributes
 * @param {Child[]} children
 * @returns {E}
 */
export function build(node, attributes, ...children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) node.setAttribute(name, String(value));
  }
  for (const child of children) {
    if (child !== null && child !== undefined) {
      node.append(typeof child === "number" ? String(child) : child);
    }
  }
  return node;
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Attributes} attributes
 * @param {Child[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function html(tag, attributes, ...children) {
  return build(document.createElement(tag), attributes, ...children);
}

/**
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Attributes} attributes
 * @param {Child[]} children
 * @returns {SVGElementTagNameMap[K]}
 */
export function svg(tag, attributes, ...children) {
  return build(document.createElementNS(SVG_NAMESPACE, tag), attributes, ...children);
}

/**
 * A control that keeps its keys: without the attribute JupyterLab reads arrows and letters as
 * commands to the notebook.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Attributes} attributes
 * @param {Child[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function control(tag, attributes, ...children) {
  return html(tag, { "data-lm-suppress-shortcuts": "true", ...attributes }, ...children);
}

/**
 * @param {string} label
 * @param {Attributes} attributes
 * @param {() => void} action
 * @returns {HTMLButtonElement}
 */
export function button(label, attributes, action) {
  const node = control("button", { type: "button", class: "am-button", ...attributes }, label);
  node.addEventListener("click", action);
  return node;
}

/**
 * Two buttons that step backward and forward.
 * @param {[string, string][]} names the label of each and its spoken name, backward first
 * @param {(by: number) => void} move called with -1 or 1
 * @returns {{ buttons: HTMLButtonElement[], at: (place: number, last: number) => void }}
 */
export function stepButtons(names, move) {
  const buttons = names.map(([label, spoken], i) =>
    button(label, { "aria-label": spoken }, () => move(i ? 1 : -1)),
  );
  // A disabled button would drop the focus of a reader who steps by keyboard.
  const at = (place, last) =>
    buttons.forEach((node, i) => node.setAttribute("aria-disabled", String(place === i * last)));
  return { buttons, at };
}

/**
 * @typedef {object} Slider
 * @property {HTMLLabelElement} root
 * @property {HTMLInputElement} node
 * @property {HTMLOutputElement} count the words behind it
 * @property {(value: number, shown: string, spoken: string) => void} say
 */

/**
 * A slider with its name before it and room for words behind it.
 * @param {Child} name
 * @param {string} spoken
 * @param {Attributes} range its min, max and value, and its step if that is not 1
 * @param {(value: number) => void} action
 * @returns {Slider}
 */
export function createSlider(name, spoken, range, action) {
  const given = { type: "range", class: "am-slider", step: 1, "aria-label": spoken, ...range };
  const node = control("input", given);
  node.addEventListener("input", () => action(Number(node.value)));
  const count = html("output", { class: "am-count" });
  return {
    root: html("label", { class: "am-label" }, name, node, count),
    node,
    count,
    say(value, shown, spoken) {
      node.value = String(value);
      node.setAttribute("aria-valuetext", spoken);
      count.textContent = shown;
    },
  };
}

/**
 * One of several: a row of buttons, the chosen one pressed.
 * @param {string} label
 * @param {string[]} names
 * @param {string} chosen
 * @param {(name: string) => void} action
 * @returns {{ root: HTMLElement, press: (name: string) => void }} `press` shows what is chosen
 */
export function choices(label, names, chosen, action) {
  const buttons = names.map((name) => button(name, {}, () => choose(name)));
  const press = (name) =>
    buttons.forEach((node, i) => node.setAttribute("aria-pressed", String(names[i] === name)));
  const choose = (name) => {
    press(name);
    action(name);
  };
  press(chosen);
  const root = html("div", { class: "am-choices", role: "group", "aria-label": label }, ...buttons);
  return { root, press };
}

/**
 * A list to choose from; `fill` changes its names and chooses the first, `choose` another.
 * @param {string} label
 * @param {string[]} names
 * @param {(place: number) => void} action
 * @param {string | null} after words behind it
 */
export function select(label, names, action, after = null) {
  const node = control("select", { class: "am-select", "aria-label": label });
  const choose = (place) => {
    node.value = String(place);
  };
  const fill = (list) => {
    node.replaceChildren(...list.map((name, i) => html("option", { value: i }, name)));
    choose(0);
  };
  fill(names);
  node.addEventListener("change", () => action(Number(node.value)));
  return { root: html("label", { class: "am-label" }, label, node, after), choose, fill };
}

/**
 * A button that stays pressed until it is pressed again.
 * @param {string} label
 * @param {(on: boolean) => void} action
 * @param {boolean} first whether it is pressed at first
 * @returns {HTMLButtonElement}
 */
export function toggle(label, action, first = true) {
  const node = button(label, { "aria-pressed": String(first) }, () => {
    const on = node.getAttribute("aria-pressed") !== "true";
    node.setAttribute("aria-pressed", String(on));
    action(on);
  });
  return node;
}

/**
 * The view whole: its title, if it has one, over its parts.
 * @param {string} title
 * @param {Child[]} parts
 * @returns {HTMLElement}
 */
export function frame(title, ...parts) {
  const heading = title ? html("h4", { class: "am-title" }, title) : null;
  return html("div", { class: "am-root" }, heading, ...parts);
}

/**
 * @param {Child[]} children
 * @returns {HTMLElement}
 */
export function bar(...children) {
  return html("div", { class: "am-bar" }, ...children);
}

/**
 * @param {Child[]} children
 * @returns {HTMLElement}
 */
export function legend(...children) {
  return html("p", { class: "am-legend" }, ...children);
}

/**
 * What is said of the place that is pointed at, aloud too.
 * @param {number} lines room that is kept, so that what is below stays in place; 0 for one line
 * @returns {HTMLElement}
 */
export function readout(lines = 0) {
  const text = html("p", { class: "am-readout", role: "status", "aria-live": "polite" });
  if (lines) {
    text.classList.add("am-lines-text");
    text.style.minHeight = `${1.4 * lines}em`;
  }
  return text;
}

/**
 * The part of a view that can be reached by keyboard and takes keys of its own.
 * @param {{ kind: string, about: string, keys: (event: KeyboardEvent) => void }} given
 *   its classes, what it shows and which keys it takes, and what they do
 * @param {Child[]} children
 * @returns {HTMLElement}
 */
export function createStage({ kind, about, keys }, ...children) {
  const attributes = { class: kind, tabindex: 0, role: "application", "aria-label": about };
  const stage = control("div", attributes, ...children);
  stage.addEventListener("keydown", keys);
  return stage;
}

/**
 * A picture under its caption.
 * @param {Child} caption
 * @param {Child[]} children
 * @returns {HTMLElement}
 */
export function panel(caption, ...children) {
  return html("figure", { class: "am-panel" }, html("figcaption", {}, caption), ...children);
}

/**
 * A part that scrolls where it is too wide, or higher than `height` pixels, null for any height.
 * Where it does, the keyboard reaches it too, and the arrow keys scroll it.
 * @param {HTMLElement | SVGElement} child
 * @param {number | null} height
 * @returns {HTMLElement}
 */
export function scrolling(child, height = null) {
  const node = html("div", { class: "am-scroll" }, child);
  if (height) node.style.maxHeight = `${height}px`;
  // The stage around it has other uses for the arrow keys.
  node.addEventListener("keydown", (event) => {
    if (event.target === node && event.key.startsWith("Arrow")) event.stopPropagation();
  });
  const watch = new ResizeObserver(() => {
    const hidden = node.scrollWidth > node.clientWidth || node.scrollHeight > node.clientHeight;
    if (hidden) {
      node.tabIndex = 0;
      node.setAttribute("role", "group");
      node.setAttribute("aria-label", "A part that scrolls: arrow keys move it.");
      node.setAttribute("data-lm-suppress-shortcuts", "true"); // or JupyterLab takes the arrow keys
    } else {
      for (const name of ["tabindex", "role", "aria-label"]) node.removeAttribute(name);
    }
  });
  watch.observe(node);
  watch.observe(child);
  return node;
}

/**
 * Keeps an event from the notebook or page around the view.
 * @param {Event} event
 */
export function consume(event) {
  event.preventDefault();
  event.stopPropagation();
}

/**
 * The value, or the end of the range that it is beyond.
 * @param {number} value
 * @param {number} low
 * @param {number} high
 * @returns {number}
 */
export function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

/** @type {CanvasRenderingContext2D | null} */
let pen = null;

/**
 * @param {string} text
 * @param {number} pixels
 * @returns {number} pixels that the text takes in bold
 */
export function textWidth(text, pixels) {
  pen = pen || html("canvas", {}).getContext("2d");
  if (!pen) return text.length * pixels;
  const style = getComputedStyle(document.documentElement);
  const family = style.getPropertyValue("--jp-ui-font-family") || "system-ui, sans-serif";
  pen.font = `bold ${pixels}px ${family}`;
  return pen.measureText(text).width;
}

/**
 * The width of the widest of some words.
 * @param {string[]} words
 * @param {number} pixels
 * @returns {number}
 */
export function widestOf(words, pixels) {
  return Math.max(...words.map((word) => textWidth(word, pixels)));
}

/**
 * A word that lights up: text over a pill that is painted only while it is on.
 * @param {string} text
 * @param {number} size pixels
 * @param {"start" | "middle" | "end"} anchor
 * @param {Attributes} attributes
 * @returns {SVGGElement}
 */
export function wordMark(text, size, anchor, attributes) {
  const width = textWidth(text, size) + 12;
  const left = { start: -6, middle: -width / 2, end: 6 - width }[anchor];
  const pill = svg("rect", { x: left, y: -size, width, height: size * 1.45, rx: 5 });
  const label = svg("text", { "text-anchor": anchor, "font-size": size, y: size * 0.08 }, text);
  return svg("g", { class: "am-word", ...attributes }, pill, label);
}

/**
 * A strip of colours from low to high, for a legend.
 * @param {string[]} colours
 * @returns {HTMLElement}
 */
export function colourScale(colours) {
  const scale = html("span", { class: "am-scale", "aria-hidden": "true" });
  scale.style.background = `linear-gradient(to right, ${colours.join(", ")})`;
  return scale;
}

/**
 * What the colours of a map and the outlines of its links mean.
 * @param {(weight: number) => string} shade
 * @param {boolean} gold whether there are gold links, and possible ones
 * @param {boolean} possible
 * @param {string} outlined what a solid outline means
 * @param {Child} high what the last colour means
 * @returns {HTMLElement}
 */
export function mapLegend(shade, gold, possible, outlined = "gold link", high = "1") {
  const key = (kind, text) =>
    html("span", { class: "am-link-key" }, html("span", { class: kind }), text);
  return legend(
    html("span", {}, "weight 0 ", colourScale([0, 0.25, 0.5, 0.75, 1].map(shade)), " ", high),
    gold ? key("am-key-gold", outlined) : null,
    possible ? key("am-key-gold am-key-possible", "possible link") : null,
    html("span", {}, HOW),
  );
}

/**
 * Hides the still picture whose mark has this name, wherever it stands, for as long as the style
 * is on the page: a live view that leaves takes the style with it, and the picture is back.
 * @param {string} still
 * @returns {HTMLElement}
 */
function hidingStyle(still) {
  const mark = `[data-still="${still}"]`;
  const places = `:has(> ${mark}), .jp-OutputArea-child:has(${mark})`;
  return html("style", {}, `${places} { display: none; }`);
}

/**
 * Makes anywidget's function `render` of a view. It puts the view into the element `el`, and
 * returns what is to be called when the view goes away.
 * @template S
 * @param {(given: Given<S>) => Drawn} create
 * @returns {(given: { model: Model, el: HTMLElement }) => (() => void) | undefined}
 */
export function widget(create) {
  return ({ model, el }) => {
    /** @type {Colours} */
    const colours = model.get("colours");
    const { root, destroy } = create({ state: model.get("state"), colours, model });
    for (const [role, colour] of Object.entries(colours.role)) {
      root.style.setProperty(`--am-${role.replace(" ", "-")}`, colour);
    }
    const still = model.get("still"); // a page of its own has none
    if (still) root.append(hidingStyle(still));
    el.append(root);
    return destroy;
  };
}
