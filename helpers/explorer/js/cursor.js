// @ts-check
// The one highlight of a view's pictures: a spot that the pointer is on, or that was chosen.
// The chosen one stays; hover passes over it unless it is pinned.
import { clamp, consume } from "./common.js";

/** @typedef {{ t: number | null, s: number | null }} Spot null for a whole row or column */

/**
 * What a picture reports.
 * @typedef {{ hover: (place: Spot | null) => void, pick: (place: Spot | null) => void }} Reports
 */

/** @typedef {[source: number, target: number]} Link */

/** @type {Record<string, [down: number, right: number]>} */
export const ARROWS = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};
export const PINNED = "  (pinned; Escape lets go)";

/**
 * @param {number} T rows
 * @param {number} S columns
 * @param {(follow: boolean) => void} changed called after each change; with `follow`, the chosen
 *   spot is to be scrolled to
 */
export function createCursor(T, S, changed) {
  /** @type {Spot | null} */
  let hover = null;
  /** @type {Spot | null} */
  let chosen = null;
  let pinned = false;
  const same = (a, b) =>
    a !== null && b !== null && a.t === b.t && a.s === b.s;

  /**
   * @param {Spot | null} place
   * @param {boolean} pin
   * @param {boolean} follow
   */
  function choose(place, pin, follow = false) {
    chosen = place;
    pinned = pin;
    if (follow) hover = null;
    changed(follow);
  }

  /** @type {Reports} */
  const on = {
    hover(place) {
      if (same(place, hover) || (!place && !hover)) return;
      hover = place;
      if (!pinned) changed(false);
    },
    pick(place) {
      if (!place) return;
      const again = pinned && same(place, chosen);
      choose(again ? null : place, !again);
    },
  };

  function keys(event) {
    const at = { t: chosen?.t ?? 0, s: chosen?.s ?? 0 };
    if (ARROWS[event.key]) {
      const [down, right] = chosen ? ARROWS[event.key] : [0, 0];
      at.t = clamp(at.t + down, 0, T - 1);
      at.s = clamp(at.s + right, 0, S - 1);
      choose(at, pinned, true);
    } else if (event.key === "Home") {
      choose({ t: event.ctrlKey ? 0 : at.t, s: 0 }, pinned, true);
    } else if (event.key === "End") {
      choose({ t: event.ctrlKey ? T - 1 : at.t, s: S - 1 }, pinned, true);
    } else if (event.key === "Enter" || event.key === " ") {
      choose(at, !pinned, true);
    } else if (event.key === "Escape") {
      choose(pinned ? chosen : null, false, true);
    } else {
      return;
    }
    consume(event);
  }

  return {
    on,
    keys,
    choose,
    spot: () => (pinned ? chosen : hover || chosen),
    pinned: () => pinned,
  };
}

/**
 * Reports where the pointer is on a picture.
 * @param {Element} node
 * @param {(event: PointerEvent) => any} place a Spot, with more in it if the view wants that
 * @param {{ hover: (place: any) => void, pick: (place: any) => void }} on
 */
export function followPointer(node, place, on) {
  const at = (event) => place(/** @type {PointerEvent} */ (event));
  node.addEventListener("pointermove", (event) => on.hover(at(event)));
  node.addEventListener("pointerleave", () => on.hover(null));
  node.addEventListener("click", (event) => on.pick(at(event)));
}

/**
 * The element that an event was on, or the nearest around it that fits a selector.
 * @param {Event} event
 * @param {string} selector
 * @returns {HTMLElement | SVGElement | null}
 */
export function markAt(event, selector = "[data-t], [data-s]") {
  return /** @type {Element} */ (event.target).closest(selector);
}

/**
 * The spot that an element's data-t and data-s name; null without an element.
 * @param {HTMLElement | SVGElement | null} mark
 * @returns {Spot | null}
 */
export function spotOf(mark) {
  if (!mark) return null;
  const { t, s } = mark.dataset;
  return { t: t === undefined ? null : Number(t), s: s === undefined ? null : Number(s) };
}

/**
 * Lights up the words of a spot's row and column; rows after `until` are dimmed, null for none.
 * @param {Element[]} rows
 * @param {Element[]} columns
 * @param {Spot | null} spot
 * @param {number | null} until
 */
export function lightWords(rows, columns, spot, until = null) {
  rows.forEach((mark, t) => {
    mark.classList.toggle("am-on", t === spot?.t);
    mark.classList.toggle("am-later", until !== null && t > until && t !== spot?.t);
  });
  columns.forEach((mark, s) => mark.classList.toggle("am-on", s === spot?.s));
}

/**
 * What the gold says of a cell, for the end of a read-out.
 * @param {{ gold: Link[], possible: Link[] }} links
 * @param {Spot} spot
 * @returns {string}
 */
export function linkKind({ gold, possible }, { t, s }) {
  const among = (links) =>
    links.some((link) => link[0] === s && link[1] === t);
  if (among(gold)) return ", a gold link";
  return among(possible) ? ", a possible link" : "";
}
