// @ts-check
// The attention map whole: controls, the grid, the lines and the read-out, with one highlight.
import {
  bar,
  choices,
  createSlider,
  createStage,
  frame,
  html,
  mapLegend,
  panel,
  readout,
  scrolling,
  toggle,
} from "./common.js";
import { PINNED, createCursor, linkKind } from "./cursor.js";
import { createGrid } from "./grid.js";
import { createHeads } from "./heads.js";
import { createLines } from "./lines.js";
import { createTip } from "./tip.js";
import { largest, makeShade, number, sharesOfLargest } from "./weights.js";

/** @import { Drawn, Given } from "./common.js" */
/** @import { Link, Spot } from "./cursor.js" */

/**
 * @typedef {object} MapState
 * @property {string} title
 * @property {string[]} rows the T words that look
 * @property {string[]} columns the S words that are looked at
 * @property {string} rows_are what the rows are, such as "target words"
 * @property {string} columns_are
 * @property {string} row what a row is called in the read-out, such as "step"
 * @property {number[][][][]} weights (layers, heads, T, S)
 * @property {Link[]} gold
 * @property {Link[]} possible
 * @property {number | null} height pixels after which the map scrolls
 */

const GAP = 36; // pixels between the map and the lines, as in the style sheet

/**
 * "target words (queries)", but "queries" alone; the same as `with_role` in static.py.
 * @param {string} name
 * @param {string} role
 * @returns {string}
 */
function withRole(name, role) {
  return name === role ? name : `${name} (${role})`;
}

/**
 * @param {Given<MapState>} given
 * @returns {Drawn}
 */
export function createMap({ state, colours }) {
  const { rows, columns, rows_are: rowsAre, columns_are: columnsAre, row: rowName } = state;
  const T = rows.length;
  const S = columns.length;
  const shade = makeShade(colours.ramp);
  /** until: the last row that is not dimmed, null for all */
  const now = { layer: 0, head: 0, scaled: false, until: /** @type {number | null} */ (null) };
  const tone = (row) => (now.scaled ? sharesOfLargest(row) : row);
  const weights = () => state.weights[now.layer][now.head];
  const cursor = createCursor(T, S, refresh);

  const grid = createGrid(state, shade, cursor.on);
  const lines = createLines(state, cursor.on);
  const text = readout();

  const name = rowName[0].toUpperCase() + rowName.slice(1);
  const spoken = rowName === "step" ? "decoder step" : rowName;
  const slider = createSlider(name, spoken, { min: 0, max: T, value: 0 }, (step) => {
    now.until = step ? step - 1 : null;
    cursor.choose(step ? { t: step - 1, s: null } : null, false);
  });

  const scroller = scrolling(grid.root, state.height);
  const above = columnsAre[0].toUpperCase() + columnsAre.slice(1);
  const panels = {
    Map: panel(
      `Rows: ${withRole(rowsAre, "queries")}. Columns: ${withRole(columnsAre, "keys")}.`,
      scroller,
    ),
    Lines: panel(
      `${above} above, ${rowsAre} below. Thickness is the weight.`,
      scrolling(lines.root),
    ),
  };
  const about =
    `Attention map, ${T} ${rowsAre} by ${S} ${columnsAre}. Arrow keys move, ` +
    "Enter pins, Escape lets go.";
  const stage = createStage(
    { kind: "am-stage am-maps", about, keys: cursor.keys },
    panels.Map,
    panels.Lines,
  );

  function show(which) {
    panels.Map.hidden = which === "Lines";
    panels.Lines.hidden = which === "Map";
  }
  let asked = false; // whether the reader has chosen what to show
  const what = choices("what to show", ["Map", "Lines", "Both"], "Map", (which) => {
    asked = true;
    show(which);
  });
  show("Map");
  // The lines stand beside the map where there is room for both, smaller if they must.
  const watch = new ResizeObserver(([entry]) => {
    const { width } = entry.contentRect;
    const beside = width - grid.wide - GAP;
    const fits = beside >= lines.least;
    lines.fit(fits ? beside : width);
    if (asked || !width) return;
    what.press(fits ? "Both" : "Map");
    show(fits ? "Both" : "Map");
  });
  watch.observe(stage);

  const scale = toggle("Scale each row", (scaled) => repaint({ scaled }), false);
  const controls = bar(slider.root, what.root, scale);
  const heads = createHeads(state.weights, shade, (layer, head) => repaint({ layer, head }));
  const high = html("span", {});

  function repaint(change) {
    Object.assign(now, change);
    grid.paint(weights(), tone);
    lines.paint(weights());
    heads.paint(tone);
    heads.choose(now.layer, now.head);
    high.textContent = now.scaled ? "the row's largest" : "1";
    refresh(false);
  }

  /**
   * @param {Spot | null} place
   * @returns {string}
   */
  function words(place) {
    if (!place) {
      return now.until === null ? "Point at a word or a cell to read its weights." : "";
    }
    const { t, s } = place;
    if (t === null) {
      const column = weights().map((row) => row[s ?? 0]);
      return `'${columns[s ?? 0]}' is looked at by ${largest(column, rows, 4)}`;
    }
    const row = weights()[t];
    if (s === null) {
      const what = row.some((weight) => weight > 0) ? largest(row, columns, 4) : "nothing";
      return `${rowName} ${t + 1}: '${rows[t]}' looks at ${what}`;
    }
    const weight = number(row[s]) + linkKind(state, place);
    return `${rowName} ${t + 1}: '${rows[t]}' gives '${columns[s]}' ${weight}`;
  }

  function refresh(follow) {
    const place = cursor.spot();
    grid.highlight(place, now.until, cursor.pinned());
    lines.highlight(place, now.until);
    text.textContent = words(place) + (cursor.pinned() ? PINNED : "");
    if (now.until === null) {
      slider.say(0, "all", `all ${rowName}s`);
    } else {
      const step = `${now.until + 1} of ${T}`;
      slider.say(now.until + 1, step, `${rowName} ${step}, ${rows[now.until]}`);
    }
    if (follow && place) grid.reveal(place, scroller);
    tip.at(place && !panels.Map.hidden ? grid.box(place) : null);
  }

  const tip = createTip(stage, text);
  stage.append(tip.root);
  const [sure, further] = [state.gold.length > 0, state.possible.length > 0];
  const links = mapLegend(shade, sure, further, "gold link", high);
  repaint({});
  const destroy = () => {
    watch.disconnect();
    tip.destroy();
  };
  return { root: frame(state.title, controls, heads.root, stage, text, links), destroy };
}
