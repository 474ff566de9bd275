/**
 * `penjing bench`: measures kernels and networks on this machine and compares them with the limit of the clock. One
 * thread.
 */
import { type Command, Option } from "commander";
import { show } from "../base/errors.ts";
import { kernels } from "../kernels/arrays.ts";
import { clockGHz } from "../kernels/clock.ts";
import { chooseVariant, supported, type Variant } from "../kernels/load.ts";
import { conversions, csr, f32Gemm, gemmSweep, i8Gemm } from "./bench/kernels.ts";
import { type Case, type Row, rowOf, SHORT, THOROUGH } from "./bench/measure.ts";
import { convolutions, lenet5Inference, lenet5Training } from "./bench/networks.ts";
import { sparseLayers } from "./bench/sparse.ts";
import { WrongUsage } from "./errors.ts";
import type { Printed, Terminal } from "./terminal.ts";

interface Options {
  json?: boolean;
  quick?: boolean;
  short?: boolean;
  filter?: string;
  variant?: Variant;
}

export function define(command: Command, terminal: Terminal): void {
  command
    .option("--quick", "of the sweep of GEMMs only the cubes")
    .option("--short", "measure each row for some 10 ms only")
    .option("--filter <text>", "only rows whose name contains this")
    .addOption(
      new Option("--variant <name>", "kernels to measure (default: the best this engine runs)").choices([
        "simd",
        "relaxed",
      ]),
    )
    .action((options: Options) => bench(options, terminal));
}

async function bench(options: Options, terminal: Terminal): Promise<void> {
  const variant = options.variant ?? chooseVariant();
  const all = await allCases(variant, options.quick ?? false);
  const cases = all.filter(c => c.name.includes(options.filter ?? ""));
  if (!cases.length) {
    const rows = kindsOf(all).join("; ");
    throw new WrongUsage(
      `option '--filter' expected part of a row's name, got ${show(options.filter)}; the rows: ${rows}`,
    );
  }

  // at the beginning and the end, since it changes with heat and load; limits use the higher one
  let gigahertz = clockGHz();
  const seconds: number[] = [];
  for (const [i, c] of cases.entries()) {
    terminal.progress("bench", i / cases.length, c.name);
    seconds.push(await c.measure(options.short ? SHORT : THOROUGH));
    await new Promise(resolve => setImmediate(resolve));
    terminal.signal.throwIfAborted();
  }
  terminal.endProgress();
  gigahertz = Math.max(gigahertz, clockGHz());
  const rows = cases.map((c, i) => rowOf(c, seconds[i]!, gigahertz));
  const { engine } = supported();
  terminal.report(options.json, { engine, variant, clockGHz: gigahertz, rows }, () => [
    `${engine}, ${variant} kernels, ${gigahertz.toFixed(2)} GHz`,
    "",
    table(rows, terminal),
  ]);
}

/** The names of all rows; of rows that differ only in sizes, the common first part. */
function kindsOf(cases: readonly Case[]): string[] {
  const kinds = new Map<string, string[]>();
  for (const { name } of cases) {
    const kind = name.split(" ")[0]!;
    kinds.set(kind, [...(kinds.get(kind) ?? []), name]);
  }
  return [...kinds].flatMap(([kind, names]) => (names.length > FEW ? [`${kind} (${names.length} rows)`] : names));
}

/** Up to this many rows of one kind are listed by name. */
const FEW = 8;

async function allCases(variant: Variant, cubesOnly: boolean): Promise<Case[]> {
  const raw = await kernels({ variant });
  const large = [512, 512, 512] as const;
  return [
    i8Gemm(raw, large),
    f32Gemm(raw, large),
    ...(await lenet5Inference(variant)),
    await lenet5Training(),
    ...(await convolutions(variant)),
    ...conversions(raw),
    ...[0.5, 0.8, 0.9, 0.95].flatMap(sparsity => [csr(raw, "f32", sparsity), csr(raw, "i8", sparsity)]),
    ...(await sparseLayers(variant)),
    ...gemmSweep(raw, cubesOnly),
  ];
}

function table(rows: readonly Row[], terminal: Terminal): Printed {
  const number = (value: number | undefined) => (value === undefined ? "" : value.toPrecision(4));
  const percent = (fraction: number | undefined) => (fraction === undefined ? "" : `${Math.round(100 * fraction)} %`);
  return terminal.table(
    ["name", "value", "unit", "limit", "of limit"],
    rows.map(({ name, value, unit, limit, fraction }) => [name, number(value), unit, number(limit), percent(fraction)]),
  );
}
