// @ts-check
// Sentences by construction, with the map of one model or of two side by side under one highlight.
import {
  SIDE_BY_SIDE,
  bar,
  clamp,
  createStage,
  frame,
  html,
  legend,
  mapLegend,
  panel,
  readout,
  scrolling,
  select,
  stepButtons,
  toggle,
  widget,
} from "./common.js";
import { PINNED, createCursor, linkKind } from "./cursor.js";
import { GRID_SIZES, createGrid, gridSize } from "./grid.js";
import { createTip } from "./tip.js";
import { largest, makeShade, number } from "./weights.js";

/** @import { Drawn, Given } from "./common.js" */
/** @import { Link, Spot } from "./cursor.js" */
/** @import { Grid } from "./grid.js" */

/**
 * One model's map of a sentence; its weights are whole thousandths. Of each row: the word that the
 * model says, the column of its largest weight or null, a place in `places`, and whether it is
 * sharp and off gold.
 * @typedef {object} SentenceMap
 * @property {number[][]} weights (T, S)
 * @property {string} summary
 * @property {[said: string, at: number | null, place: number, sharp: number][]} rows
 */

/**
 * @typedef {object} Sentence
 * @property {string[]} source
 * @property {string[]} target
 * @property {string[]} tags
 * @property {Link[]} gold
 * @property {Link[]} possible
 * @property {SentenceMap[]} maps one for each model
 */

/**
 * @typedef {object} GalleryState
 * @property {string} title
 * @property {number | null} height pixels after which a map scrolls
 * @property {[name: string, colour: string][]} models
 * @property {[kind: string, mark: string, words: string][]} places what a row's look is
 * @property {[mark: string, words: string]} sharp
 * @property {[mark: string, words: string]} wrong
 * @property {[name: string, places: number[]][]} groups each with places in `examples`
 * @property {Sentence[]} examples
 */

const GAP = 28; // pixels between two maps
const OPTION = 70; // characters of a sentence in the list

/**
 * The words of a map's rows that are not the gold ones.
 * @param {SentenceMap} map
 * @param {string[]} target
 * @returns {string[]}
 */
function wrongWords({ rows }, target) {
  return rows.map(([said]) => said).filter((said, t) => said !== target[t]);
}

/**
 * @param {Given<GalleryState>} given
 * @returns {Drawn}
 */
function createGallery({ state, colours }) {
  const { groups, examples, models, places } = state;
  const shade = makeShade(colours.ramp);
  const now = { group: 0, place: 0, room: SIDE_BY_SIDE, gold: true, marks: true };
  // The sentence that is shown, its maps as rows of weights, its grids and its highlight.
  let example = examples[0];
  /** @type {number[][][]} */
  let maps = [];
  /** @type {(Grid & { scroller: HTMLElement })[]} */
  let grids = [];
  let cursor = createCursor(0, 0, refresh);

  const text = readout(models.length + 1);
  const tags = html("p", { class: "am-note am-tags" });
  const keys = (event) => cursor.keys(event);
  const stage = createStage({ kind: "am-stage am-gallery", about: "", keys });
  stage.style.columnGap = `${GAP}px`;
  const tip = createTip(stage, text);

  const listed = () => groups[now.group][1];
  const names = groups.map(([name, list]) => `${name} (${list.length})`);
  const group = select("Construction", names, (chosen) => {
    now.group = chosen;
    sentence.fill(listed().map(option));
    go(0);
  });
  const option = (index, i) => {
    const words = examples[index].source.join(" ");
    return `${i + 1}. ${words.length > OPTION ? `${words.slice(0, OPTION)} …` : words}`;
  };
  const sentence = select("Sentence", listed().map(option), go);
  const walk = stepButtons(
    [
      ["◀", "previous sentence"],
      ["▶", "next sentence"],
    ],
    (by) => go(now.place + by),
  );
  const count = html("output", { class: "am-count" });
  const steps = html("span", { class: "am-label" }, ...walk.buttons, count);
  const gold = toggle("Gold links", (on) => look({ gold: on }));
  const marks = toggle("Marks", (on) => look({ marks: on }));

  const links = mapLegend(
    shade,
    examples.some((one) => one.gold.length > 0),
    examples.some((one) => one.possible.length > 0),
  );
  const key = ([kind, mark, words]) =>
    html("span", {}, html("b", { class: `am-mark am-mark-${kind}` }, mark), ` ${words}`);
  const markKeys = legend(
    html("span", {}, "Largest weight of a row:"),
    ...places.map(key),
    key(["off", ...state.sharp]),
    key(["off", ...state.wrong]),
  );
  markKeys.classList.add("am-mark-keys");

  function go(place) {
    const last = listed().length - 1;
    now.place = clamp(place, 0, last);
    example = examples[listed()[now.place]];
    maps = example.maps.map(({ weights }) => weights.map((row) => row.map((w) => w / 1000)));
    sentence.choose(now.place);
    count.textContent = `${now.place + 1} of ${last + 1}`;
    walk.at(now.place, last);
    const named = example.tags.join(", ") || "none of those that are named";
    tags.textContent = `Constructions: ${named}`;
    const [T, S] = [example.target.length, example.source.length];
    stage.setAttribute(
      "aria-label",
      `Attention maps of ${models.map(([name]) => name).join(" and ")}, ${T} target words by ` +
        `${S} source words. Arrow keys move in all of them, Enter pins, Escape lets go.`,
    );
    cursor = createCursor(T, S, refresh);
    draw();
  }

  // beside: the wrong words to leave room for.
  function grid(map, size, beside = wrongWords(map, example.target)) {
    const rowMarks = map.rows.map(([said, , place, sharp], t) => ({
      mark: places[place][1] + (sharp ? state.sharp[0] : ""),
      kind: places[place][0],
      wrong: said === example.target[t] ? null : said,
    }));
    const { source: columns, target: rows, gold: sure, possible } = example;
    const shown = { rows, columns, gold: sure, possible, marks: rowMarks, beside };
    return createGrid(shown, shade, cursor.on, size);
  }

  // The grids, side by side at the largest size that has room; else one over the other, in line.
  function fitting() {
    const alone = gridSize(example.target.length, example.source.length);
    for (let size = alone; size < GRID_SIZES.length; size++) {
      const made = example.maps.map((map) => grid(map, size));
      const wide = made.reduce((sum, one) => sum + one.wide + GAP, -GAP);
      if (wide <= now.room) return made;
    }
    const beside = example.maps.flatMap((map) => wrongWords(map, example.target));
    return example.maps.map((map) => grid(map, alone, beside));
  }

  function draw() {
    /** @type {HTMLElement[]} */
    const panels = [];
    grids = fitting().map((made, m) => {
      made.paint(maps[m]);
      const scroller = scrolling(made.root, state.height);
      const chip = html("span", { class: "am-model" });
      chip.style.background = models[m][1];
      const about = html("span", { class: "am-summary" }, example.maps[m].summary);
      panels.push(panel(html("span", {}, chip, html("b", {}, models[m][0]), about), scroller));
      return { ...made, scroller };
    });
    stage.replaceChildren(...panels, tip.root);
    refresh(false);
  }

  function look(change) {
    Object.assign(now, change);
    root.classList.toggle("am-no-gold", !now.gold);
    root.classList.toggle("am-no-marks", !now.marks);
    refresh(false);
  }

  /**
   * One model's line of the read-out.
   * @param {number} m
   * @param {Spot} spot
   * @returns {string}
   */
  function line(m, { t, s }) {
    const weights = maps[m];
    const name = `${models[m][0]}: `;
    if (t === null) {
      const column = weights.map((row) => row[s ?? 0]);
      return `${name}${largest(column, example.target, 3)}`;
    }
    const [said, at, place] = example.maps[m].rows[t];
    const words = now.marks ? ` (${places[place][1]} ${places[place][2]})` : "";
    const [most, more] = [at === null ? "nothing" : largest(weights[t], example.source, 3), words];
    const wrong = now.marks && said !== example.target[t] ? `; says '${said}'` : "";
    if (s === null) return `${name}${most}${more}${wrong}`;
    const top = at === null ? "nothing" : `'${example.source[at]}'`;
    return `${name}${number(weights[t][s])}; most on ${top}${more}${wrong}`;
  }

  /**
   * @param {Spot | null} place
   * @returns {string}
   */
  function words(place) {
    if (!place) return "Point at a word or a cell to read its weights in every map.";
    const { t, s } = place;
    const row = t === null ? "" : `step ${t + 1}: '${example.target[t]}'`;
    const column = s === null ? "" : `'${example.source[s]}'`;
    const both = `${row} gives ${column}${now.gold ? linkKind(example, place) : ""}`;
    const head = s === null ? `${row} looks at` : t === null ? `${column} is looked at by` : both;
    const pin = cursor.pinned() ? PINNED : "";
    return [head + pin, ...models.map((_, m) => line(m, place))].join("\n");
  }

  function refresh(follow) {
    const place = cursor.spot();
    for (const one of grids) {
      one.highlight(place, null, cursor.pinned());
      if (follow && place) one.reveal(place, one.scroller);
    }
    text.textContent = words(place);
    const pointed = grids.find((one) => one.root.matches(":hover")) || grids[0];
    tip.at(place ? pointed.box(place) : null);
  }

  const watch = new ResizeObserver(([entry]) => {
    const room = Math.floor(entry.contentRect.width);
    if (!room || room === now.room) return;
    now.room = room;
    draw();
  });
  const choice = bar(group.root, sentence.root, steps);
  const switches = bar(gold, marks, tags);
  const root = frame(state.title, choice, switches, stage, text, links, markKeys);
  watch.observe(stage);
  go(0);
  const destroy = () => {
    watch.disconnect();
    tip.destroy();
  };
  return { root, destroy };
}

export const render = widget(createGallery);
