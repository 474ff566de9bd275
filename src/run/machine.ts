/** Programs in a memory: one call from JavaScript per inference, or per slice of training steps. */
import type { Budget } from "../base/budget.ts";
import { PenjingError } from "../base/errors.ts";
import { BYTES, size, type TypedArray, view } from "../base/shape.ts";
import { type Binary, chooseVariant, instantiate, type Kernels, type Variant } from "../kernels/load.ts";
import type { Buffer, Lowerings } from "../plan/lower.ts";
import { type Plan, type Program, plan, type Wanted } from "../plan/plan.ts";
import type { Executor } from "./executor.ts";

const PAGE = 65536;

/** A fixed memory, sized by the plan, never grown; freed with this object. */
export class Machine implements Executor<void> {
  readonly plan: Plan;
  readonly memory: WebAssembly.Memory;
  readonly kernels: Kernels;
  /** Counts writes to state: a program whose *prepare* ran before the last write is prepared again. */
  #version = 1;
  readonly #prepared = new Map<Program, number>();
  /** The whole memory. Cached, since a new view would take longer than the smallest kernels. */
  readonly #words: Int32Array;

  private constructor(plan: Plan, memory: WebAssembly.Memory, kernels: Kernels) {
    this.plan = plan;
    this.memory = memory;
    this.kernels = kernels;
    this.#words = new Int32Array(memory.buffer);
  }

  /** Plans `wanted`, allocates a memory for all of it, and writes programs, constants and the data of the leaves. */
  static async create(
    binary: Binary,
    wanted: readonly Wanted[],
    ops: Lowerings,
    variant?: Variant,
    budget?: Budget,
  ): Promise<Machine> {
    const chosen = variant ?? chooseVariant(binary);
    const planned = plan(wanted, chosen, ops, binary.kernels, budget);
    const pages = Math.ceil(planned.bytes / PAGE);
    let memory: WebAssembly.Memory;
    try {
      // kernels count bytes in 31 bits
      if (pages > 2 ** 15) throw new RangeError("a network has 2 GB at most");
      memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    } catch (cause) {
      throw new PenjingError(
        "memory",
        `no room for the ${pages * 64} kB this needs: let go of networks that are done, their memory goes with them`,
        { cause },
      );
    }
    const machine = new Machine(planned, memory, await instantiate(binary, memory, chosen));
    machine.#fill();
    return machine;
  }

  #fill(): void {
    const bytes = new Uint8Array(this.memory.buffer);
    for (const { data, at } of this.plan.constants)
      bytes.set(new Uint8Array(data!.buffer, data!.byteOffset, data!.byteLength), at);
    for (const b of this.plan.leaves.values()) if (b.value?.data) this.write(b.name, b.value.data);
    this.rewrite();
  }

  /** Writes the programs again: after a trap, loops have left their argument words incremented. */
  rewrite(): void {
    for (const program of this.plan.programs) this.#words.set(program.words, program.at / 4);
  }

  program(name: string): Program {
    return found(
      name,
      this.plan.programs.find(p => p.name === name),
    );
  }

  leaf(name: string): Buffer {
    return found(name, this.plan.leaves.get(name));
  }

  /** Runs steps `first` .. `first + count - 1` of a program (rows of its streams). */
  run(program: Program, first = 0, count = 1): void {
    const stale = this.begin(program, first, count);
    if (stale) this.kernels.run(program.at);
    this.kernels.run(program.run);
    this.end(program, stale);
  }

  /** Writes the steps of the next run into its program; returns whether *prepare* is stale, and must run before. */
  begin(program: Program, first: number, count: number): boolean {
    const loop = program.run >> 2;
    this.#words[loop + 2] = first;
    this.#words[loop + 3] = count;
    return this.#prepared.get(program) !== this.#version;
  }

  /** Records that a run ended without a trap; `prepared`: *prepare* ran before it. */
  end(program: Program, prepared: boolean): void {
    if (prepared) this.#prepared.set(program, this.#version);
    if (program.writesState) this.#version++;
  }

  /** The stored bytes of a leaf, in its layout, all rows and steps. */
  stored(name: string): TypedArray {
    const b = this.leaf(name);
    const { dtype } = b.value!.type;
    return view(dtype, this.memory.buffer, b.at, (b.unit * b.count) / BYTES[dtype]);
  }

  /** Writes the logical contents of a state (or tally) leaf. */
  write(name: string, logical: ArrayLike<number>): void {
    const b = this.leaf(name);
    const { shape } = b.value!.type;
    if (logical.length !== size(shape))
      throw new RangeError(`"${name}" expected ${size(shape)} numbers, got ${logical.length}`);
    const stored = this.stored(name);
    this.#version++;
    if (!b.layout.map)
      throw new PenjingError("layout", `"${name}" is stored as ${b.layout.name}, which cannot be written`);
    if (b.layout.name === "flat") {
      stored.fill(0);
      stored.set(logical);
    } else
      b.layout.map(shape).forEach((at, p) => {
        stored[p] = at < 0 ? 0 : logical[at]!;
      });
  }
}

function found<T>(name: string, what: T | undefined): T {
  if (what === undefined) throw new PenjingError("name", `nothing is named "${name}" here`);
  return what;
}
