import { test } from "vitest";
import { expectGrowth, MB } from "./memory.ts";

// A tenth of what the slow test does, and after less of a warm-up: a network that stayed would be 64 kB at least, 300 of them 19 MB.
test("loads leave nothing behind", () => expectGrowth("loads", 100, 400, 8 * MB));

test("predictions leave nothing behind", () => expectGrowth("predictions", 20_000, 120_000, 8 * MB));
