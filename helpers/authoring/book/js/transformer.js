// The small Transformer that comes with the course, computed in the page: what
// helpers/models/transformer.py does for one sentence, one word after the other.
//
// A classic script behind translator.js, whose calculations it uses.
"use strict";

(() => {
  const { blend, dot, linear, row, softmax } = AttentionBook.numbers;
  const EPS = 1e-5; // as in LayerNorm of helpers/models/blocks.py

  const add = (x, change) => x.map((number, d) => number + change[d]);

  // The sines and cosines of a place, counted from 0 (Vaswani et al. 2017, section 3.5).
  function position(place, width) {
    return Float64Array.from({ length: width }, (_, d) => {
      const angle = place * 10_000 ** (-(d - (d % 2)) / width);
      return d % 2 ? Math.cos(angle) : Math.sin(angle);
    });
  }

  // The vector of a word times the root of its width, plus the one of its place.
  function embed({ weights }, side, word, place) {
    const table = weights[`${side}_embedding.table.weight`];
    const at = position(place, table.width);
    return Float64Array.from(row(table, word), (x, d) => x * Math.sqrt(table.width) + at[d]);
  }

  // A vector brought to mean 0 and variance 1, then times a learnt gain plus a learnt bias.
  function norm({ weights }, name, x) {
    const [gain, bias] = [weights[`${name}.gain`].numbers, weights[`${name}.bias`].numbers];
    const mean = x.reduce((sum, number) => sum + number, 0) / x.length;
    const variance = x.reduce((sum, number) => sum + (number - mean) ** 2, 0) / x.length;
    const scale = 1 / Math.sqrt(variance + EPS);
    return x.map((number, d) => gain[d] * (number - mean) * scale + bias[d]);
  }

  // The keys and values of some states, each (D).
  function project({ weights }, name, states) {
    const made = (part) => states.map((x) => linear(weights[`${name}.${part}.weight`], x));
    return { keys: made("key"), values: made("value") };
  }

  // One state looks at keys and values. Returns its output and the weights of each head.
  function look({ weights, settings }, name, x, { keys, values }) {
    const query = linear(weights[`${name}.query.weight`], x);
    const size = query.length / settings.heads;
    const mixed = new Float64Array(query.length);
    const looks = [];
    for (let from = 0; from < query.length; from += size) {
      const part = (vector) => vector.subarray(from, from + size); // what this head sees of it
      const scores = keys.map((key) => dot(part(query), part(key)) / Math.sqrt(size));
      looks.push(softmax(scores));
      mixed.set(blend(looks.at(-1), values.map(part)), from);
    }
    return { output: linear(weights[`${name}.output.weight`], mixed), looks };
  }

  // The position-wise MLP behind its norm, added to the stream.
  function think(model, block, x) {
    const { weights } = model;
    const given = norm(model, `${block}.mlp_sublayer.norm`, x);
    const inner = linear(weights[`${block}.mlp.inner.weight`], given, weights[`${block}.mlp.inner.bias`]);
    const active = inner.map((number) => Math.max(0, number));
    return add(x, linear(weights[`${block}.mlp.outer.weight`], active, weights[`${block}.mlp.outer.bias`]));
  }

  const blocksOf = ({ settings }, side) =>
    Array.from({ length: settings.layers }, (_, number) => `${side}.blocks.${number}`);

  // Ids of words -> the last states of the encoder, one for each word.
  function encode(model, ids) {
    let stream = ids.map((id, place) => embed(model, "source", id, place));
    for (const block of blocksOf(model, "encoder")) {
      const given = stream.map((x) => norm(model, `${block}.attention_sublayer.norm`, x));
      const kept = project(model, `${block}.attention`, given);
      stream = stream
        .map((x, i) => add(x, look(model, `${block}.attention`, given[i], kept).output))
        .map((x) => think(model, block, x));
    }
    return stream.map((x) => norm(model, "encoder.final", x));
  }

  // What `translate` asks of a model. The state is what each block keeps of the words before:
  // their keys and values. Nothing later is there yet, so no causal mask is needed.
  function transformer(model, ids) {
    const states = encode(model, ids);
    const blocks = blocksOf(model, "decoder");
    const memory = blocks.map((block) => project(model, `${block}.cross`, states));

    function step(word, before) {
      let x = embed(model, "target", word, before[0].keys.length);
      const maps = []; // (layers, heads, S)
      const state = blocks.map((block, number) => {
        let given = norm(model, `${block}.attention_sublayer.norm`, x);
        const own = project(model, `${block}.attention`, [given]);
        const kept = {
          keys: [...before[number].keys, ...own.keys],
          values: [...before[number].values, ...own.values],
        };
        x = add(x, look(model, `${block}.attention`, given, kept).output);
        given = norm(model, `${block}.cross_sublayer.norm`, x);
        const across = look(model, `${block}.cross`, given, memory[number]);
        maps.push(across.looks);
        x = think(model, block, add(x, across.output));
        return kept;
      });
      const logits = linear(model.weights["output.weight"], norm(model, "decoder.final", x));
      const heads = maps.at(-1); // of the last block, as in Python
      return { weights: blend(heads.map(() => 1 / heads.length), heads), maps, state, logits };
    }
    return { start: blocks.map(() => ({ keys: [], values: [] })), step, encoded: { states } };
  }

  AttentionBook.kinds.transformer = transformer;
})();
