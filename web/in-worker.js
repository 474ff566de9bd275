// Runs the network in a worker: the page sends pictures and shows the results.
import { paper, show } from "./paper.js";

const worker = new Worker("worker.js", { type: "module" });
worker.onmessage = ({ data }) => show(data);
paper(image => worker.postMessage(image));
