// Cuts the sections of a page into slides on which everything fits, and starts reveal.js.
//
// How much fits is known only here, where it is drawn. A view gets a slide of its own, and is made
// as large as the slide lets it be.
"use strict";

(() => {
  const [WIDTH, HEIGHT] = [1024, 768];
  const ROOM = 660; // points that the blocks of a slide may take, below the running title
  const WHOLE = 736; // those that a picture or a view has, which stands on its slide alone
  const LARGEST = 1.4; // how much a view is enlarged where there is room
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
    blocks.forEach((block) => {
      const alone = /am-(view|figure)/.test(block.className);
      if (!held || alone || held.dataset.full) {
        slide = newSlide(title, slide);
        held = slide.lastElementChild;
      }
      held.append(block);
      if (alone) {
        held.dataset.full = "yes";
        slide.classList.add("am-full");
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

  // A view is drawn when its slide comes near, so its size is known only then.
  function watch(box) {
    const grown = new ResizeObserver(() => {
      const drawn = box.querySelector(".am-drawn");
      if (drawn?.firstChild) fit(drawn, LARGEST, WHOLE);
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
