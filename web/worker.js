import { load } from "./node_modules/penjing/build/run.js";

// not awaited here: pictures that arrive earlier must not be missed
const loading = load("digits.penjing");
self.onmessage = async ({ data }) => postMessage((await loading).classify(data)[0]);
