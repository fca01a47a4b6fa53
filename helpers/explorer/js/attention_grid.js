// @ts-check
// One attention layer in numbers: each of Q, K and V can be changed, E, A and Y follow at once.
// The tables stand as in a product by hand: E has the rows of Q and the columns of K transposed,
// Y the rows of A and the columns of V. K is kept transposed here, as it is drawn.
import {
  bar,
  button,
  clamp,
  consume,
  createSlider,
  createStage,
  frame,
  html,
  legend,
  readout,
  scrolling,
  widget,
} from "./common.js";
import { ARROWS } from "./cursor.js";
import { factorSlider } from "./factor.js";
import { columnWidth, createTable, tablePlace, writeWeight } from "./tables.js";
import { largest, makeShade, number, signed, softmaxOf } from "./weights.js";

/** @import { Drawn, Given } from "./common.js" */

/** @typedef {number[][]} Table */
/** @typedef {"Q" | "K" | "V" | "E" | "A" | "Y"} Name */
/** @typedef {{ Q: Table, K: Table, V: Table }} Inputs K transposed */

/**
 * @typedef {object} LayerState
 * @property {string} title
 * @property {string[]} rows names of the queries
 * @property {string[]} columns names of the keys
 * @property {number} reach the slider goes from minus this to this
 * @property {number[]} factors
 * @property {Table} Q (T, D)
 * @property {Table} K (S, D)
 * @property {Table} V (S, V)
 */

/** @type {Name[]} */
const NAMES = ["Q", "K", "E", "A", "V", "Y"];
const GRID_ROLES = { Q: "query", K: "key", V: "value", E: "score", Y: "context" };
const CHANGED_BY = 0.1; // what one press of + adds
/**
 * The table that an arrow key leads to over the edge of another.
 * @type {Record<string, Partial<Record<Name, Name>>>}
 */
const BESIDE = {
  ArrowRight: { Q: "E", E: "A", A: "Y", K: "V" },
  ArrowLeft: { E: "Q", A: "E", Y: "A", V: "K" },
  ArrowUp: { E: "K", Y: "V" },
  ArrowDown: { K: "E", V: "Y" },
};

/**
 * @param {Table} left
 * @param {Table} right
 * @returns {Table} the matrix product
 */
function product(left, right) {
  return left.map((row) =>
    right[0].map((_, s) => row.reduce((sum, value, d) => sum + value * right[d][s], 0)),
  );
}

/**
 * @param {Inputs} inputs Q (T, D), K transposed (D, S), V (S, V)
 * @param {number} factor
 * @returns {Record<Name, Table>} the same with E, A (T, S) and Y (T, V)
 */
function attentionTables({ Q, K, V }, factor) {
  const E = product(Q, K).map((row) => row.map((sum) => sum / Math.sqrt(K.length)));
  const A = E.map((row) => softmaxOf(row, factor));
  return { Q, K, V, E, A, Y: product(A, V) };
}

/**
 * @param {Given<LayerState>} given
 * @returns {Drawn}
 */
function createAttentionGrid({ state, colours }) {
  const { rows, columns, factors, reach } = state;
  const shade = makeShade(colours.ramp);
  const copy = (table) => table.map((row) => [...row]);
  const flip = (table) => table[0].map((_, d) => table.map((row) => row[d]));
  const given = () => ({ Q: copy(state.Q), K: flip(state.K), V: copy(state.V) });
  /** @type {{ table: Name, t: number, s: number, row: number, factor: number, inputs: Inputs }} */
  const now = { table: "Q", t: 0, s: 0, row: 0, factor: 1, inputs: given() };
  let all = attentionTables(now.inputs, 1);
  // What moved is told against the numbers before the last control was taken up.
  let before = { ...all, factor: 1 };
  /** @type {string | null} */
  let mover = null;
  let moved = "";

  const indices = (list) => list.map((_, place) => `${place}`);
  const dims = { rows: indices(now.inputs.K), columns: indices(state.V[0]) };
  const wide = columnWidth(columns);
  /** What stands over a table: its colour, its name, and how it comes about. */
  function titled(name) {
    const chip = html("span", { class: "am-model" });
    chip.style.background = name === "A" ? shade(0.85) : `var(--am-${GRID_ROLES[name]})`;
    const formula = html("span", {});
    const caption = html("span", {}, chip, html("b", {}, name === "K" ? "Kᵀ" : name), " ", formula);
    return { caption, formula };
  }
  const made = (name, shape) => {
    const { caption, formula } = titled(name);
    return { ...createTable(name, caption, shape), formula };
  };
  const tables = {
    Q: made("Q", { rows, columns: dims.rows }),
    K: made("K", { rows: dims.rows, columns, width: wide }),
    E: made("E", { rows, columns, width: wide, sides: [] }),
    A: made("A", { rows, columns, width: wide }),
    V: made("V", { rows: columns, columns: dims.columns }),
    Y: made("Y", { rows, columns: dims.columns, sides: [] }),
  };
  const size = (name) => `(${all[name].length} × ${all[name][0].length})`;
  for (const name of ["Q", "K", "V"]) tables[name].formula.append(size(name));
  tables.V.root.classList.add("am-keys");
  tables.E.formula.append("= QKᵀ / √dₖ");
  tables.Y.formula.append("= AV");

  const range = { min: -reach, max: reach, step: CHANGED_BY, value: 0 };
  const valueName = html("b", {});
  const value = createSlider(valueName, "number", range, change);
  const factor = factorSlider(factors, (chosen) => {
    take("factor");
    now.factor = chosen;
    refresh();
  });
  const reset = button("Given numbers", {}, () => {
    Object.assign(now, { factor: 1, inputs: given() });
    mover = null;
    refresh();
  });
  const text = readout(4);

  const cell = ({ table, t, s }) => `${table}[${table === "K" ? `${s}, ${t}` : `${t}, ${s}`}]`;
  const keyed = () => "KVEA".includes(now.table);
  const editable = () => "QKV".includes(now.table);

  /** Remembers how things stood when a control is first moved. */
  function take(name) {
    if (mover === name) return;
    mover = name;
    before = { ...all, factor: now.factor };
  }

  function change(chosen) {
    if (!editable()) return;
    take(cell(now));
    const table = copy(now.inputs[now.table]);
    table[now.t][now.s] = clamp(chosen, -reach, reach);
    now.inputs = { ...now.inputs, [now.table]: table };
    refresh();
  }

  function choose({ table, t, s }) {
    const inside = (place, list) => clamp(place ?? 0, 0, list.length - 1);
    Object.assign(now, { table, t: inside(t, all[table]), s: inside(s, all[table][0]) });
    if ("QEAY".includes(table)) now.row = now.t;
    refresh();
  }

  function move(key) {
    const [down, right] = ARROWS[key];
    const { table, t, s } = now;
    const [height, width] = [all[table].length, all[table][0].length];
    const over = t + down < 0 || t + down >= height || s + right < 0 || s + right >= width;
    const next = over ? BESIDE[key][table] : table;
    if (!next) return;
    if (!over) choose({ table, t: t + down, s: s + right });
    else if (right) choose({ table: next, t, s: right > 0 ? 0 : Infinity });
    else choose({ table: next, t: down > 0 ? 0 : Infinity, s });
  }

  function keys(event) {
    const { table, t, s } = now;
    if (ARROWS[event.key]) move(event.key);
    else if (event.key === "Home") choose({ table, t, s: 0 });
    else if (event.key === "End") choose({ table, t, s: Infinity });
    else if ("+=".includes(event.key)) change(all[table][t][s] + CHANGED_BY);
    else if ("-_".includes(event.key)) change(all[table][t][s] - CHANGED_BY);
    else return;
    consume(event);
  }

  const differs = (name, t, s) => mover && signed(all[name][t][s]) !== signed(before[name][t][s]);

  /** Where in a table something moved, "" for nowhere. */
  function whereMoved(name) {
    const [ts, ss] = [new Set(), new Set()];
    all[name].forEach((row, t) =>
      row.forEach((_, s) => {
        if (!differs(name, t, s)) return;
        ts.add(t);
        ss.add(s);
      }),
    );
    if (!ts.size) return "";
    const column = name === "Y" ? [...ss][0] : `'${columns[[...ss][0]]}'`;
    if (ss.size === 1 && all[name][0].length > 1) return `column ${column}`;
    return ts.size === 1 ? `row '${rows[[...ts][0]]}'` : `${ts.size} rows`;
  }

  function movement() {
    if (!mover) return "Move a slider to see what follows from it.";
    const [table, t, s] = [now.table, now.t, now.s];
    if (mover === cell(now)) {
      moved = `${signed(before[table][t][s])} to ${signed(all[table][t][s])}`;
    } else if (mover === "factor") {
      moved = `${number(before.factor)} to ${number(now.factor)}`;
    }
    const places = ["E", "A", "Y"].map((name) => [name, whereMoved(name)]);
    const told = places.filter(([, at]) => at).map(([name, at]) => `${name} (${at})`);
    const still = places.filter(([, at]) => !at).map(([name]) => name);
    const stays = still.length ? `; ${still.join(" and ")} stay${still.length > 1 ? "" : "s"}` : "";
    return `${mover} from ${moved}. Moved: ${told.join(", ") || "nothing"}${stays}.`;
  }

  /** How the chosen number comes about; from what is shown, which is rounded. */
  function origin() {
    const { table, t, s } = now;
    const column = (name) => all[name].map((row) => row[s]);
    const bracketed = (x) => (x < 0 ? `(${signed(x)})` : signed(x));
    const times = (x, y) => `${signed(x)}·${bracketed(y)}`;
    const sum = (left, right) => left.map((x, i) => times(x, right[i])).join(" + ");
    const result = `= ${signed(all[table][t][s])}`;
    const nearly = result.replace("=", "≈");
    const power = (score) =>
      `exp(${now.factor === 1 ? signed(score) : times(now.factor, score)})`;
    if (table === "Q") return `${result}, in the query of '${rows[t]}'`;
    if (table === "K") return `${result}, in the key of '${columns[s]}'`;
    if (table === "V") return `${result}, in the value of '${columns[t]}'`;
    if (table === "E") return `= (${sum(all.Q[t], column("K"))}) / √${all.K.length} ${nearly}`;
    if (table === "Y") return `= ${sum(all.A[t], column("V"))} ${nearly}`;
    return `= ${power(all.E[t][s])} / (${all.E[t].map(power).join(" + ")}) ${nearly}`;
  }

  function look() {
    const weights = all.A[now.row];
    const [top, even] = [Math.max(...weights), 1 / weights.length];
    const kind =
      top > 0.95 ? "nearly one value alone" : top < even + 0.1 ? "nearly an even mix" : "a mix";
    const output = all.Y[now.row].map((y) => signed(y)).join(", ");
    const who = `'${rows[now.row]}' looks at ${largest(weights, columns, 3)}`;
    return `${who}: its output [${output}] is ${weights.length > 1 ? kind : "the one value"}.`;
  }

  /** Whether the chosen number is made of this one. */
  function feeds(name, t, s) {
    if (now.table === "E") return (name === "Q" && t === now.t) || (name === "K" && s === now.s);
    if (now.table === "A") return name === "E" && t === now.t;
    return now.table === "Y" && ((name === "A" && t === now.t) || (name === "V" && s === now.s));
  }

  function refresh() {
    all = attentionTables(now.inputs, now.factor);
    const here = all[now.table][now.t][now.s];
    for (const name of NAMES) {
      const table = tables[name];
      table.each((node, t, s) => {
        if (name === "A") writeWeight(node, all.A[t][s], shade);
        else node.textContent = signed(all[name][t][s]);
        const change = differs(name, t, s) ? all[name][t][s] - before[name][t][s] : 0;
        node.classList.toggle("am-up", change > 0);
        node.classList.toggle("am-down", change < 0);
        node.classList.toggle("am-chosen", name === now.table && t === now.t && s === now.s);
        node.classList.toggle("am-feeds", feeds(name, t, s));
        node.classList.toggle("am-row", "QEAY".includes(name) && t === now.row);
      });
      const key = keyed() ? (now.table === "V" ? now.t : now.s) : null;
      if (name === "V") table.light(key, null);
      else table.light("QA".includes(name) ? now.row : null, "KA".includes(name) ? key : null);
    }
    const times = now.factor === 1 ? "" : `${number(now.factor)} · `;
    tables.A.formula.textContent = `= softmax(${times}E)`;
    valueName.textContent = editable() ? cell(now) : "a number of Q, K or V";
    value.node.disabled = !editable();
    value.node.setAttribute("aria-label", valueName.textContent);
    value.say(editable() ? here : 0, editable() ? signed(here) : "", signed(here));
    factor.say(now.factor);
    text.textContent = [`${cell(now)} ${origin()}`, look(), movement()].join("\n");
  }

  const corner = () => html("span", {});
  const scores = html("div", { class: "am-product" }, corner(), tables.K.root);
  scores.append(tables.Q.root, tables.E.root);
  const outputs = html("div", { class: "am-product" }, corner(), tables.V.root);
  outputs.append(tables.A.root, tables.Y.root);
  const about =
    `An attention layer, ${rows.length} queries and ${columns.length} keys. Arrow keys move ` +
    "through the tables, plus and minus change a number of Q, K or V.";
  const products = { kind: "am-stage am-products", about, keys };
  const stage = createStage(products, scores, outputs);
  stage.addEventListener("click", (event) => {
    const place = tablePlace(event);
    if (place) choose(place);
  });

  const signs = legend(
    html("span", {}, "click or arrow keys choose, + and − change"),
    html("span", {}, html("span", { class: "am-key-box am-feeds" }), "goes into the chosen number"),
    html("span", {}, "▲▼ moved since the slider was taken up"),
  );
  refresh();
  const controls = bar(value.root, factor.root, reset);
  return { root: frame(state.title, controls, text, scrolling(stage), signs) };
}

export const render = widget(createAttentionGrid);
