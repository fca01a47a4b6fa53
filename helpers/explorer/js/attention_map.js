// @ts-check
// The view of `explore`: an attention map of one sentence pair.
import { widget } from "./common.js";
import { createMap } from "./map.js";

export const render = widget(createMap);
