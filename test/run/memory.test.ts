import { test } from "vitest";
import { expectGrowth, MB } from "./memory.ts";

// A tenth of the slow test, with a shorter warm-up: a leaked network would be 64 kB at least, 300 of them 19 MB.
test("load: loads leave nothing behind", () => expectGrowth("loads", 100, 400, 8 * MB));

test("Net.predict: predictions leave nothing behind", () => expectGrowth("predictions", 20_000, 120_000, 8 * MB));
