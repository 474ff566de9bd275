/**
 * From the lists of a file to a graph: walks the operators in order and knows of every tensor what it is by then: a constant, arithmetic on
 * shapes, or a value of the graph. How each operator is read is in operators.ts.
 */
import { PenjingError } from "../../base/errors.ts";
import { INPUT_NAME, Names } from "../../container/names.ts";
import { Graph, type Quantization, type Value } from "../../graph/graph.ts";
import { constantOf, quantizationOf } from "./constant.ts";
import { BATCH, fixed } from "./dimensions.ts";
import type { FileOperator, FileTensor, TfliteFile } from "./file.ts";
import { READERS } from "./operators.ts";
import { type Known, Site, type Surroundings, Unsupported, unsupported } from "./site.ts";

/** A graph with the operators of `file`, or a PenjingError: "unsupported" lists every node that cannot be read, "damaged" names what cannot be. */
export function importGraph(file: TfliteFile, path?: string): Graph {
  return new Importer(file, path).graph;
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

class Importer implements Surroundings {
  readonly graph = new Graph();
  readonly names = new Names();
  readonly tensors: readonly FileTensor[];
  readonly single: boolean;
  readonly #known = new Map<number, Known>();
  readonly #failures: string[] = [];

  constructor(file: TfliteFile, path: string | undefined) {
    this.tensors = file.tensors;
    this.single = file.inputs.every(i => !this.tensors[i]!.dynamic[0]);
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
    else if (shape[0] !== 1 && !dynamic[0]) this.#fail(`${what} has a fixed batch of ${shape[0]}`);
    else if (type !== "float32" && type !== "int8") this.#fail(`${what} is ${type}; float32 and int8 are read`);
    else {
      const quantization = type === "int8" ? this.activationQuantization(tensor) : undefined;
      const image = shape.slice(1);
      const value = this.graph.leaf("input", this.names.unique(signed || tensor.name || INPUT_NAME), {
        shape: image,
        dtype: type === "int8" ? "i8" : "f32",
        batched: true,
        ...(quantization && { quantization }),
      });
      this.#known.set(index, { kind: "activation", value, dimensions: [BATCH, ...image.map(fixed)] });
      return;
    }
    this.#known.set(index, { kind: "unknown" });
  }

  #result(index: number): Value | undefined {
    const known = this.#known.get(index);
    if (known?.kind === "activation") return known.value;
    if (known?.kind !== "unknown")
      this.#fail(`output "${this.tensors[index]!.name}" is no value that depends on the inputs`);
    return undefined;
  }

  #read(operator: FileOperator): void {
    const site = new Site(this, operator);
    const reader = READERS[operator.name];
    const blind = operator.inputs.some(i => i >= 0 && this.#known.get(i)?.kind === "unknown");
    try {
      if (!reader) unsupported("is not among the operators read here");
      // what depends on something unread is not looked into: one line for one cause
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

  /** What tensor `index` is by now. */
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
      throw tensor.error("damaged", "an int8 activation needs one scale and one zero point");
    return quantization;
  }
}
