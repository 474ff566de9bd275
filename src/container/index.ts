/** The `.penjing` file: read, written and saved. docs/container.md has every byte of it. */

export { claimGraph } from "./claims.ts";
export type { Extras, Preprocessing } from "./extras.ts";
export { type Contents, type ReadFromOptions, type ReadOptions, read, readFrom } from "./read.ts";
export { saveFile } from "./save-file.ts";
export { storedBytes, type WriteOptions, write } from "./write.ts";
