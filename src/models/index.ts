/** Reference networks. */
export { lenet5 } from "./lenet5.ts";
export { lenet300100 } from "./lenet300100.ts";
