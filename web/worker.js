import { load } from "./node_modules/penjing/build/run.js";

// not awaited here: pictures that come before it is there must not be missed
const loading = load("digits.penjing");
self.onmessage = async ({ data }) => postMessage((await loading).classify(data)[0]);
