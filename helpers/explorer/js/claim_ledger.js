// @ts-check
// The claims of the course: a line for each, a dot for each run, to be pointed at.
import { bar, build, clamp, consume, createStage, frame, html, legend, readout, scrolling, select, svg, widget } from "./common.js";
import { followPointer, markAt, spotOf } from "./cursor.js";

/** @import { Drawn, Given } from "./common.js" */

/**
 * @typedef {object} Claim
 * @property {string} claim
 * @property {string} notebook
 * @property {number[] | null} places of the runs, in standard deviations from the edge of the band
 * @property {string} said
 * @property {string} broken what broke it, "" for nothing
 */

const ROW = 18; // pixels
const NAMES = 150; // pixels of the names of the claims
const HEAD = 24;
const TALLEST = 430; // pixels that are seen at once
const LEAST = -2; // standard deviations
const TICKS = [0, 4, 10, 30, 100];
const ALL = "all notebooks";

/**
 * @param {Given<{ title: string, near: number, farthest: number, claims: Claim[] }>} given
 * @returns {Drawn}
 */
function createLedger({ state }) {
  const { claims, near, farthest } = state;
  const numbers = [...new Set(claims.map(({ notebook }) => notebook))].sort();
  let shown = claims;
  let chosen = 0;

  // As far as `near` each deviation takes as much room; from there on, each factor.
  const bent = (place) => (place <= near ? place / near : 1 + Math.log10(place / near));
  const [low, high] = [bent(LEAST), bent(farthest)];
  let width = 700;
  const x = (place) =>
    NAMES + ((bent(clamp(place, LEAST, farthest)) - low) / (high - low)) * (width - NAMES - 14);

  const picture = svg("svg", { class: "am-ledger", role: "img", "aria-label": state.title });
  const text = readout(3);
  /** @type {SVGGElement[]} */
  let lines = [];

  /**
   * @param {Claim} claim
   * @param {number} place
   */
  function line({ claim, places }, place) {
    const middle = ROW / 2;
    const dots = places
      ? places.map((at) => svg("circle", { cx: x(at), cy: middle, r: 3, class: "am-run" }))
      : [svg("rect", { x: x(farthest) - 4, y: middle - 4, width: 8, height: 8, class: "am-same" })];
    const mark = { "data-t": place, transform: `translate(0 ${HEAD + place * ROW})` };
    return svg(
      "g",
      { class: "am-claim", ...mark },
      svg("rect", { width, height: ROW, class: "am-claim-row" }),
      svg("text", { x: NAMES - 10, y: middle + 4, "text-anchor": "end" }, claim),
      ...dots,
    );
  }

  function layout() {
    const tall = HEAD + shown.length * ROW;
    build(picture, { width, height: tall });
    const zone = (from, to, kind) =>
      svg("rect", { x: x(from), y: HEAD, width: x(to) - x(from), height: tall - HEAD, class: kind });
    const ticks = TICKS.map((at) =>
      svg("text", { x: x(at), y: HEAD - 8, "text-anchor": "middle" }, at),
    );
    lines = shown.map(line);
    const zones = [zone(LEAST, 0, "am-outside"), zone(0, near, "am-nearby")];
    picture.replaceChildren(...zones, ...ticks, ...lines);
    say(chosen);
  }

  /** @param {number} place */
  function say(place) {
    const { claim, said, broken } = shown[place];
    lines.forEach((node, i) => node.classList.toggle("am-on", i === place));
    text.replaceChildren(html("b", {}, claim), ` ${said} ${broken}`);
  }

  /** @param {number} place */
  function choose(place) {
    chosen = clamp(place, 0, shown.length - 1);
    say(chosen);
  }

  const chooser = select("Notebook", [ALL, ...numbers], (place) => {
    shown = place ? claims.filter(({ notebook }) => notebook === numbers[place - 1]) : claims;
    chosen = 0;
    layout();
  });
  const scroll = scrolling(picture, TALLEST);
  const about = `${state.title}. Up and down arrow keys: the next claim.`;
  const stage = createStage({ kind: "am-stage", about, keys }, scroll);

  function keys(event) {
    const page = Math.floor(TALLEST / ROW) - 2;
    const steps = { ArrowUp: -1, ArrowDown: 1, PageUp: -page, PageDown: page };
    const ends = { Home: 0, End: shown.length - 1 };
    const to = ends[event.key] ?? (steps[event.key] ? chosen + steps[event.key] : null);
    if (to === null) return;
    choose(to);
    lines[chosen].scrollIntoView({ block: "nearest" });
    consume(event);
  }

  followPointer(picture, (event) => spotOf(markAt(event, ".am-claim")), {
    hover: (spot) => say(spot?.t ?? chosen),
    pick: (spot) => spot && choose(spot.t),
  });
  const key = legend(
    html("span", {}, "standard deviations from the edge of the band; red: outside, grey: under 4"),
    html("span", {}, "dots: runs; squares: no seed changes the value"),
  );
  layout();
  const watcher = new ResizeObserver(([entry]) => {
    const room = clamp(Math.floor(entry.contentRect.width) - 16, 300, 900);
    if (Math.abs(room - width) < 2) return;
    width = room;
    layout();
  });
  watcher.observe(stage);
  // The words stand below the lines, which would move under the pointer if the words grew above.
  const root = frame(state.title, bar(chooser.root), stage, text, key);
  return { root, destroy: () => watcher.disconnect() };
}

export const render = widget(createLedger);
