/** `penjing/kernels`: the raw kernels, for people who benchmark them or build on them. */
export { chooseVariant, forceVariant, type RelaxedDot, type Support, supported, type Variant } from "./load.ts";
