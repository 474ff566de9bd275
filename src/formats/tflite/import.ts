/**
 * Builds a graph from the lists of a file: walks the operators in order and records for every tensor whether it is a
 * constant, arithmetic on shapes, or a value of the graph. operators.ts has the reader of each operator.
 */
import { PenjingError } from "../../base/errors.ts";
import type { Shape } from "../../base/shape.ts";
import { INPUT_NAME, Names } from "../../container/names.ts";
import { Graph, type Quantization, type Value } from "../../graph/graph.ts";
import { type Requantize, requantize } from "../../ops/quantized/requantize.ts";
import { constantOf, quantizationOf } from "./constant.ts";
import { batchLeads, fixed, imageShape } from "./dimensions.ts";
import type { FileOperator, FileTensor, TfliteFile } from "./file.ts";
import {
  isByte,
  type Known,
  type NetworkContext,
  OperatorContext,
  Unsupported,
  unsupported,
} from "./operator-context.ts";
import { READERS } from "./operators.ts";

/**
 * Converts `file` to a graph. Throws a PenjingError: "unsupported" lists every node that cannot be read, "damaged"
 * names what is inconsistent.
 */
export function importGraph(file: TfliteFile, path?: string): Graph {
  const images = fixedBatch(file);
  if (images === 1) return new Importer(file, path, 1).graph;
  const refusals: PenjingError[] = [];
  // as the network of one image; if an operator mixes several of them, as one of the whole batch
  for (const perImage of images > 1 ? [images, 1] : [1])
    try {
      return new Importer(file, path, perImage).graph;
    } catch (error) {
      if (!(error instanceof PenjingError)) throw error;
      refusals.push(error);
    }
  const refusal = refusals.find(({ code }) => code === "unsupported");
  if (!refusal) throw refusals[0];
  const hint = "the file fixes the batch: converted with a batch of 1, or of any size, it may be read";
  throw new PenjingError("unsupported", `${refusal.message}; ${hint}`, { ...(path !== undefined && { path }) });
}

/** The batch size, if a file fixes it for all its inputs; 1 if it is open, 0 if inputs differ. */
function fixedBatch({ inputs, tensors }: TfliteFile): number {
  const [first = 1, ...others] = inputs.map(i => (tensors[i]!.dynamic[0] ? 1 : (tensors[i]!.shape[0] ?? 1)));
  return others.every(n => n === first) ? Math.max(first, 1) : 0;
}

/** Operators that an output depends on. */
function needed({ operators, outputs }: TfliteFile): FileOperator[] {
  const tensors = new Set(outputs);
  const kept: FileOperator[] = [];
  for (const operator of [...operators].reverse()) {
    if (!operator.outputs.some(i => tensors.has(i))) continue;
    kept.push(operator);
    for (const i of operator.inputs) tensors.add(i);
  }
  return kept.reverse();
}

class Importer implements NetworkContext {
  readonly graph = new Graph();
  readonly names = new Names();
  readonly tensors: readonly FileTensor[];
  readonly single: boolean;
  readonly images: number;
  readonly #known = new Map<number, Known>();
  readonly #failures: string[] = [];

  constructor(file: TfliteFile, path: string | undefined, images: number) {
    this.tensors = file.tensors;
    this.images = images;
    this.single = images === 1 && file.inputs.every(i => !this.tensors[i]!.dynamic[0]);
    if (!file.inputs.length || !file.outputs.length) this.#fail("the graph has no inputs or no outputs");
    for (const i of file.inputs) this.#input(this.tensors[i]!, file.names.inputs.get(i));
    for (const operator of needed(file)) this.#read(operator);
    const results = file.outputs.map(i => this.#result(i));
    if (this.#failures.length)
      throw new PenjingError(
        "unsupported",
        `this network cannot be read: ${this.#failures.join("; ")}`,
        path === undefined ? {} : { path },
      );
    this.graph.results = results.flatMap(v => v ?? []);
    this.graph.results.forEach((result, k) => {
      const i = file.outputs[k]!;
      if (result.node) result.name = file.names.outputs.get(i) || this.tensors[i]!.name;
    });
    this.graph.prune();
  }

  #fail(line: string): void {
    this.#failures.push(line);
  }

  #input(tensor: FileTensor, signed: string | undefined): void {
    const { index, shape, dynamic, type } = tensor;
    const what = `input "${tensor.name}"`;
    const open = dynamic.findIndex((d, axis) => axis > 0 && d);
    if (tensor.variable) this.#fail(`${what} keeps its contents from run to run`);
    else if (open > 0) this.#fail(`${what} has an axis (${open}) of any size: convert it with a fixed one`);
    else if (!shape.length || shape.some(n => n < 1)) this.#fail(`${what} has the shape [${shape}]`);
    else if (shape[0] !== 1 && !dynamic[0] && !this.single && shape[0] !== this.images)
      this.#fail(`${what} has a fixed batch of ${shape[0]}`);
    else if (type !== "float32" && !isByte(type)) this.#fail(`${what} is ${type}; float32, int8 and uint8 are read`);
    else {
      const batch = { n: dynamic[0] ? 1 : shape[0]! / this.images, batched: true };
      const dimensions = [batch, ...shape.slice(1).map(fixed)];
      const name = this.names.unique(signed || tensor.name || INPUT_NAME);
      this.#known.set(index, {
        kind: "activation",
        value: this.#leaf(name, imageShape(dimensions), tensor),
        dimensions,
      });
      return;
    }
    this.#known.set(index, { kind: "unknown" });
  }

  /** Adds a leaf of images in the type of `tensor`; returns its values, as int8 if they are uint8. */
  #leaf(name: string, shape: Shape, tensor: FileTensor): Value {
    if (tensor.type === "float32") return this.graph.leaf("input", name, { shape, dtype: "f32", batched: true });
    const quantization = this.activationQuantization(tensor);
    if (tensor.type === "int8")
      return this.graph.leaf("input", name, { shape, dtype: "i8", batched: true, quantization });
    const { scale, zeroPoint } = quantization;
    const bytes = { scale, zeroPoint: zeroPoint + 128 };
    const leaf = this.graph.leaf("input", name, { shape, dtype: "u8", batched: true, quantization: bytes });
    return this.#requantized(leaf, { quantization });
  }

  #requantized(value: Value, attrs: Requantize): Value {
    return this.graph.scope(this.names.unique(requantize.name), () => this.graph.one(requantize, [value], attrs));
  }

  #result(index: number): Value | undefined {
    const known = this.#known.get(index);
    if (known?.kind === "activation") {
      if (!this.single && !batchLeads(known.dimensions))
        this.#fail(`output "${this.tensors[index]!.name}" has the batch behind another axis`);
      if (this.tensors[index]!.type !== "uint8") return known.value;
      const { quantization } = known.value.type;
      return this.#requantized(known.value, { unsigned: true, ...(quantization && { quantization }) });
    }
    if (known?.kind !== "unknown")
      this.#fail(`output "${this.tensors[index]!.name}" is no value that depends on the inputs`);
    return undefined;
  }

  #read(operator: FileOperator): void {
    const site = new OperatorContext(this, operator);
    const reader = READERS[operator.name];
    const blind = operator.inputs.some(i => i >= 0 && this.#known.get(i)?.kind === "unknown");
    try {
      if (!reader) unsupported("is not among the operators read here");
      // dependents of an unsupported operator are skipped: one line per cause
      else if (!blind) {
        reader(site);
        for (const i of operator.outputs)
          if (!this.#known.has(i)) throw operator.error("damaged", `${site.title}: no output is made for tensor ${i}`);
        return;
      }
    } catch (error) {
      if (error instanceof PenjingError) {
        if (error.code !== "unsupported") throw error;
        this.#fail(`${site.title}: ${error.message}`);
      } else if (error instanceof Unsupported) this.#fail(`${site.title} ${error.message}`);
      else throw operator.error("damaged", `${site.title}: ${(error as Error).message}`, error);
    }
    for (const i of operator.outputs) this.#known.set(i, { kind: "unknown" });
  }

  /** The current knowledge of tensor `index`. */
  known(index: number): Known {
    const known = this.#known.get(index);
    if (known) return known;
    const tensor = this.tensors[index]!;
    if (!tensor.data) {
      if (tensor.variable) return unsupported(`reads "${tensor.name}", which keeps its contents from run to run`);
      throw tensor.error("damaged", "it is read before anything makes it");
    }
    const constant: Known = { kind: "constant", constant: constantOf(tensor) };
    this.#known.set(index, constant);
    return constant;
  }

  set(index: number, known: Known): void {
    this.#known.set(index, known);
  }

  activationQuantization(tensor: FileTensor): Quantization {
    const quantization = quantizationOf(tensor);
    if (quantization?.scale.length !== 1)
      throw tensor.error("damaged", `${tensor.type} activations need one scale and one zero point`);
    return quantization;
  }
}
