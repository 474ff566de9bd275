/** Reads Keras' results. */
import { readFileSync } from "node:fs";

export interface Numbers {
  shape: number[];
  data: number[];
}

export const vector = <T>(name: string): T => JSON.parse(readFileSync(`test/vectors/keras/${name}.json`, "utf8")) as T;
