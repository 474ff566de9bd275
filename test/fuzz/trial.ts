/**
 * One hostile file, made from its number alone, and the properties that must hold for any file: reading ends in a
 * documented error or in a network; a network runs to its end, twice with the same results over different old memory
 * contents, and changes nothing else in its memory.
 */
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { Random } from "../../src/base/random.ts";
import { size } from "../../src/base/shape.ts";
import { read } from "../../src/container/read.ts";
import { verify } from "../../src/graph/verify.ts";
import type { Net } from "../../src/run/net.ts";
import { bombFile } from "./bombs.ts";
import { type Grammar, networkFile } from "./grammar.ts";
import { guardFaults } from "./guarded.ts";
import type { Library } from "./library.ts";
import { mutated, resealed } from "./mutation.ts";
import { type Fault, runFaults, trap } from "./running.ts";

export interface Trial {
  /** The code of the error that reading ended in; undefined if it returned a network, or data. */
  readonly refused: string | undefined;
  readonly faults: Fault[];
}

const KINDS = ["network", "types", "damage", "tflite", "idx", "bomb"] as const;
export type Kind = (typeof KINDS)[number];

/** Number of trials of each kind, in 400. A bomb takes a hundred times as long as others. */
const SHARES: Readonly<Record<Kind, number>> = { network: 220, types: 60, damage: 79, tflite: 20, idx: 20, bomb: 1 };
/** Shuffled, so that all kinds occur early. */
const TURNS = new Random(0).shuffle(KINDS.flatMap(kind => Array<Kind>(SHARES[kind]).fill(kind)));

export const kindOf = (seed: number): Kind => TURNS[seed % TURNS.length]!;

/** Documented error codes of `load`, `loadTflite` and `readIdx` for bytes in memory. */
const CODES: Readonly<Record<Kind, readonly string[]>> = {
  network: ["op", "damaged", "refused", "budget"],
  types: ["op", "damaged", "refused", "budget"],
  damage: ["magic", "version", "truncated", "checksum", "op", "codec", "damaged", "refused", "budget"],
  bomb: ["damaged", "refused", "budget"],
  tflite: ["magic", "version", "truncated", "damaged", "unsupported", "refused", "budget"],
  idx: ["truncated", "size-mismatch", "gzip", "magic", "element-type", "budget"],
};

/** Networks with more work per image are not run, to save time. */
const MACS = 2e8;
/** Networks with more memory are loaded, not run: comparing all of it would take most of the time. */
const ARENA = 2 ** 22;

const GRAMMARS: readonly Grammar[] = [
  { hostile: 0, anyType: false, nodes: 6 },
  { hostile: 0.1, anyType: false, nodes: 5 },
  { hostile: 0.3, anyType: false, nodes: 3 },
];

/** Runs trial number `seed` of `library`. */
export async function trial(seed: number, library: Library): Promise<Trial> {
  const random = new Random(seed).fork("fuzz");
  const kind = kindOf(seed);
  if (kind === "idx") {
    const bytes = idxFile(random);
    const made = await attempt(kind, () => library.readIdx(bytes), library);
    return failed(made) ? made : { refused: undefined, faults: [] };
  }
  const bytes = kind === "tflite" ? mutated(tfliteFile(random), random) : penjingFile(seed, random);
  const images = [1, 3, 9][random.integer(3)]!;
  const options = { capacity: images };
  const make: Make = ({ load, loadTflite }) =>
    kind === "tflite"
      ? loadTflite(bytes, BUDGET).then(model => model.net(options))
      : load(bytes, { ...options, ...BUDGET });
  const tried = await running(kind, make, images, random, library);
  if (kind !== "tflite" && tried.refused === undefined && !tried.faults.length) tried.faults.push(...illegal(bytes));
  return tried;
}

/** The faults of the graph in a file that gave a network. */
function illegal(bytes: Uint8Array): Fault[] {
  try {
    verify(read(bytes, BUDGET).graph);
    return [];
  } catch (error) {
    return [trap(`the graph is not legal: ${told(error)}`)];
  }
}

const BUDGET = { maxMacs: MACS };

// ---------------------------------------------------------------- files

/** The file of a trial about `.penjing` files. */
export function penjingFile(seed: number, random: Random = new Random(seed).fork("fuzz")): Uint8Array {
  const kind = kindOf(seed);
  if (kind === "bomb") return bombFile(random);
  const grammar = GRAMMARS[random.integer(GRAMMARS.length)]!;
  const file = networkFile(random, { ...grammar, anyType: kind === "types" });
  if (kind !== "damage") return file;
  return random.uniform() < 0.1 ? mutated(file, random) : resealed(file, random);
}

/** Small ones, so that changes hit their tables. */
const TFLITE = [
  "tflite/mnist_valid_q",
  "tflite-zoo/zoo_wide_int8",
  "tflite-zoo/zoo_sensor_int8",
  "tflite/lenet5_poly80_sparse",
];
const known = new Map<string, Uint8Array>();

function tfliteFile(random: Random): Uint8Array {
  const name = TFLITE[random.integer(TFLITE.length)]!;
  const bytes = known.get(name) ?? new Uint8Array(readFileSync(`test/vectors/${name}.tflite`));
  known.set(name, bytes);
  return bytes;
}

/** Element types of IDX, and their bytes. */
const IDX_TYPES = [
  [8, 1],
  [9, 1],
  [11, 2],
  [12, 4],
  [13, 4],
  [14, 8],
] as const;

function idxFile(random: Random): Uint8Array {
  const [type, bytes] = IDX_TYPES[random.integer(IDX_TYPES.length)]!;
  const shape = Array.from({ length: 1 + random.integer(3) }, () => random.integer(5));
  const file = new Uint8Array(4 + 4 * shape.length + bytes * size(shape));
  file.set([0, 0, type, shape.length]);
  shape.forEach((n, axis) => {
    new DataView(file.buffer).setUint32(4 + 4 * axis, n);
  });
  if (random.uniform() < 0.5) return mutated(file, random);
  const zipped = new Uint8Array(gzipSync(mutated(file, random)));
  return random.uniform() < 0.5 ? zipped : mutated(zipped, random);
}

// ---------------------------------------------------------------- what must hold

/** The stack of an error in a few lines, for a list of faults. */
const told = (error: unknown): string =>
  (error instanceof Error ? (error.stack ?? error.message) : String(error)).split("\n").slice(0, 5).join("\n");

type Failure = { readonly refused: string; readonly faults: Fault[] };

/** Returns the result of `make`, or the error it ends in and whether that is a fault. */
async function attempt<T>(kind: Kind, make: () => Promise<T>, library: Library): Promise<T | Failure> {
  try {
    return await make();
  } catch (error) {
    if (!(error instanceof library.PenjingError))
      return { refused: "?", faults: [trap(`reading threw ${told(error)}`)] };
    const { code } = error;
    const faults = CODES[kind].includes(code) ? [] : [trap(`code "${code}" is not documented: ${told(error)}`)];
    return { refused: code, faults };
  }
}

const failed = (made: object): made is Failure => "refused" in made;

type Make = (library: Library) => Promise<Net>;

async function running(kind: Kind, make: Make, images: number, random: Random, library: Library): Promise<Trial> {
  const net = await attempt(kind, () => make(library), library);
  const { sources = library } = library;
  const same = library === sources ? net : await attempt(kind, () => make(sources), sources);
  if (failed(net) || failed(same)) {
    const refused = failed(net) ? net.refused : undefined;
    const faults = failed(net) ? [...net.faults] : [];
    const bySources = failed(same) ? same.refused : "a network";
    if (bySources !== (refused ?? "a network"))
      faults.push(trap(`the bundle gives ${refused}, the sources ${bySources}`));
    return { refused, faults };
  }
  if (net.arena.bytes > ARENA) return { refused: undefined, faults: [] };
  try {
    const faults = runFaults(net, images, random, same);
    if (net === same && !faults.length && kind !== "bomb")
      faults.push(...(await guardFaults(net.machine, random)).map(trap));
    return { refused: undefined, faults };
  } catch (error) {
    return { refused: undefined, faults: [trap(`running threw ${told(error)}`)] };
  }
}
