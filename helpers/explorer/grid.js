// The map: a cell per pair of words, target words as rows, source words as columns.
// It draws and reports; what is highlighted is decided in map.js.

const GRID_SIZES = [
  { width: 54, height: 40, word: 17, number: 15, short: false },
  { width: 44, height: 34, word: 16, number: 13, short: false },
  { width: 32, height: 27, word: 15, number: 12, short: true },
  { width: 24, height: 24, word: 14, number: 11, short: true }, // to set two side by side
];

// The place in GRID_SIZES of the size for a map alone.
function gridSize(rows, columns) {
  const most = Math.max(rows, columns);
  return most <= 9 ? 0 : most <= 14 ? 1 : 2;
}

// state.marks, if given: for each row { mark, kind, wrong }, the text of its mark, the kind by which
// it is coloured, and the wrong word that was said there or null. state.beside: the words to leave
// room for, so that maps with different wrong words stay in line.
function createGrid(state, shade, on, sized = gridSize(state.rows.length, state.columns.length)) {
  const T = state.rows.length;
  const S = state.columns.length;
  const size = GRID_SIZES[sized];
  const { width: w, height: h } = size;
  const widest = (words) => Math.max(...words.map((word) => textWidth(word, size.word, true)));
  const marks = state.marks || [];
  const beside = (state.beside || []).map((word) => `✗ ${word}`);
  const markWide = marks.length ? Math.ceil(size.word * 1.75) : 0;
  const wordWide = Math.ceil(widest(state.rows));
  const left = wordWide + 26 + markWide + (beside.length ? Math.ceil(widest(beside)) + 14 : 0);
  const turned = widest(state.columns) > w - 14;
  const slant = (50 * Math.PI) / 180;
  const top = turned ? Math.ceil(widest(state.columns) * Math.sin(slant)) + 26 : size.word + 20;
  const overhang = turned ? Math.ceil(widest(state.columns) * Math.cos(slant)) : 6;
  const wide = S * w + overhang;
  const tall = T * h + 4;

  const baseline = (t) => t * h + h / 2 + size.word * 0.3;
  const rowWords = state.rows.map((word, t) =>
    wordMark(word, size.word, "end", {
      "data-t": t,
      class: "am-word am-query",
      transform: `translate(${left - 12 - markWide} ${baseline(t)})`,
    }),
  );
  const rowMarks = marks.map(({ mark, kind, wrong }, t) => {
    const at = (x, anchor, pixels) => ({ x, y: baseline(t), "text-anchor": anchor, "font-size": pixels });
    const middle = at(left - 6 - markWide / 2, "middle", size.word * 1.2);
    const end = at(left - 26 - markWide - wordWide, "end", size.word);
    const said = wrong === null ? null : svg("text", { class: "am-said", ...end }, `✗ ${wrong}`);
    return svg("g", {}, svg("text", { class: `am-mark am-mark-${kind}`, ...middle }, mark), said);
  });
  const columnWords = state.columns.map((word, s) => {
    const x = s * w + w / 2;
    const place = turned ? `translate(${x + 4} ${top - 10}) rotate(-50)` : `translate(${x} ${top - 10})`;
    return wordMark(word, size.word, turned ? "start" : "middle", {
      "data-s": s,
      class: "am-word am-key",
      transform: place,
    });
  });

  const cells = [];
  const cellLayer = svg("g");
  for (let t = 0; t < T; t++) {
    cells.push([]);
    for (let s = 0; s < S; s++) {
      const box = { x: s * w + 1, y: t * h + 1, width: w - 2, height: h - 2, rx: 3 };
      const cell = svg("rect", box);
      cells[t].push(cell);
      cellLayer.append(cell);
    }
  }
  const numbers = svg("g", { class: "am-numbers", "font-size": size.number });
  const links = svg("g", { class: "am-links" });
  const outline = (kind, [s, t]) =>
    svg("rect", { class: kind, x: s * w + 2.5, y: t * h + 2.5, width: w - 5, height: h - 5, rx: 3 });
  links.append(...state.gold.map((link) => outline("am-gold", link)));
  links.append(...state.possible.map((link) => outline("am-gold am-possible", link)));
  // Veils of the paper's colour dim whatever is not highlighted: a few elements, not every cell.
  const veils = [0, 1, 2, 3].map(() => svg("rect", { class: "am-veil" }));
  const future = svg("rect", { class: "am-veil am-future" });
  const frames = [0, 1].map(() => svg("rect", { class: "am-frame", rx: 4 }));
  const cursor = svg("rect", { class: "am-cursor", rx: 4 });
  const cursorText = svg("text", { "font-size": size.number });
  const body = svg(
    "svg",
    { class: "am-cells", width: wide, height: tall, "aria-hidden": "true" },
    ...[cellLayer, numbers, links, ...veils, future, ...frames, cursor],
    svg("g", { class: "am-numbers" }, cursorText),
  );
  const head = svg("svg", { width: wide, height: top, "aria-hidden": "true" }, ...columnWords);
  const side = svg("svg", { width: left, height: tall, "aria-hidden": "true" }, ...rowWords, ...rowMarks);
  const corner = html("div", { class: "am-corner" });
  const root = html(
    "div",
    { class: "am-grid" },
    corner,
    html("div", { class: "am-head" }, head),
    html("div", { class: "am-side" }, side),
    html("div", {}, body),
  );

  function place(event) {
    const mark = event.target.closest("[data-t], [data-s]");
    if (mark && root.contains(mark)) {
      const { t, s } = mark.dataset;
      return { t: t === undefined ? null : Number(t), s: s === undefined ? null : Number(s) };
    }
    if (!body.contains(event.target)) return null;
    const box = body.getBoundingClientRect();
    const s = Math.floor((event.clientX - box.left) / w);
    const t = Math.floor((event.clientY - box.top) / h);
    return t >= 0 && t < T && s >= 0 && s < S ? { t, s } : null;
  }
  root.addEventListener("pointermove", (event) => on.hover(place(event)));
  root.addEventListener("pointerleave", () => on.hover(null));
  root.addEventListener("click", (event) => on.pick(place(event)));

  function put(rect, x, y, width, height) {
    build(rect, { x, y, width, height }, []);
  }
  // What to dim: the corners of a cross, or what lies on both sides of a row or a column.
  function around(row, column) {
    const [x, y, long, high] = [column * w, row * h, S * w, T * h];
    const [right, below] = [x + w, y + h];
    if (row === null && column === null) return [];
    if (column === null) return [[0, 0, long, y], [0, below, long, high - below]];
    if (row === null) return [[0, 0, x, high], [right, 0, long - right, high]];
    return [
      [0, 0, x, y],
      [right, 0, long - right, y],
      [0, below, x, high - below],
      [right, below, long - right, high - below],
    ];
  }
  function writeAt(text, t, s, weight) {
    const at = { x: s * w + w / 2, y: t * h + h / 2 + size.number * 0.36, fill: inkOn(weight) };
    text.textContent = size.short ? shortNumber(weight) : number(weight);
    return build(text, at, []);
  }

  let drawn = null;
  return {
    root,
    wide: left + wide,
    paint(weights) {
      drawn = weights;
      numbers.replaceChildren();
      for (let t = 0; t < T; t++) {
        for (let s = 0; s < S; s++) {
          const weight = weights[t][s];
          cells[t][s].setAttribute("fill", shade(weight));
          if (weight >= SHOWN_FROM) numbers.append(writeAt(svg("text"), t, s, weight));
        }
      }
    },
    // spot: {t, s}, either null for a whole row or column; until: the last row not dimmed, or null
    highlight(spot, until, pinned) {
      const row = spot ? spot.t : null;
      const column = spot ? spot.s : null;
      const both = row !== null && column !== null;
      rowWords.forEach((mark, t) => {
        mark.classList.toggle("am-on", t === row);
        mark.classList.toggle("am-later", until !== null && t > until && t !== row);
      });
      columnWords.forEach((mark, s) => mark.classList.toggle("am-on", s === column));
      const areas = around(row, column);
      veils.forEach((veil, i) => put(veil, ...(areas[i] || [0, 0, 0, 0])));
      const first = until === null ? T : until + 1;
      const inside = row !== null && row >= first;
      put(future, 0, first * h, inside ? 0 : S * w, (T - first) * h);
      put(frames[0], 0.5, row * h + 0.5, row === null ? 0 : S * w - 1, h - 1);
      put(frames[1], column * w + 0.5, 0.5, column === null ? 0 : w - 1, T * h - 1);
      put(cursor, column * w, row * h, both ? w : 0, h);
      cursor.classList.toggle("am-pinned", pinned);
      if (both) writeAt(cursorText, row, column, drawn[row][column]);
      else cursorText.textContent = "";
    },
    // Scrolls so that a cell can be seen beside the words that stay in place.
    reveal({ t, s }, scroller) {
      const [x, y] = [(s || 0) * w, (t || 0) * h];
      const seenWide = scroller.clientWidth - left - 4;
      const seenTall = scroller.clientHeight - top - 4;
      if (x < scroller.scrollLeft) scroller.scrollLeft = x;
      if (x + w > scroller.scrollLeft + seenWide) scroller.scrollLeft = x + w - seenWide;
      if (y < scroller.scrollTop) scroller.scrollTop = y;
      if (y + h > scroller.scrollTop + seenTall) scroller.scrollTop = y + h - seenTall;
    },
  };
}
