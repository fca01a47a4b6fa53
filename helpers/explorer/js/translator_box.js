// @ts-check
// The text box: a sentence goes to the kernel, its translation and map come back.
import { bar, build, button, control, frame, html, widget } from "./common.js";
import { createMap } from "./map.js";

/** @import { Drawn, Given } from "./common.js" */
/** @import { MapState } from "./map.js" */

/**
 * What the kernel says of a sentence.
 * @typedef {{ translation: string, note: string, map: MapState | null, error?: string }} Reply
 */

const PATIENCE = 8000; // milliseconds until the reader is told why nothing comes

/**
 * A folded list of words, to be searched; a click on one hands it on.
 * @param {string[]} words
 * @param {(word: string) => void} action
 * @returns {HTMLElement}
 */
function wordsToLookThrough(words, action) {
  const label = "Find a word that it knows";
  const search = control("input", {
    type: "search",
    class: "am-field",
    placeholder: label,
    "aria-label": label,
    autocomplete: "off",
  });
  const buttons = words.map((word) =>
    button(word, { class: "am-button am-example", lang: "en" }, () => action(word)),
  );
  search.addEventListener("keydown", (event) => event.stopPropagation());
  search.addEventListener("input", () => {
    const asked = search.value.trim().toLowerCase();
    buttons.forEach((node, i) => {
      node.hidden = !words[i].toLowerCase().includes(asked);
    });
  });
  const list = html("div", { class: "am-known-words" }, ...buttons);
  const name = html("summary", {}, `The ${words.length} words that it knows`);
  return html("details", { class: "am-known" }, name, search, list);
}

/**
 * @param {Given<{ title: string, examples: string[], first: Reply | null, words?: string[] }>} given
 * @returns {Drawn}
 */
function createTranslatorBox({ state, colours, model }) {
  const field = control("input", {
    type: "text",
    class: "am-field",
    placeholder: "Type an English sentence",
    "aria-label": "English sentence",
    autocomplete: "off",
    spellcheck: "false",
  });
  const send = control("button", { type: "submit", class: "am-button am-send" }, "Translate");
  const form = html("form", { class: "am-bar" }, field, send);
  const status = html("p", { class: "am-answer", role: "status", "aria-live": "polite" });
  const result = html("div", { class: "am-result" });
  let ticket = 0;
  let waiting = 0;
  /** @type {Drawn | null} */
  let map = null;

  function ask(text) {
    ticket += 1;
    field.value = text;
    send.disabled = true;
    root.setAttribute("aria-busy", "true");
    say("am-busy", "Translating ...");
    clearTimeout(waiting);
    waiting = window.setTimeout(() => {
      send.disabled = false;
      say("am-busy", "No answer yet. The kernel is busy, or was restarted: run this cell again.");
    }, PATIENCE);
    model.send({ view: "translator_box", text, ticket });
  }

  function say(kind, ...words) {
    status.className = `am-answer ${kind}`;
    status.replaceChildren(...words.filter((word) => word !== null));
  }

  /** @param {Reply} reply */
  function show(reply) {
    map?.destroy?.();
    map = reply.map ? createMap({ state: reply.map, colours, model }) : null;
    result.replaceChildren(...(map ? [map.root] : []));
    if (reply.error) {
      say("am-error", reply.error);
      return;
    }
    const french = html("strong", { class: "am-translation", lang: "fr" }, reply.translation);
    say("am-done", french, reply.note ? html("span", { class: "am-note" }, reply.note) : null);
  }

  function receive(reply) {
    // Another copy of this view may have asked, or an older question may come late.
    if (reply.view !== "translator_box" || reply.ticket !== ticket) return;
    clearTimeout(waiting);
    send.disabled = false;
    root.removeAttribute("aria-busy");
    show(reply);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(field.value);
  });
  field.addEventListener("keydown", (event) => event.stopPropagation());
  model.on("msg:custom", receive);

  const examples = state.examples.map((text) =>
    button(text, { class: "am-button am-example", lang: "en" }, () => ask(text)),
  );
  const tries = examples.length ? bar("Try:", ...examples) : null;
  if (tries) build(tries, { role: "group", "aria-label": "examples" });
  const known = state.words?.length
    ? wordsToLookThrough(state.words, (word) => {
        field.value = `${field.value.trim()} ${word}`.trim();
        field.focus();
      })
    : null;
  const root = frame(state.title, form, tries, known, status, result);
  if (state.first) {
    field.value = state.examples[0];
    show(state.first);
  }
  const destroy = () => {
    clearTimeout(waiting);
    map?.destroy?.();
    model.off("msg:custom", receive);
  };
  return { root, destroy };
}

export const render = widget(createTranslatorBox);
