// The end questions as a test of oneself: how sure one is, marked before the answer is unfolded.
// What is marked stays in this browser.
"use strict";

(() => {
  const SURE = ["not marked", "a guess", "fairly sure", "sure"];
  const RIGHT = ["not compared", "right", "partly right", "wrong"];
  const page = location.pathname.split("/").at(-1);

  // A browser may refuse to keep anything, for a page from a file too.
  function read(key) {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  }

  function keep(key, value) {
    try {
      localStorage.setItem(key, value);
    } catch {
      // Then the mark holds until the page is left, as the choice itself shows it.
    }
  }

  function choice(letter, question, options) {
    const key = `attention-measured ${page} ${letter} ${question}`;
    const select = document.createElement("select");
    options.forEach((text, value) => select.append(new Option(text, String(value))));
    select.value = read(key) ?? "0";
    select.addEventListener("change", () => keep(key, select.value));
    const label = document.createElement("label");
    label.append(`${question} `, select);
    return label;
  }

  function form(letters, question, options) {
    const box = document.createElement("fieldset");
    box.className = "am-marks";
    const legend = document.createElement("legend");
    legend.textContent = question;
    box.append(legend, ...letters.map((letter) => choice(letter, `(${letter})`, options)));
    return box;
  }

  // The letters of the questions that stand before a fold with their answers.
  function lettersOf(fold) {
    const texts = [];
    for (let node = fold.previousElementSibling; node; node = node.previousElementSibling) {
      texts.unshift(node.textContent);
      if (/Questions/.test(node.textContent)) break;
    }
    return [...new Set([...texts.join(" ").matchAll(/\(([a-z])\) /g)].map((found) => found[1]))];
  }

  function mark(fold) {
    const letters = lettersOf(fold);
    if (!letters.length) return;
    fold.before(form(letters, "How sure are you of your answer?", SURE));
    fold.append(form(letters, "Was your answer right?", RIGHT));
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("details").forEach((fold) => {
      if (fold.querySelector("summary")?.textContent.trim() === "Answers") mark(fold);
    });
  });
})();
