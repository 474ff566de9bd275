import { expect, test, vi } from "vitest";
import { PenjingError } from "../../src/base/errors.ts";
import { lineChart } from "../../src/report/index.ts";

test("lineChart without the packages that draw: one error that says what to install", async () => {
  vi.doMock("@observablehq/plot", () => {
    throw new Error("Cannot find package");
  });
  const failed = await lineChart({ title: "", x: { label: "" }, y: { label: "" }, series: [] }).catch(error => error);
  expect(failed).toBeInstanceOf(PenjingError);
  expect(failed).toMatchObject({ code: "missing", path: "@observablehq/plot" });
  expect(failed.message).toBe(
    "charts are drawn by packages that are not installed with penjing: npm install @observablehq/plot linkedom",
  );
});
