/** Programs in a memory: one call from JavaScript per inference, or per slice of training steps. */
import { PenjingError } from "../base/errors.ts";
import { type DType, size, type TypedArray, view } from "../base/shape.ts";
import { type Binary, chooseVariant, instantiate, type Kernels, type Variant } from "../kernels/load.ts";
import type { Buffer, BufferRef, Lowerings } from "../plan/lower.ts";
import { type Plan, type Program, plan, type Wanted } from "../plan/plan.ts";

const PAGE = 65536;

/** A fixed memory, sized by the plan, never grown; freed with this object. */
export class Machine {
  readonly plan: Plan;
  readonly memory: WebAssembly.Memory;
  readonly kernels: Kernels;
  /** Counts writes to state: a program whose *prepare* ran before the last one is prepared again. */
  #version = 1;
  readonly #prepared = new Map<Program, number>();
  /** All memory. Kept, since a new view would cost a call more than its smallest kernels. */
  readonly #words: Int32Array;

  private constructor(plan: Plan, memory: WebAssembly.Memory, kernels: Kernels) {
    this.plan = plan;
    this.memory = memory;
    this.kernels = kernels;
    this.#words = new Int32Array(memory.buffer);
  }

  /** Plans `wanted`, makes a memory for all of it, and writes programs, constants and the data of the leaves. */
  static async create(binary: Binary, wanted: readonly Wanted[], ops: Lowerings, variant?: Variant): Promise<Machine> {
    const chosen = variant ?? chooseVariant(binary);
    const planned = plan(wanted, chosen, ops, binary.kernels);
    const pages = Math.ceil(planned.bytes / PAGE);
    let memory: WebAssembly.Memory;
    try {
      memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    } catch (cause) {
      throw new PenjingError("memory", `no room for the ${pages * 64} kB this needs`, { cause });
    }
    const machine = new Machine(planned, memory, await instantiate(binary, memory, chosen));
    machine.#fill();
    return machine;
  }

  #fill(): void {
    for (const b of this.plan.constants) {
      const { buffer, byteOffset, byteLength } = b.data!;
      new Uint8Array(this.memory.buffer, b.at, byteLength).set(new Uint8Array(buffer, byteOffset, byteLength));
    }
    for (const b of this.plan.leaves.values()) if (b.value?.data) this.write(b.name, b.value.data);
    this.rewrite();
  }

  /** Writes the programs again: after a trap their argument words are still moved on. */
  rewrite(): void {
    for (const program of this.plan.programs) this.#words.set(program.words, program.at / 4);
  }

  /** Fills the temporaries with NaN: no program may depend on what was there. */
  poison(): void {
    const { from, to } = this.plan.temporary;
    new Uint32Array(this.memory.buffer, from, (to - from) >> 2).fill(0x7fc00000);
  }

  program(name: string): Program {
    const found = this.plan.programs.find(p => p.name === name);
    if (!found) throw new PenjingError("program", `no program "${name}" here`);
    return found;
  }

  leaf(name: string): Buffer {
    const found = this.plan.leaves.get(name);
    if (!found) throw new PenjingError("leaf", `no leaf "${name}" here`);
    return found;
  }

  /** Runs steps `first` .. `first + count - 1` of a program (rows of its streams). */
  run(program: Program, first = 0, count = 1): void {
    if (this.#prepared.get(program) !== this.#version) {
      this.kernels.run(program.prepare);
      this.#prepared.set(program, this.#version);
    }
    const loop = program.run >> 2;
    this.#words[loop + 2] = first;
    this.#words[loop + 3] = count;
    this.kernels.run(program.run);
    if (program.writesState) this.#version++;
  }

  /** The stored bytes of a leaf, as they lie, all rows and steps. */
  stored(name: string): TypedArray {
    const b = this.leaf(name);
    return this.#view(b, b.value!.type.dtype);
  }

  #view(b: Buffer, dtype: DType, offset = 0): TypedArray {
    const bytes = b.unit * b.count;
    return view(dtype, this.memory.buffer, b.at + offset, bytes / (dtype === "i8" || dtype === "u8" ? 1 : 4));
  }

  /** The stored elements of a result: row i begins at i * `row`. */
  result(ref: BufferRef, dtype: DType): { data: TypedArray; row: number } {
    const data = this.#view(ref.buffer, dtype, ref.offset);
    return { data, row: ref.buffer.unit / data.BYTES_PER_ELEMENT };
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

  /** Reads the logical contents of a state leaf. */
  read(name: string): TypedArray {
    const b = this.leaf(name);
    const { shape } = b.value!.type;
    const stored = this.stored(name);
    if (b.layout.name === "flat") return stored.slice(0, size(shape));
    const logical = stored.slice(0, size(shape));
    b.layout.map!(shape).forEach((at, p) => {
      if (at >= 0) logical[at] = stored[p]!;
    });
    return logical;
  }
}
