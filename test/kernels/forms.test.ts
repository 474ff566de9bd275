/** The planner's knowledge of kernels equals the kernel table. */
import { expect, test } from "vitest";
import { FIRST_KERNEL, formOf, SLACK } from "../../src/kernels/forms.ts";
import { RUN } from "../../src/kernels/load-run.ts";
import { TRAIN } from "../../src/kernels/load-train.ts";
import { KERNEL_NAMES, KERNELS, kernelsOf, type Role } from "../../src/kernels/table.ts";

const MEANING: Record<string, Role> = {
  ",": "int",
  "#": "count",
  "~": "float",
  "<": "read",
  ">": "write",
  "=": "update",
};

test.each([RUN, TRAIN])("the forms of the $name binary are the rows of the table", ({ name, kernels }) => {
  const here = kernelsOf(name);
  expect(here.length).toBeGreaterThan(50);
  expect(kernels.split(";")).toHaveLength(here.length + 2);
  here.forEach((kernel, i) => {
    const { number, args } = formOf(kernels, kernel);
    expect(number, kernel).toBe(FIRST_KERNEL + i);
    const row = Object.entries(KERNELS[kernel].args);
    expect(
      args.map(arg => [arg.name, MEANING[arg.role]]),
      kernel,
    ).toEqual(row);
  });
});

test("kernelsOf: kernels of training alone are not among those of running", () => {
  const training = KERNEL_NAMES.filter(name => KERNELS[name].binary === "train");
  expect(training.length).toBeGreaterThan(20);
  for (const name of training) expect(RUN.kernels, name).not.toContain(`;${name} `);
});

test("SLACK: no kernel reads or writes further past an end than the planner leaves room for", () => {
  for (const name of KERNEL_NAMES) {
    expect(KERNELS[name].overRead ?? 0, name).toBeLessThanOrEqual(SLACK);
    expect(KERNELS[name].overWrite ?? 0, name).toBeLessThanOrEqual(SLACK);
  }
});
