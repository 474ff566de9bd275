/** Measures families of algorithms, fits their costs and prints them; `--write` puts them into `src/kernels/cost`. */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { type Costs, cheapest, type Work } from "../../src/kernels/cost/cheapest.ts";
import { supported, type Variant } from "../../src/kernels/load.ts";
import { FAMILIES, type Family, type Layer } from "./families.ts";
import { fitCosts, miss } from "./fit.ts";
import { type Loop, loopOf, nanoseconds, ratios } from "./measure.ts";

interface Measured {
  readonly layer: Layer;
  /** Nanoseconds by algorithm. */
  readonly times: Readonly<Record<string, number>>;
}

const { values, positionals } = parseArgs({
  options: { write: { type: "boolean" }, verbose: { type: "boolean" } },
  allowPositionals: true,
});
const names = FAMILIES.map(({ name }) => name);
const odd = positionals.find(name => !names.includes(name));
if (odd) throw new Error(`no family ${odd}; there are ${names.join(", ")}`);

/**
 * The variants whose kernels run here as they should: where the engine makes up for a missing instruction, costs are
 * others.
 */
const variants: Variant[] = ["simd", ...(supported().relaxedDot === "u8" ? (["relaxed"] as const) : [])];

/** Leaves one algorithm in the table that lowering reads, while `work` runs. */
async function forced<T>(costs: Costs<string>, algorithm: string, work: () => Promise<T>): Promise<T> {
  const open: Record<string, readonly number[] | undefined> = costs;
  const kept = { ...open };
  for (const name of Object.keys(open)) if (name !== algorithm) delete open[name];
  try {
    return await work();
  } finally {
    for (const name of Object.keys(open)) delete open[name];
    Object.assign(open, kept);
  }
}

/** Measures all layers of a family beside the first one, whose time alone is in nanoseconds. */
async function measureAll({ binary, costs, layers }: Family, variant: Variant): Promise<Measured[]> {
  const table = costs(variant);
  const all = layers(variant);
  const loop = ({ graph, batch }: Layer) => loopOf(binary, graph, batch, variant);
  const yardstick = await loop(all[0]!);
  const unit = nanoseconds(yardstick);
  const measured: Measured[] = [];
  for (const layer of all) {
    const algorithms = Object.keys(table).filter(name => layer.work[name]);
    const loops: Loop[] = [];
    for (const name of algorithms) loops.push(await forced(table, name, () => loop(layer)));
    const times = ratios(yardstick, loops).map((ratio, i) => [algorithms[i]!, ratio * unit]);
    measured.push({ layer, times: Object.fromEntries(times) });
  }
  return measured;
}

/**
 * Counts the choices of a table that are the best, and says how much longer the layers take than with the best choices.
 */
function verdict(costs: Costs<string>, all: readonly Measured[]): string {
  let [best, loss] = [0, 0];
  let worst: { name: string; ratio: number } | undefined;
  for (const { layer, times } of all) {
    const choice = cheapest(costs, layer.work)!;
    const ratio = times[choice]! / Math.min(...Object.values(times));
    best += ratio === 1 ? 1 : 0;
    loss += ratio - 1;
    if (ratio > (worst?.ratio ?? 1.02)) worst = { name: `${layer.name} by ${choice}`, ratio };
  }
  const percent = (ratio: number) => `${(100 * ratio).toFixed(1)} %`;
  const tail = worst ? `, most at ${worst.name}: ${percent(worst.ratio - 1)}` : "";
  return `${best} of ${all.length} choices are the best, ${percent(loss / all.length)} lost on average${tail}`;
}

const row = (costs: Costs<string>): string =>
  `{ ${Object.entries(costs)
    .map(([name, list]) => `${name}: [${list!.join(", ")}]`)
    .join(", ")} }`;

/** Replaces a variant's row and the line before it, which says where it was measured. */
function write({ name, file }: Family, variant: Variant, costs: Costs<string>, where: string): void {
  const path = `src/kernels/cost/${file}.ts`;
  const text = readFileSync(path, "utf8");
  const place = new RegExp(`(export const ${name}\\b[^;]*?)  // [^\\n]*\\n  ${variant}: \\{[^}]*\\}`);
  if (!place.test(text)) throw new Error(`${path} has no row ${variant} of ${name} with a line before it`);
  writeFileSync(path, text.replace(place, `$1  // ${where}\n  ${variant}: ${row(costs)}`));
}

for (const family of FAMILIES.filter(({ name }) => !positionals.length || positionals.includes(name)))
  for (const variant of family.fixed ? variants.slice(0, 1) : variants) {
    const all = await measureAll(family, variant);
    const committed = family.costs(variant);
    const fitted: Record<string, readonly number[]> = {};
    console.log(`\n${family.name}, ${variant}: ${all.length} layers`);
    for (const name of Object.keys(committed)) {
      const samples = all.flatMap(({ layer, times }) =>
        times[name] ? [{ work: layer.work[name] as Work, nanoseconds: times[name] }] : [],
      );
      fitted[name] = fitCosts(samples);
      console.log(
        `  ${name}: [${fitted[name].join(", ")}], off by ${(100 * miss(fitted[name], samples)).toFixed(1)} %`,
      );
    }
    if (values.verbose)
      for (const { layer, times } of all)
        console.log(
          `    ${layer.name}: ${Object.entries(times)
            .map(([name, time]) => `${name} ${(time / 1000).toFixed(2)}`)
            .join(", ")} us; ${cheapest(committed, layer.work)} -> ${cheapest(fitted, layer.work)}`,
        );
    console.log(`  committed: ${verdict(committed, all)}\n  fitted:    ${verdict(fitted, all)}`);
    if (values.write && !family.fixed) {
      const { version } = process;
      write(family, variant, fitted, `nanoseconds, measured on ${cpus()[0]!.model.trim()}, Node ${version}`);
    }
  }
