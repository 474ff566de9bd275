// Imports by path, without a bundler and without an import map.
import { load } from "./node_modules/penjing/build/run.js";
import { paper, show } from "./paper.js";

const net = await load("digits.penjing");
paper(image => show(net.classify(image)[0]));
