// The one highlight of a sentence's pictures: a spot that the pointer is on, or that was chosen.
// A spot is {t, s}, with null for a whole row or column. The chosen one stays; hover passes over it
// unless it is pinned.

const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const PINNED = "  (pinned; Escape lets go)";

// changed(follow): called after each change; with follow, the chosen spot is to be scrolled to.
function createCursor(T, S, changed) {
  let [hover, chosen, pinned] = [null, null, false];
  const same = (a, b) => Boolean(a && b) && a.t === b.t && a.s === b.s;

  function choose(place, pin, follow = false) {
    chosen = place;
    pinned = pin;
    if (follow) hover = null;
    changed(follow);
  }
  // What the pictures report.
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
      at.t = Math.min(Math.max(at.t + down, 0), T - 1);
      at.s = Math.min(Math.max(at.s + right, 0), S - 1);
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
    event.preventDefault();
    event.stopPropagation();
  }

  return {
    on,
    keys,
    choose,
    spot: () => (pinned ? chosen : hover || chosen),
    pinned: () => pinned,
  };
}

// What the gold says of a cell, for the end of a read-out.
function linkKind({ gold, possible }, { t, s }) {
  const among = (links) => links.some((link) => link[0] === s && link[1] === t);
  if (among(gold)) return ", a gold link";
  return among(possible) ? ", a possible link" : "";
}
