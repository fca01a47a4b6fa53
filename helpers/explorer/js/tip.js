// @ts-check
// The read-out again, at the cell itself, for as long as the read-out cannot be seen.
import { clamp, html } from "./common.js";

const APART = 6; // pixels between a cell and its words

/**
 * @param {HTMLElement} stage holds the pictures, and what is at the cell
 * @param {HTMLElement} text the read-out
 */
export function createTip(stage, text) {
  const root = html("div", { class: "am-at-cell", "aria-hidden": "true" });
  let seen = true;
  const watch = new IntersectionObserver(
    (entries) => {
      seen = entries[entries.length - 1].intersectionRatio > 0.9;
    },
    { threshold: [0, 0.9, 1] },
  );
  watch.observe(text);
  return {
    root,
    /** @param {DOMRect | null} cell where it is on the screen, null for no cell */
    at(cell) {
      root.hidden = seen || !cell;
      if (root.hidden || !cell) return;
      root.textContent = text.textContent;
      const around = stage.getBoundingClientRect();
      const most = Math.max(around.width - root.offsetWidth, 0);
      root.style.left = `${clamp(cell.left - around.left, 0, most)}px`;
      root.style.top = `${cell.bottom - around.top + APART}px`;
    },
    destroy: () => watch.disconnect(),
  };
}
