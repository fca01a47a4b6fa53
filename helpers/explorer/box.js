// The text box: a sentence goes to the kernel, its translation and map come back.

const PATIENCE = 8000; // milliseconds until the reader is told why nothing comes

function createBox({ state, colours, model }) {
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
  let waiting = null;

  function ask(text) {
    ticket += 1;
    field.value = text;
    send.disabled = true;
    root.setAttribute("aria-busy", "true");
    say("am-busy", "Translating ...");
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      send.disabled = false;
      say("am-busy", "No answer yet. The kernel is busy, or was restarted: run this cell again.");
    }, PATIENCE);
    model.send({ view: "box", text, ticket });
  }

  function say(kind, ...words) {
    status.className = `am-answer ${kind}`;
    status.replaceChildren(...words.filter((word) => word !== null));
  }

  function show(reply) {
    result.replaceChildren();
    if (reply.error) {
      say("am-error", reply.error);
      return;
    }
    const french = html("strong", { class: "am-translation", lang: "fr" }, reply.translation);
    say("am-done", french, reply.note ? html("span", { class: "am-note" }, reply.note) : null);
    if (reply.map) result.append(createMap({ state: reply.map, colours }).root);
  }

  function receive(reply) {
    // Another copy of this view may have asked, or an older question may come late.
    if (reply.view !== "box" || reply.ticket !== ticket) return;
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
  const tries = examples.length
    ? html("div", { class: "am-bar", role: "group", "aria-label": "examples" }, "Try:", ...examples)
    : null;
  const title = state.title ? html("h4", { class: "am-title" }, state.title) : null;
  const root = html("div", { class: "am-root am-box" }, title, form, tries, status, result);
  if (state.first) {
    field.value = state.examples[0];
    show(state.first);
  }
  const destroy = () => {
    clearTimeout(waiting);
    model.off("msg:custom", receive);
  };
  return { root, destroy };
}
