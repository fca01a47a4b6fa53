// Cuts the sections of a page into slides on which everything fits, and starts reveal.js.
//
// How much fits is known only here, where it is drawn. A view gets a slide of its own, and is made
// as large as the slide lets it be. A high walk has its buttons and words beside it, and a high
// diagram is shown once more in two halves, because its words are too small for the back row.
"use strict";

(() => {
  const [WIDTH, HEIGHT] = [1024, 768];
  const ROOM = 660; // points that the blocks of a slide may take, below the running title
  const WHOLE = 736; // those that a picture or a view has, which stands on its slide alone
  const LARGEST = 1.4; // how much a view is enlarged where there is room
  const CONTROLS = 170; // points of the buttons and words of a walk above and below it
  const HALVED = 0.75; // below which a picture is shown in two halves as well
  const SMALLEST = 0.6; // below which nobody reads it: then the slide scrolls

  // Measures in the size of a slide, wherever the page is shown.
  function stage() {
    const slides = document.querySelector(".slides");
    Object.assign(slides.style, { width: `${WIDTH}px`, height: `${HEIGHT}px` });
    slides.classList.add("am-measured"); // reveal.js does not show a slide before it has begun
    return slides;
  }

  // Makes what is in a block smaller until it is no higher than the room that it has.
  function fit(block, largest, room) {
    for (let scale = largest; scale >= SMALLEST; scale -= 0.05) {
      block.style.zoom = scale;
      if (block.getBoundingClientRect().height / stretch() <= room) return;
    }
    block.parentElement.classList.add("am-scrolls");
  }

  // Makes a picture as large as its slide lets it be.
  function enlarge(image, slide) {
    const [wide, high] = [image.naturalWidth, image.naturalHeight];
    const room = slide.lastElementChild.clientWidth;
    const scale = Math.min(LARGEST, room / wide, WHOLE / high);
    image.style.width = `${scale * wide}px`;
    return scale;
  }

  // Shows a high diagram once more, the lower half first, because it is read from below.
  function halve(image, slide) {
    const [wide, high] = [image.naturalWidth, image.naturalHeight];
    const half = Math.min(slide.lastElementChild.clientWidth / wide, (1.8 * WHOLE) / high);
    let last = slide;
    for (const place of ["bottom", "top"]) {
      last = newSlide(slide.firstElementChild.innerHTML, last);
      last.classList.add("am-full");
      const part = document.createElement("div");
      part.className = "am-block am-half";
      const copy = image.cloneNode();
      copy.style.width = `${half * wide}px`;
      copy.style.height = `${Math.min(WHOLE, half * high)}px`; // so the halves overlap
      copy.style.objectPosition = place;
      part.append(copy);
      last.lastElementChild.append(part);
    }
    return last;
  }

  // Makes a table or a formula narrower until it is no wider than its slide.
  function narrow(box) {
    const room = box.closest(".am-block").clientWidth;
    box.style.zoom = Math.min(1, room / Math.max(box.offsetWidth, box.scrollWidth));
  }

  // By how much reveal.js has enlarged the slides.
  const stretch = () => document.querySelector(".slides").getBoundingClientRect().width / WIDTH;

  function newSlide(title, after) {
    const slide = document.createElement("section");
    slide.className = "am-page";
    const running = document.createElement("p");
    running.className = "am-running";
    running.innerHTML = title;
    const held = document.createElement("div");
    slide.append(running, held);
    after.after(slide);
    return slide;
  }

  // Puts the blocks of a section onto slides, and their full text into the speaker's notes.
  function cut(section) {
    const title = section.previousElementSibling?.querySelector("h2")?.innerHTML ?? "";
    const blocks = [...section.children];
    let slide = section;
    let held = null;
    blocks.forEach((block, place) => {
      const alone = /am-(view|figure)/.test(block.className);
      if (!held || alone || held.dataset.full) {
        slide = newSlide(title, slide);
        held = slide.lastElementChild;
      }
      held.append(block);
      if (alone) {
        held.dataset.full = "yes";
        slide.classList.add("am-full");
        const image = block.querySelector(":scope > img, :scope > figure > img");
        const small = image && enlarge(image, slide) < HALVED;
        if (small && drawn(blocks[place - 1])) slide = halve(image, slide);
      } else if (held.children.length > 1 && held.getBoundingClientRect().height > ROOM) {
        slide = newSlide(title, slide);
        held = slide.lastElementChild;
        const before = lastOf(slide.previousElementSibling);
        held.append(block);
        if (belongs(before, block)) {
          block.before(before);
          if (held.getBoundingClientRect().height > ROOM) lastOf(slide.previousElementSibling).after(before);
        }
      }
      if (!alone && held.children.length === 1) fit(block, 1, ROOM);
    });
    section.remove();
  }

  // Whether a block is the code that draws a diagram.
  const drawn = (block) =>
    block?.classList.contains("am-code") && /\bdraw(_all)?\(/.test(block.textContent);

  const lastOf = (slide) => slide.lastElementChild.lastElementChild;

  // Whether a block goes along with the one that it leads to: a sentence, or the code of an output.
  const belongs = (before, block) =>
    before.previousElementSibling &&
    (before.classList.contains("am-prose")
      ? /[:?]\s*$/.test(before.innerText)
      : block.classList.contains("am-output") && before.classList.contains("am-code"));

  function takeNotes(slide) {
    const texts = [...slide.querySelectorAll(".am-note")];
    if (!texts.length) return;
    const notes = document.createElement("aside");
    notes.className = "notes";
    texts.forEach((text) => {
      notes.append(...text.childNodes);
      text.remove();
    });
    slide.append(notes);
  }

  // Whether a walk has more room when its buttons and words stand beside it.
  function isHigh(walk) {
    const [wide, high] = ["width", "height"].map((side) => Number(walk?.getAttribute(side)));
    return high > WHOLE - CONTROLS && high > 0.8 * wide;
  }

  // A view is drawn when its slide comes near, so its size is known only then.
  function watch(box) {
    const grown = new ResizeObserver(() => {
      const drawn = box.querySelector(".am-drawn");
      if (!drawn?.firstChild) return;
      drawn.dataset.beside ??= isHigh(drawn.querySelector(".am-walk")) ? "yes" : "";
      fit(drawn, LARGEST, WHOLE);
    });
    grown.observe(box);
  }

  async function start() {
    const slides = stage();
    slides.querySelectorAll(".am-live").forEach((box) => box.setAttribute("data-prevent-swipe", ""));
    await Promise.all([...document.images].map((image) => image.decode().catch(() => {})));
    await document.fonts.ready;
    slides.querySelectorAll(".am-prose table, .am-formula").forEach(narrow);
    slides.querySelectorAll(".am-body").forEach(cut);
    slides.querySelectorAll("section").forEach(takeNotes);
    slides.classList.remove("am-measured");
    document.querySelectorAll(".am-live[data-view]").forEach(watch);
    await Reveal.initialize({
      width: WIDTH,
      height: HEIGHT,
      margin: 0,
      minScale: 0.2,
      maxScale: 4,
      center: false,
      hash: true,
      controls: false, // they would lie on the pictures
      slideNumber: "c/t",
      transition: "none",
      plugins: [RevealNotes, RevealZoom],
      // The keys belong to a view for as long as it has the focus.
      keyboardCondition: (event) => !event.target.closest?.(".am-live"),
    });
  }

  document.addEventListener("DOMContentLoaded", start);
})();
