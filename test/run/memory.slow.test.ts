import { test } from "vitest";
import { expectGrowth, MB } from "./memory.ts";

test("within 2 MB between the 1 000th and the 10 000th load", () => expectGrowth("loads", 1000, 10_000, 2 * MB));

test("within 2 MB between the 100 000th and the 1 000 000th prediction", () =>
  expectGrowth("predictions", 100_000, 1_000_000, 2 * MB));
