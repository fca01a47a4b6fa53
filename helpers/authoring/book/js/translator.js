// The translators that come with the course, computed in the page: what `translate` of
// helpers/decoding.py does, for one sentence, without a kernel.
//
// A classic script, because a browser refuses a module that was opened from a file. The weights
// are scripts of their own, which call `AttentionBook.store` when they are loaded. The models with
// recurrence stand here; transformer.js adds the one without.
"use strict";

globalThis.AttentionBook = (() => {
  const LONGEST = 60; // words of a translation, as MAX_LENGTH in helpers/decoding.py
  const [START, END] = [1, 2]; // as in helpers/corpus/vocabulary.py
  const models = {};

  // Numbers in half precision, which two bytes each stand for (IEEE 754, binary16).
  function halves(text) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    // One kind of array for all numbers, because a browser computes several times faster with it.
    const numbers = new Float64Array(bytes.length / 2);
    for (let i = 0; i < numbers.length; i += 1) {
      const bits = bytes[2 * i] | (bytes[2 * i + 1] << 8);
      const exponent = (bits >> 10) & 31;
      const fraction = bits & 1023;
      const size = exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction;
      numbers[i] = bits >> 15 ? -size : size;
    }
    return numbers;
  }

  // A file of weights says what it holds: {source, target, settings, shapes, data, walks}.
  function store(name, file) {
    const numbers = halves(file.data);
    const weights = {};
    let from = 0;
    for (const [key, shape] of Object.entries(file.shapes)) {
      const size = shape.reduce((a, b) => a * b, 1);
      weights[key] = { numbers: numbers.subarray(from, from + size), width: shape.at(-1) };
      from += size;
    }
    const ids = new Map(file.source.map((word, id) => [word, id]));
    models[name] = { ...file, data: null, weights, ids };
  }

  function dot(a, b) {
    let sum = 0;
    for (let i = 0; i < a.length; i += 1) sum += a[i] * b[i];
    return sum;
  }

  const sigmoid = (x) => 1 / (1 + Math.exp(-x));
  const join = (a, b) => Float64Array.from([...a, ...b]);
  const row = ({ numbers, width }, i) => numbers.subarray(i * width, (i + 1) * width);

  // A linear layer: matrix (out, in), bias (out) or none, x (in) -> (out).
  function linear({ numbers, width }, x, bias) {
    const out = new Float64Array(numbers.length / width);
    for (let i = 0; i < out.length; i += 1) {
      let sum = bias ? bias.numbers[i] : 0;
      for (let j = 0, at = i * width; j < width; j += 1) sum += numbers[at + j] * x[j];
      out[i] = sum;
    }
    return out;
  }

  function softmax(scores) {
    const most = Math.max(...scores);
    const powers = scores.map((score) => Math.exp(score - most));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((power) => power / sum);
  }

  // The weighted sum of vectors: the context of attention.
  function blend(weights, vectors) {
    const sum = new Float64Array(vectors[0].length);
    vectors.forEach((vector, i) => {
      for (let d = 0; d < sum.length; d += 1) sum[d] += weights[i] * vector[d];
    });
    return sum;
  }

  // One step of a GRU as PyTorch computes it; rows of the matrices in the order r, z, n.
  function gru(weights, name, end, x, state) {
    const part = (kind) => weights[`${name}${kind}${end}`];
    const now = linear(part("weight_ih"), x, part("bias_ih"));
    const before = linear(part("weight_hh"), state, part("bias_hh"));
    const size = state.length;
    return state.map((old, i) => {
      const reset = sigmoid(now[i] + before[i]);
      const update = sigmoid(now[size + i] + before[size + i]);
      const fresh = Math.tanh(now[2 * size + i] + reset * before[2 * size + i]);
      return (1 - update) * fresh + update * old;
    });
  }

  // Both directions of the encoder: ids of words -> their vectors, states h_i, start s_0.
  function encode({ weights }, ids) {
    const words = ids.map((id) => row(weights["encoder.embedding.weight"], id));
    const size = weights["encoder.gru.weight_hh_l0"].width;
    const read = (vectors, end) => {
      let state = new Float64Array(size);
      return vectors.map((x) => (state = gru(weights, "encoder.gru.", end, x, state)));
    };
    const ahead = read(words, "_l0");
    const back = read(words.toReversed(), "_l0_reverse").toReversed();
    const states = ahead.map((state, i) => join(state, back[i]));
    const summary = join(ahead.at(-1), back[0]);
    const start = linear(weights["bridge.0.weight"], summary, weights["bridge.0.bias"]);
    return { words, states, start: start.map(Math.tanh) };
  }

  // Additive attention (Bahdanau et al. 2015): looks with s_{t-1}, then makes s_t.
  function additive(model, ids) {
    const { weights } = model;
    const encoded = encode(model, ids);
    const { states, start } = encoded;
    const keys = states.map((h) => linear(weights["key.weight"], h));
    const v = weights["score.v"].numbers;
    return {
      start,
      encoded,
      step(word, before) {
        const query = linear(weights["query.weight"], before);
        const scores = keys.map((key) => dot(query.map((q, d) => Math.tanh(q + key[d])), v));
        const looks = softmax(scores);
        const context = blend(looks, states);
        const y = row(weights["embedding.weight"], word);
        const state = gru(weights, "cell.", "", join(y, context), before);
        const output = join(state, context);
        const logits = linear(weights["output.weight"], output, weights["output.bias"]);
        return { before, query, keys, scores, weights: looks, context, y, state, logits };
      },
    };
  }

  // Scaled dot products over the states, values made from the words: the twin of notebook 06.
  function wordValues(model, ids) {
    const { weights } = model;
    const encoded = encode(model, ids);
    const { words, states, start } = encoded;
    const values = words.map((word) => linear(weights["value.weight"], word));
    const scale = 1 / Math.sqrt(start.length);
    return {
      start,
      encoded,
      step(word, before) {
        const state = gru(weights, "gru.", "_l0", row(weights["embedding.weight"], word), before);
        const scores = states.map((h) => scale * dot(state, h));
        const looks = softmax(scores);
        const context = blend(looks, values);
        const mixed = linear(weights["attentional.0.weight"], join(context, state));
        const output = mixed.map(Math.tanh);
        const logits = linear(weights["output.weight"], output, weights["output.bias"]);
        return { scores, weights: looks, context, state, logits };
      },
    };
  }

  // By the name of a model, what makes {start, step, encoded} of it and the ids of a sentence.
  const kinds = { additive, "word values": wordValues };

  // Greedy decoding. Returns {source, target, weights, steps, encoded}: words, <end> the last if the
  // model stopped by itself, a row of weights for each, and all that was computed on the way.
  function translate(name, text) {
    const model = models[name];
    const source = tokenize(text);
    const { start, step, encoded } = kinds[name](model, known(model, source));
    const steps = [];
    let [state, word] = [start, START];
    while (steps.length < LONGEST && !(steps.length && word === END)) {
      const done = step(word, state);
      const next = done.logits.indexOf(Math.max(...done.logits));
      steps.push({ ...done, fed: model.target[word], word: model.target[next] });
      [state, word] = [done.state, next];
    }
    const target = steps.map((one) => one.word);
    return { source, target, weights: steps.map((one) => one.weights), steps, encoded };
  }

  const LETTER = "[\\p{L}\\p{N}_]";
  const SHORT = [
    [`(?<!${LETTER})(it|he|she|that|who)'s(?!${LETTER})`, "$1 is"],
    [`(?<!${LETTER})(we|you|they)'re(?!${LETTER})`, "$1 are"],
    [`(?<!${LETTER})(do|does|did|is|are|was|were)n't(?!${LETTER})`, "$1 not"],
    [`(?<!${LETTER})i'm(?!${LETTER})`, "i am"],
  ].map(([short, long]) => [new RegExp(short, "gu"), long]);
  const WORD = "[\\p{L}\\p{N}]+";
  const TOKEN = new RegExp(
    `'s(?!${LETTER})|aujourd'hui|(?:[cdjlmnst]|(?:jus|lors|puis)?qu)'|${WORD}(?:-${WORD})*|[.?]`,
    "gu",
  );

  // Splits a sentence as helpers/corpus/vocabulary.py does.
  function tokenize(text) {
    let plain = text.normalize("NFC").toLowerCase().replace(/[’‘ʼ`´]/g, "'");
    plain = plain.replace(/[!…]/g, ".");
    for (const [short, long] of SHORT) plain = plain.replace(short, long);
    const tokens = plain.match(TOKEN) ?? [];
    const isMark = (token) => token === "." || token === "?";
    while (tokens.length > 1 && isMark(tokens.at(-1)) && isMark(tokens.at(-2))) tokens.pop();
    if (tokens.every(isMark)) {
      throw new Error("No word in this sentence; write one, for example: the cat sleeps");
    }
    return isMark(tokens.at(-1)) ? tokens : [...tokens, "."];
  }

  // The numbers of words; an error that names those that the model has never seen.
  function known({ ids }, words) {
    const missing = [...new Set(words.filter((word) => !ids.has(word)))];
    if (missing.length) {
      const near = (word) => {
        const found = [...ids.keys()].filter((one) => one[0] !== "<" && apart(one, word) < 3);
        found.sort((a, b) => apart(a, word) - apart(b, word));
        return found.length ? ` (did you mean ${found.slice(0, 2).join(" or ")}?)` : "";
      };
      const list = missing.map((word) => `'${word}'${near(word)}`).join(", ");
      const reason = "The model knows only the words it was trained on; choose others.";
      throw new Error(`Not in the vocabulary: ${list}. ${reason}`);
    }
    return words.map((word) => ids.get(word));
  }

  // How many letters must be put in, taken out or changed to make one word of the other.
  function apart(one, other) {
    let before = Array.from({ length: other.length + 1 }, (_, j) => j);
    for (let i = 1; i <= one.length; i += 1) {
      const now = [i];
      for (let j = 1; j <= other.length; j += 1) {
        const change = before[j - 1] + (one[i - 1] !== other[j - 1]);
        now.push(Math.min(before[j] + 1, now[j - 1] + 1, change));
      }
      before = now;
    }
    return before.at(-1);
  }

  const numbers = { blend, dot, linear, row, softmax };
  return { store, translate, tokenize, kinds, numbers, model: (name) => models[name] };
})();
