// @ts-check
// A diagram that lights up stage by stage, with a model's numbers in its boxes.

import {
  bar,
  button,
  clamp,
  consume,
  createStage,
  frame,
  html,
  readout,
  scrolling,
  select,
  stepButtons,
  svg,
  widget,
} from "./common.js";
import { makeShade, signed } from "./weights.js";

/** @typedef {[string, string][]} Runs pieces of text: "" plain, "i" italic, "_" below, "^" above */
/**
 * @typedef {{ name: string, label: Runs, role: string, at: [number, number],
 *   size: [number, number], shape: string, formula: Runs, about: Runs, masked: boolean }} Box
 */
/**
 * @typedef {{ start: string, end: string, line: [number, number, number, number], bend: number,
 *   label: Runs, weight: string, choice: boolean }} Arrow
 */
/**
 * @typedef {{ of: number, first: number[], across?: number }} Value how many numbers there are, the
 *   first of them, and how many columns they have where they are a grid
 */
/**
 * @typedef {{ name: string, values: Record<string, Value>, words: Record<string, string>,
 *   weights: Record<string, number>, rows?: Record<string, string[]>,
 *   columns?: Record<string, string[]> }} Moment
 */
/**
 * @typedef {{ title: string, about: string, extent: [number, number, number, number],
 *   roles: Record<string, string>, boxes: Box[], arrows: Arrow[],
 *   stages: { text: Runs, lit: string[] }[], known: string[][] | null, alike: string[],
 *   moments: Moment[], each: string }} State
 */

const WIDEST = 92; // pixels of a column, where there is room, and the least
const NARROWEST = 37;
const ROW = 78; // pixels from one row to the next, where there is room, and the least
const LOWEST_ROW = 54;
const THICKEST = 8; // pixels of an arrow whose weight is 1; thicker ones touch boxes beside them
const PALEST = 0.5; // of an arrow's colour is left where its weight is 0
const PACE = 1800; // milliseconds of a stage while it plays
const PLAIN = "the whole diagram";
const DIGIT = 7; // pixels of a digit in a cell
const LOWEST = 12; // pixels that a cell needs in height to have its number written in it
const LOWEST_SIZED = 36; // pixels that a box between them needs for its size below its label
const SMALLEST = 11; // pixels of the letters of a name that hardly fits its box
const SMALL = 5.8; // pixels of such a letter in width, and of the words beside a grid
const NARROW = 0.65; // of that width is the least in which such a name can be read
const LETTER = 8; // pixels of a letter beside an arrow
const LINE = 17; // pixels that a raised label stands higher

/**
 * @param {Runs} runs
 * @param {string} tag "tspan" in a picture, "span" in a line of text
 * @returns {Element[]}
 */
function pieces(runs, tag) {
  return runs.map(([kind, text]) => {
    const style = kind === "i" ? "font-style:italic" : kind ? "font-size:0.72em" : null;
    if (tag === "span") {
      const name = kind === "_" ? "sub" : kind === "^" ? "sup" : "span";
      return html(name, { style: kind === "i" ? style : null }, text);
    }
    const shift = kind === "_" ? "-22%" : kind === "^" ? "40%" : null;
    return svg("tspan", { style, "baseline-shift": shift }, text);
  });
}

/**
 * @param {Runs} runs
 * @returns {string}
 */
const spoken = (runs) => runs.map(([, text]) => text).join("");

/**
 * @param {string} shape such as "source, d_k"
 * @returns {Runs} with the k below
 */
const typeset = (shape) =>
  shape.split(/\b([a-z])_(\w+)/).map((part, place) => [["", "i", "_"][place % 3], part]);

/**
 * @param {Value} value
 * @returns {number[][]} its numbers in rows; a vector is one row
 */
function inRows({ first, across = first.length }) {
  return Array.from({ length: first.length / across }, (_, row) =>
    first.slice(row * across, (row + 1) * across),
  );
}

/**
 * @param {number} value
 * @param {number} digits
 * @returns {string}
 */
const write = (value, digits) => signed(value, Number.isInteger(value) ? 0 : digits);

/**
 * @param {number[]} first
 * @returns {number} decimals: 3 where 2 would turn 0.995 into 1.00 or 0.002 into 0.00
 */
const decimals = (first) =>
  first.some((v) => !Number.isInteger(v) && Number.isInteger(Number(v.toFixed(2)))) ? 3 : 2;

/**
 * @param {number[]} first
 * @param {number} room pixels of a cell
 * @param {number[]} others numbers of other boxes, which ask for as many decimals
 * @returns {string[] | null} the numbers with equal decimals, or null where they need more room
 */
function written(first, room, others) {
  for (const digits of [decimals([...first, ...others]), 2]) {
    const texts = first.map((value) => write(value, digits));
    // A point and a sign take half of a digit, and so does the edge.
    const width = (text) => text.length - 0.5 * (text.match(/[.-]/g) ?? []).length + 0.3;
    if (DIGIT * Math.max(...texts.map(width)) <= room) return texts;
  }
  return null;
}

/** @param {import("./common.js").Given<State>} given */
function createWalk({ state, colours }) {
  const { boxes, arrows, stages, moments, known, roles, alike } = state;
  const shade = makeShade(colours.signed);
  const [left, bottom, right, top] = state.extent;
  const EDGE = 0.12; // columns or rows around the diagram
  const columns = right - left + 2 * EDGE;
  const rows = top - bottom + 2 * EDGE;
  const mark = `am-${Math.random().toString(36).slice(2)}`; // two walks may stand on one page
  let column = WIDEST;
  const x = (place) => (place - left + EDGE) * column;
  // Labels of level arrows may stand above the boxes: they need room there, and side by side.
  const labelled = arrows.filter(({ label, line }) => label.length && line[1] === line[3]);
  const across = new Map(boxes.map((box) => [box.name, box.at[0]]));
  const roomy = Math.max(
    ...labelled.map(({ label, start, end }) => {
      const apart = (across.get(start) ?? 0) - (across.get(end) ?? 0);
      return (LETTER * (spoken(label).length + 2)) / Math.abs(apart);
    }),
  );
  // Where the columns are narrower than that, every second label stands a line higher.
  const raised = (arrow) => column < roomy && labelled.indexOf(arrow) % 2 === 1;
  let head = 0;
  let pitch = ROW; // pixels from one row to the next
  let tallest = Infinity; // pixels that the picture may have in height
  const y = (row) => (top - row + EDGE) * pitch + head;
  // stage: 0 is the whole diagram, then the stages from 1 on. pointed: a box's place, or null.
  const now = { stage: 0, moment: 0, pointed: /** @type {number | null} */ (null) };
  let playing = 0;

  /** @typedef {{ root: SVGElement, fill: (moment: Moment | null) => void }} Part */
  /** @type {Part[]} */
  let drawn = [];
  /** @type {Part[]} */
  let lines = [];
  const picture = svg("svg", { class: "am-walk", role: "img", "aria-label": state.about });

  // A page that cannot scroll, such as a slide, says how high the picture may be. The rows then move
  // together and the letters keep their size.
  const limit = () =>
    parseFloat(getComputedStyle(stage).getPropertyValue("--am-walk-height")) || Infinity;

  // Draws everything anew for a width, so that letters keep their size on a phone.
  /** @param {number} room pixels */
  function layout(room) {
    column = clamp(room / columns, NARROWEST, WIDEST);
    head = labelled.length ? 14 + (labelled.some(raised) ? LINE : 0) : 0;
    tallest = limit();
    pitch = clamp((tallest - head) / rows, LOWEST_ROW, ROW);
    drawn = boxes.map(drawBox);
    lines = arrows.map(drawArrow);
    const [wide, tall] = [Math.ceil(columns * column), Math.ceil(y(bottom) + EDGE * pitch)];
    for (const [name, size] of Object.entries({ width: wide, height: tall })) {
      picture.setAttribute(name, String(size));
    }
    picture.replaceChildren(
      svg("defs", {}, tip(mark), hatch(mark)),
      svg("g", {}, ...lines.map((line) => line.root)),
      svg("g", {}, ...drawn.map((box) => box.root)),
    );
    show();
  }

  const sentence = html("p", { class: "am-sentence", role: "status", "aria-live": "polite" });
  const text = readout(2);
  const walk = stepButtons(
    [
      ["◀ Back", "step back"],
      ["Next ▶", "next step"],
    ],
    (by) => {
      stop();
      go(now.stage + by);
    },
  );
  const play = button("Play", { "aria-pressed": "false" }, () => (playing ? stop() : start()));
  const count = html("output", { class: "am-count" });
  const chooser =
    moments.length > 1
      ? select(
          state.each[0].toUpperCase() + state.each.slice(1),
          moments.map((moment, i) => `${i + 1}. ${moment.name}`),
          (place) => {
            now.moment = place;
            show();
          },
        )
      : null;
  const stage = createStage(
    {
      kind: "am-stage am-walk-stage",
      about:
        `${state.title}. Left and right arrow keys: step by step. Up and down: the next ` +
        `${state.each}. Tab or pointer: a box.`,
      keys,
    },
    scrolling(picture),
  );

  /** @param {Box} box */
  function drawBox(box) {
    const [w, h] = [box.size[0] * column, box.size[1] * pitch];
    const [cx, cy] = [x(box.at[0]), y(box.at[1])];
    const word = box.role === "word";
    const shape = { x: cx - w / 2, y: cy - h / 2, width: w, height: h, rx: 8 };
    const back = svg("rect", { ...shape, class: word ? "am-none" : "am-back" });
    const face = svg("rect", { ...shape, class: `am-box am-box-${box.role}` });
    face.style.setProperty("--am-box", roles[box.role]);
    const veil = box.masked ? svg("rect", { ...shape, fill: `url(#${mark}-hatch)` }) : null;
    const label = svg("text", { x: cx, "text-anchor": "middle", class: "am-box-label" });
    const size = svg(
      "text",
      { x: cx, y: cy + h / 2 - 5, "text-anchor": "middle", class: "am-box-size" },
      ...pieces(typeset(box.shape), "tspan"),
    );
    const strip = svg("g", {});
    const root = svg("g", { class: "am-part-of-walk" }, back, face, veil, strip, label, size);
    const place = boxes.indexOf(box);
    root.addEventListener("pointerenter", () => point(place));
    root.addEventListener("pointerleave", () => point(null));
    root.addEventListener("click", () => point(place));
    /** @param {Moment | null} moment */
    const fill = (moment) => {
      const shown = moment?.words[box.name];
      const value = moment?.values[box.name];
      label.replaceChildren(...pieces(shown === undefined ? box.label : [["", shown]], "tspan"));
      const name = shown ?? spoken(box.label);
      const pixels = clamp((1.7 * w) / Math.max(name.length, 1), SMALLEST, 16);
      label.setAttribute("font-size", String(pixels));
      // On a phone a long name is wider than its box even in the smallest letters, so it is squeezed.
      const wide = SMALL * name.length;
      if (pixels === SMALLEST && wide > w - 4) {
        label.setAttribute("textLength", String(Math.max(w - 4, NARROW * wide)));
        label.setAttribute("lengthAdjust", "spacingAndGlyphs");
      } else label.removeAttribute("textLength");
      const high = pitch === ROW || h > LOWEST_SIZED;
      const shaped = Boolean(box.shape) && !word && w > 52 && high;
      size.style.display = value || !shaped ? "none" : "";
      const place = { left: cx - w / 2, top: cy - h / 2, w, h };
      const within = value && moment ? cells(box, value, moment, place) : null;
      const room = within ? within.head : shaped ? 0.84 * h : h; // above the numbers or the shape
      label.setAttribute("y", String(place.top + room / 2 + pixels * 0.35));
      strip.replaceChildren(...(within ? within.drawn : []));
    };
    return { root, fill };
  }

  /**
   * The numbers of a box: a strip along the foot, or a grid with the words of its rows and columns
   * where there is room for them. The shades are those of this box's largest number, or of the
   * largest of all boxes that it is compared with.
   * @param {Box} box
   * @param {Value} value
   * @param {Moment} moment
   * @param {{ left: number, top: number, w: number, h: number }} place pixels of the box
   * @returns {{ drawn: Element[], head: number }} head: pixels above the cells, for the label
   */
  function cells(box, value, moment, { left, top, w, h }) {
    const rows = inRows(value);
    const others = alike.includes(box.name)
      ? alike.flatMap((name) => moment.values[name]?.first ?? [])
      : [];
    const most = Math.max(...[...value.first, ...others].map(Math.abs)) || 1;
    const alone = rows[0].length === 1 && !value.across && !others.length; // nothing to compare with
    const longest = (words) => SMALL * Math.max(0, ...words.map((word) => word.length));
    let beside = moment.rows?.[box.name] ?? [];
    let above = moment.columns?.[box.name] ?? [];
    const stacked = rows.length > 1 || beside.length > 0 || above.length > 0;
    const head = stacked ? Math.min(0.34 * pitch, 0.5 * h) : 0.6 * h;
    if (longest(beside) + 6 > 0.5 * w) beside = [];
    const aside = beside.length ? longest(beside) + 6 : 0;
    const start = left + 0.05 * w + aside;
    const each = (0.9 * w - aside) / rows[0].length;
    if (longest(above) > each) above = [];
    const begin = top + head + (above.length ? LINE - 4 : 0);
    const part = (top + 0.92 * h - begin) / rows.length;
    const texts = written(value.first, each, others);
    const tall = stacked ? 0.94 * part : (texts ? 0.36 : 0.3) * h;
    const drawn = value.first.flatMap((number, i) => {
      const [row, column] = [Math.floor(i / rows[0].length), i % rows[0].length];
      const x = start + (column + 0.04) * each; // 0.08 of each cell is a gap
      const y = begin + row * part;
      const cell = svg("rect", {
        x,
        y,
        width: 0.92 * each,
        height: tall,
        fill: shade(alone ? 0.5 : (number / most + 1) / 2),
        class: "am-walk-cell",
      });
      if (!texts || tall < LOWEST) return [cell];
      const middle = { x: x + 0.46 * each, y: y + tall / 2 + 4, "text-anchor": "middle" };
      const text = svg("text", { ...middle, "font-size": 11 }, texts[i]);
      text.style.fill = !alone && number / most < -0.5 ? "#fff" : "#000"; // on blue, on white and orange
      return [cell, text];
    });
    const small = { class: "am-box-size" };
    const named = beside.slice(0, rows.length).map((word, row) => {
      const y = begin + row * part + tall / 2 + 4;
      return svg("text", { ...small, x: start - 3, y, "text-anchor": "end" }, word);
    });
    const over = above.slice(0, rows[0].length).map((word, column) => {
      const x = start + (column + 0.5) * each;
      return svg("text", { ...small, x, y: begin - 3, "text-anchor": "middle" }, word);
    });
    return { drawn: [...drawn, ...named, ...over], head };
  }

  /** @param {Arrow} arrow */
  function drawArrow(arrow) {
    const [a, b, c, d] = arrow.line;
    const [x1, y1, x2, y2] = [x(a), y(b), x(c), y(d)];
    const bow = arrow.bend * column * 0.55;
    const path = svg("path", {
      d: bow
        ? `M ${x1} ${y1} Q ${(x1 + x2) / 2 + bow} ${(y1 + y2) / 2} ${x2} ${y2}`
        : `M ${x1} ${y1} L ${x2} ${y2}`,
      class: `am-walk-arrow${arrow.choice ? " am-choice-arrow" : ""}`,
      "marker-end": `url(#${mark}-tip)`,
    });
    // A level arrow's label stands over its middle, above the boxes where it is longer than the gap.
    const level = y1 === y2;
    const fits = LETTER * spoken(arrow.label).length < Math.abs(x2 - x1);
    const beside = x1 === x2 ? -4 : 4; // of an upright arrow the label stands in the gap it crosses
    const up = (!level ? beside : fits ? 8 : 0.25 * pitch + 4) + (raised(arrow) ? LINE : 0);
    const label = arrow.label.length
      ? svg(
          "text",
          {
            x: (x1 + x2) / 2 + (level ? 0 : 6),
            y: (y1 + y2) / 2 - up,
            "text-anchor": level ? "middle" : "start",
            class: "am-walk-note",
          },
          ...pieces(arrow.label, "tspan"),
        )
      : null;
    const root = svg("g", {}, path, label);
    /** @param {Moment | null} moment */
    const fill = (moment) => {
      const weight = arrow.weight ? moment?.weights[arrow.weight] : undefined;
      const strong = weight !== undefined;
      path.style.strokeWidth = strong ? `${0.6 + THICKEST * weight}px` : "";
      path.style.strokeOpacity = strong ? String(PALEST + (1 - PALEST) * weight) : "";
      path.classList.toggle("am-strong", strong);
      path.setAttribute("marker-end", strong ? "none" : `url(#${mark}-tip)`);
    };
    return { root, fill };
  }

  /** The moment whose numbers a box shows at this stage, or null. */
  function moment(name) {
    if (!moments.length) return null;
    if (known && now.stage && !known[now.stage - 1].includes(name)) return null;
    return moments[now.moment];
  }

  function show() {
    const lit = now.stage ? new Set(stages[now.stage - 1].lit) : null;
    boxes.forEach((box, i) => {
      drawn[i].fill(moment(box.name));
      drawn[i].root.classList.toggle("am-faint", Boolean(lit) && !lit?.has(box.name));
      drawn[i].root.classList.toggle("am-pointed", now.pointed === i);
    });
    arrows.forEach((arrow, i) => {
      lines[i].fill(moment(arrow.end));
      const on = !lit || (lit.has(arrow.start) && lit.has(arrow.end));
      lines[i].root.classList.toggle("am-faint", !on);
    });
    const said = now.stage ? pieces(stages[now.stage - 1].text, "span") : [PLAIN];
    sentence.replaceChildren(...said);
    count.textContent = `${now.stage} of ${stages.length}`;
    walk.at(now.stage, stages.length);
    chooser?.choose(now.moment);
    tell();
  }

  function tell() {
    if (now.pointed === null) {
      text.replaceChildren("Point at a box to see what is in it.");
      return;
    }
    const box = boxes[now.pointed];
    const value = moment(box.name)?.values[box.name];
    const shape = box.shape ? [" (", ...pieces(typeset(box.shape), "span"), ")"] : [];
    /** @type {(string | Element)[]} */
    const parts = [html("b", {}, ...pieces(box.label, "span")), ...shape];
    if (box.formula.length) parts.push(": ", ...pieces(box.formula, "span"));
    if (box.about.length) parts.push(". ", ...pieces(box.about, "span"));
    if (value) {
      const more = value.of > value.first.length ? `, … (${value.of} numbers)` : "";
      const digits = decimals(value.first);
      const rows = inRows(value).map((row) => row.map((v) => write(v, digits)).join(", "));
      parts.push(` Here: ${rows.join(" | ")}${more}`);
    }
    text.replaceChildren(...parts);
  }

  /** @param {number | null} place */
  function point(place) {
    if (place === now.pointed) return;
    if (now.pointed !== null) drawn[now.pointed].root.classList.remove("am-pointed");
    now.pointed = place;
    if (place !== null) drawn[place].root.classList.add("am-pointed");
    tell();
  }

  /** @param {number} place */
  function go(place) {
    now.stage = clamp(place, 0, stages.length);
    show();
  }

  /** @param {number} place */
  function turn(place) {
    if (!moments.length) return;
    now.moment = clamp(place, 0, moments.length - 1);
    show();
  }

  function start() {
    if (now.stage === stages.length) {
      now.stage = 0;
      if (now.moment < moments.length - 1) now.moment += 1;
      else now.moment = 0;
    }
    play.setAttribute("aria-pressed", "true");
    go(now.stage + 1);
    playing = window.setInterval(() => {
      if (now.stage < stages.length) go(now.stage + 1);
      else if (now.moment < moments.length - 1) {
        now.moment += 1;
        go(1);
      } else stop();
    }, PACE);
  }

  function stop() {
    window.clearInterval(playing);
    playing = 0;
    play.setAttribute("aria-pressed", "false");
  }

  /** @param {KeyboardEvent} event */
  function keys(event) {
    /** @type {Record<string, () => void>} */
    const known_keys = {
      ArrowRight: () => go(now.stage + 1),
      ArrowLeft: () => go(now.stage - 1),
      ArrowDown: () => turn(now.moment + 1),
      ArrowUp: () => turn(now.moment - 1),
      Home: () => go(0),
      End: () => go(stages.length),
      Enter: () => point(now.pointed === null ? 0 : (now.pointed + 1) % boxes.length),
      Escape: () => point(null),
    };
    const action = known_keys[event.key];
    if (!action) return;
    stop();
    action();
    consume(event);
  }

  const root = frame(
    state.title,
    bar(...walk.buttons, play, count, chooser ? chooser.root : null),
    sentence,
    stage,
    text,
  );
  layout(WIDEST * columns);
  const watcher = new ResizeObserver(([entry]) => {
    const fits = clamp(entry.contentRect.width / columns, NARROWEST, WIDEST);
    if (Math.abs(fits - column) > 1 || limit() !== tallest) layout(entry.contentRect.width);
  });
  watcher.observe(stage);
  const destroy = () => {
    stop();
    watcher.disconnect();
  };
  return { root, destroy };
}

/** @param {string} mark */
function tip(mark) {
  const marks = { id: `${mark}-tip`, viewBox: "0 0 10 10", refX: 9, refY: 5 };
  const size = { markerWidth: 9, markerHeight: 9, markerUnits: "userSpaceOnUse", orient: "auto" };
  const point = svg("path", { d: "M 0 0 L 10 5 L 0 10 z", class: "am-tip" });
  return svg("marker", { ...marks, ...size }, point);
}

/** @param {string} mark */
function hatch(mark) {
  const size = { width: 8, height: 8, patternUnits: "userSpaceOnUse" };
  const line = svg("path", { d: "M 0 8 L 8 0", class: "am-hatch-line" });
  return svg("pattern", { id: `${mark}-hatch`, ...size }, line);
}

export const render = widget(createWalk);
