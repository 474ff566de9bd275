// Imports by name: through an import map, or by any bundler.
import { load } from "penjing/run";
import { paper, show } from "./paper.js";

const net = await load("digits.penjing");
paper(image => show(net.classify(image)[0]));
