// The search page: a term's definition comes first, a hit leads to its section, and each result
// shows some of its words. They stand in search-texts.js, so that nothing has to be fetched.
//
// `Search` and `Stemmer` are Sphinx's. A result of it is [page, title, anchor, description, score,
// file, kind], and a list of them has the best one last.
"use strict";

(() => {
  const LONGEST = 220; // letters of a summary
  const NEAR = 4; // terms that only contain the words and still stand before the pages
  const TEXTS = window.AttentionTexts; // for each page [anchor, title, words] of its parts
  const search = Search._performSearch;
  let stems = [];

  const stemmed = (text) => splitQuery(text.toLowerCase()).map((word) => new Stemmer().stemWord(word));

  // The names of a term: "AER" of "alignment error rate (AER)" too, and the Korean ones.
  function namesOf([, title, words]) {
    const korean = words.split(". ")[0];
    return [title, korean].flatMap((text) => text.split(/[,()]/)).map((name) => stemmed(name).join(" "));
  }

  // The terms of the glossary that a query names, the best one last.
  function definitions(query) {
    const [asked, words] = [stemmed(query).join(" "), stemmed(query)];
    const has = (part) => {
      const names = namesOf(part).join(" ").split(" ");
      return words.every((word) => names.includes(word));
    };
    const found = words.length ? TEXTS.glossary.filter(has) : [];
    const exact = (part) => namesOf(part).includes(asked);
    const result = ([anchor, title], score) => [
      "glossary", title, `#${anchor}`, "Glossary", score, "", SearchResultKind.object,
    ];
    return {
      exact: found.filter(exact).map((part) => result(part, 100)).reverse(),
      near: found.filter((part) => !exact(part)).map((part) => result(part, 50)).reverse(),
    };
  }

  const holds = (text) => stems.filter((stem) => text.toLowerCase().includes(stem)).length;

  // Leads a hit in a page's text to the part of the page that has the most of the words.
  function toItsPart(result) {
    const [page, title, anchor, , , , kind] = result;
    if (kind !== SearchResultKind.text || anchor || !TEXTS[page]) return result;
    const counts = TEXTS[page].map(([, name, words]) => holds(`${name} ${words}`));
    const best = counts.indexOf(Math.max(...counts));
    if (best <= 0) return result; // the page's beginning, or no part
    const [part, name] = TEXTS[page][best];
    return [page, `${title} > ${name}`, `#${part}`, ...result.slice(3)];
  }

  Search._performSearch = (query, words, ...rest) => {
    stems = [...words];
    const { exact, near } = definitions(query);
    const known = exact.length + near.length > 0;
    const pages = search(query, words, ...rest).filter(([page]) => !(known && page === "glossary"));
    const first = near.slice(-NEAR);
    return [...near.slice(0, near.length - first.length), ...pages.map(toItsPart), ...first, ...exact];
  };

  // Some words of a text, from the beginning of the sentence that has the first of those asked for.
  function excerpt(text) {
    const at = stems.map((stem) => text.toLowerCase().indexOf(stem)).filter((place) => place >= 0);
    const hit = at.length ? Math.min(...at) : 0;
    const before = text.slice(0, hit).lastIndexOf(". ") + 2;
    const from = before > 1 && hit - before < LONGEST / 2 ? before : Math.max(0, hit - LONGEST / 2);
    const start = from && text[from - 1] !== " " ? text.indexOf(" ", from) + 1 : from;
    const end = start + LONGEST < text.length ? text.lastIndexOf(" ", start + LONGEST) : text.length;
    const cut = text[start - 2] === "." || !start ? "" : "… ";
    return `${cut}${text.slice(start, end)}${end < text.length ? " …" : ""}`;
  }

  function summarise(item) {
    const [file, anchor = ""] = item.querySelector("a").getAttribute("href").split("#");
    const parts = TEXTS[file.replace(/\.html$/, "")] ?? [];
    const part = parts.find(([name]) => name === decodeURIComponent(anchor)) ?? parts[0];
    if (!part?.[2]) return;
    const summary = document.createElement("p");
    summary.className = "context";
    summary.textContent = excerpt(part[2]);
    item.append(summary);
  }

  // At once, because Sphinx shows the first result as soon as the page is there.
  const watch = new MutationObserver((changes) => {
    const added = changes.flatMap(({ addedNodes }) => [...addedNodes]);
    added.filter((node) => node.nodeName === "LI").forEach(summarise);
  });
  watch.observe(document.getElementById("search-results"), { childList: true, subtree: true });
})();
