// @ts-check
// Every head's map in small, a row of them for each layer; a click shows one of them in full.
import { button, html } from "./common.js";

const LONGER_SIDE = 52; // pixels of a small map

/**
 * @param {number[][][][]} weights (layers, heads, T, S)
 * @param {(weight: number) => string} shade
 * @param {(layer: number, head: number) => void} action
 */
export function createHeads(weights, shade, action) {
  const several = weights[0].length > 1;
  const drawn = weights.map((heads, layer) =>
    heads.map((map, head) => {
      const [T, S] = [map.length, map[0].length];
      const scale = LONGER_SIDE / Math.max(T, S);
      const picture = html("canvas", { width: S, height: T, "aria-hidden": "true" });
      picture.style.width = `${S * scale}px`;
      picture.style.height = `${T * scale}px`;
      const inLayer = weights.length > 1 ? `layer ${layer + 1}` : "";
      const inHead = several ? `head ${head + 1}` : "";
      const name = [inLayer, inHead].filter(Boolean).join(", ");
      const node = button("", { class: "am-button am-small-map", "aria-label": name }, () =>
        action(layer, head),
      );
      node.append(picture, `${several ? head + 1 : layer + 1}`);
      return { node, pen: picture.getContext("2d"), map };
    }),
  );
  const all = drawn.flat();
  const label = several ? "Head" : "Layer";
  const row = (nodes, i) =>
    html(
      "div",
      { class: "am-small-maps" },
      several && weights.length > 1 ? `Layer ${i + 1}, head` : label,
      ...nodes,
    );
  const rows = several
    ? drawn.map((heads, i) => row(heads.map(({ node }) => node), i))
    : [row(all.map(({ node }) => node), 0)];
  const group = { role: "group", "aria-label": "which map to show" };
  return {
    root: all.length > 1 ? html("div", group, ...rows) : null,
    /** @param {(row: number[]) => number[]} tone where on the scale of colours a row's weights are */
    paint(tone) {
      for (const { pen, map } of all) {
        map.map(tone).forEach((row, t) =>
          row.forEach((place, s) => {
            if (!pen) return;
            pen.fillStyle = shade(place);
            pen.fillRect(s, t, 1, 1);
          }),
        );
      }
    },
    /** Presses the button of one map. */
    choose(layer, head) {
      drawn.forEach((heads, l) =>
        heads.forEach(({ node }, h) =>
          node.setAttribute("aria-pressed", String(l === layer && h === head)),
        ),
      );
    },
  };
}
