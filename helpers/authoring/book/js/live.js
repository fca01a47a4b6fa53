// Brings the pictures of a page to life without a kernel, and asks how sure a reader is.
//
// A view finds here the six functions of the model that it has in a notebook. Its state stands in
// the page beside the still picture, which is what is seen until the view is drawn, and on paper.
"use strict";

(() => {
  const HERE = document.currentScript.src.replace(/[^/]*$/, "");
  const AHEAD = "600px"; // how far below the window a picture is drawn already
  const loading = {};

  // Loads the weights of a translator when they are first asked for.
  function load(name) {
    loading[name] ??= new Promise((done, fail) => {
      const script = document.createElement("script");
      script.src = `${HERE}weights/${window.AttentionModels[name].file}`;
      script.onload = done;
      script.onerror = () => {
        delete loading[name];
        fail(new Error("The weights of the model could not be loaded. Reload the page to try again."));
      };
      document.head.append(script);
    });
    return loading[name];
  }

  // The model of a view: its values, who listens to it, and who answers what it sends.
  function createModel(state, answer) {
    const values = { state, colours: window.AttentionColours, chosen: {}, still: "" };
    const heard = [];
    const tell = (event, value) =>
      heard.filter(([name]) => name === event).forEach(([, action]) => action(value));
    return {
      get: (name) => values[name],
      set: (name, value) => {
        values[name] = value;
        tell(`change:${name}`, value);
      },
      save_changes: () => {},
      on: (event, action) => heard.push([event, action]),
      off: (event, action) => {
        const at = heard.findIndex((one) => one[0] === event && one[1] === action);
        if (at >= 0) heard.splice(at, 1);
      },
      send: (message) => answer?.(message, (reply) => tell("msg:custom", reply)),
    };
  }

  // Draws a view of a state into an element; what was there before is replaced.
  function draw(place, state, answer) {
    const model = createModel(state, answer);
    place.replaceChildren();
    window.AttentionViews[state.view].render({ model, el: place });
  }

  const spaced = (words) => words.join(" ").replace(/(['’]) /g, "$1").replace(/ ([.,])/g, "$1");

  // What a text box of this page does with a sentence: the answer of TranslatorBox in Python.
  // `desk` is the model that the reader has chosen, and where its time and its walk are shown.
  function translator(box, desk) {
    return async (message, reply) => {
      const say = (rest) => reply({ view: message.view, ticket: message.ticket, ...rest });
      if (!desk.name) {
        say({ error: box.dataset.unable });
        return;
      }
      const { name } = desk;
      try {
        await load(name);
        const before = performance.now();
        const done = AttentionBook.translate(name, message.text);
        desk.took.textContent = inWords(performance.now() - before);
        const ended = done.target.at(-1) === "<end>";
        const own = name === box.dataset.model ? box.dataset.note : "";
        const note = [own, ended ? "" : "It did not reach <end> and was stopped."];
        say({
          translation: spaced(ended ? done.target.slice(0, -1) : done.target),
          note: note.filter(Boolean).join(" "),
          map: mapState(done),
        });
        showWalk(desk.walk, AttentionBook.model(name), done);
      } catch (error) {
        desk.took.textContent = "";
        desk.walk.replaceChildren();
        say({ error: error.message });
      }
    };
  }

  const inWords = (milliseconds) =>
    `translated in ${milliseconds < 1 ? "less than 1" : Math.round(milliseconds)} ms`;

  // Above a text box: which model translates, and how long the last sentence took.
  function createDesk(box, walk) {
    const took = document.createElement("span");
    const desk = { name: box.dataset.model, walk, took, root: null, choice: null };
    desk.took.className = "am-took";
    if (!desk.name) return desk;
    const select = document.createElement("select");
    for (const [name, { label }] of Object.entries(window.AttentionModels)) {
      select.append(new Option(label, name, false, name === desk.name));
    }
    const label = document.createElement("label");
    label.append("Model: ", select);
    desk.root = document.createElement("div");
    desk.root.className = "am-desk";
    desk.root.append(label, desk.took);
    desk.choice = select;
    return desk;
  }

  // Gives a box another model: the words that this one knows, and the same sentence once more.
  async function exchange(desk, place, state, answer) {
    desk.name = desk.choice.value;
    const text = place.querySelector("input").value;
    try {
      await load(desk.name);
    } catch {
      // Then the box keeps its words, and says itself that the weights are missing.
    }
    const known = AttentionBook.model(desk.name)?.source.filter((word) => word[0] !== "<");
    draw(place, { ...state, first: null, words: known?.sort() ?? state.words }, answer);
    place.querySelector("input").value = text;
    if (text.trim()) place.querySelector("form").requestSubmit();
  }

  const rounded = (x) => Number(x.toPrecision(3));

  // The map of a translation, or that of each layer and head where the model has several.
  function mapState({ source, target, weights, steps }) {
    const short = (row) => Array.from(row, (w) => Number(w.toFixed(4)));
    const heads = steps[0].maps?.map((layer, l) =>
      layer.map((_, head) => steps.map((step) => short(step.maps[l][head]))),
    );
    return {
      ...window.AttentionMapState,
      rows: target,
      columns: source,
      weights: heads ?? [[weights.map(short)]],
    };
  }

  // The walk through the steps of this very translation, with all that was computed.
  function showWalk(place, model, { source, steps, encoded }) {
    const blank = model.walks[source.length];
    place.replaceChildren();
    if (!blank) return;
    const boxes = blank.boxes.map((box) =>
      /^x\d+$/.test(box.name) ? { ...box, label: [["", source[Number(box.name.slice(1)) - 1]]] } : box,
    );
    const first = blank.first;
    const vector = (x) => ({ of: x.length, first: Array.from(x).slice(0, first).map(rounded) });
    const moments = steps.map((step) => {
      const values = {
        ...Object.fromEntries(encoded.states.map((h, i) => [`h${i + 1}`, vector(h)])),
        ...Object.fromEntries(step.keys.map((k, i) => [`k${i + 1}`, vector(k)])),
        query: vector(step.query),
        c: vector(step.context),
        before: vector(step.before),
        y: vector(step.y),
        s: vector(step.state),
      };
      const words = { y: step.fed, word: step.word };
      const weights = {};
      source.forEach((_, i) => {
        words[`e${i + 1}`] = step.scores[i].toFixed(2);
        words[`a${i + 1}`] = step.weights[i].toFixed(2);
        weights[`a${i + 1}`] = Number(step.weights[i].toFixed(4));
      });
      return { name: step.word, values, words, weights };
    });
    const title = "How each word of this translation was found";
    draw(place, { ...blank, title, boxes, moments });
  }

  function enliven(box) {
    const state = JSON.parse(box.querySelector("script").textContent);
    const place = document.createElement("div");
    place.className = "am-drawn";
    const walk = document.createElement("div");
    walk.className = "am-drawn";
    const desk = state.view === "translator_box" ? createDesk(box, walk) : null;
    const answer = desk && translator(box, desk);
    try {
      draw(place, state, answer);
    } catch (error) {
      // A state from before its view was changed: the still picture says as much as it can.
      console.warn(`${state.view} stays still; refresh its notebook and build again.`, error);
      return;
    }
    desk?.choice?.addEventListener("change", () => exchange(desk, place, state, answer));
    box.append(...(desk?.root ? [desk.root] : []), place, walk);
    box.classList.add("am-is-live");
  }

  function enlivenAll() {
    const seen = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) {
          if (!isIntersecting) continue;
          seen.unobserve(target);
          enliven(target);
        }
      },
      { rootMargin: AHEAD },
    );
    document.querySelectorAll(".am-live").forEach((box) => seen.observe(box));
  }

  document.addEventListener("DOMContentLoaded", enlivenAll);
})();
