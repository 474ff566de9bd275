import { test } from "vitest";
import { expectGrowth, MB } from "./memory.ts";

/**
 * Counted from the 3 000th load on: until about then V8 compiles functions again with what it has learned of them,
 * which takes up to 2.5 MB (measured on Node 20). Nine thousand loads later the process is 0.8 MB larger at most.
 */
test("within 2 MB between the 3 000th and the 12 000th load", () => expectGrowth("loads", 3000, 12_000, 2 * MB));

test("within 2 MB between the 100 000th and the 1 000 000th prediction", () =>
  expectGrowth("predictions", 100_000, 1_000_000, 2 * MB));
