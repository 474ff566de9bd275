/**
 * Finds the numbers of a network that are the same whatever its input is: a channel of which all weights are zero is
 * its bias everywhere, and what follows from it may be constant too. NaN and infinite inputs are left out of account.
 */
import { size } from "../base/shape.ts";
import { type Tensor, tensor } from "../base/tensor.ts";
import type { Graph, Node, Value } from "../graph/graph.ts";
import { EVALUATE } from "../ops/index.ts";
import { batchNormalization } from "../ops/normalization/batch-normalization.ts";
import { hasKernel } from "../ops/traits.ts";

/** One image's numbers of each value; NaN: not constant. */
export type Constants = ReadonlyMap<Value, Float64Array>;

/** Each element of the output is one of the input, or a constant of the op's own. */
const MOVES = [
  "reshape",
  "transpose",
  "concat",
  "stridedSlice",
  "broadcast",
  "pad",
  "constantPad",
  "resizeNearest",
  "dropout",
];

/** Each element of the output is a function of the elements at its place. */
const ELEMENTWISE = [
  "relu",
  "clip",
  "leakyRelu",
  "elu",
  "sigmoid",
  "hardSigmoid",
  "tanh",
  "hardSwish",
  "gelu",
  "silu",
  "exp",
  "log",
  "sqrt",
  "rsqrt",
  "scale",
  "rescaling",
  "rescale",
  "prelu",
  "pact",
  "add",
  "sub",
  "mul",
  "div",
  "minimum",
  "maximum",
];

/** Each element of the output is made of a window of the input, of no other element. */
const WINDOWS = ["maxPool2d", "averagePool2d", "mean", "resizeBilinear"];

/** Finds the constants of a float network in the form that runs. Other ops than those above make none. */
export function constantsOf(graph: Graph): Constants {
  const known = new Map<Value, Float64Array>();
  for (const leaf of graph.leaves)
    known.set(
      leaf,
      leaf.leaf === "state" && leaf.data
        ? Float64Array.from(leaf.data)
        : new Float64Array(size(leaf.type.shape)).fill(NaN),
    );
  for (const node of graph.nodes)
    outputsOf(node, known).forEach((numbers, i) => {
      known.set(node.outputs[i]!, numbers);
    });
  return known;
}

const unknown = (node: Node): Float64Array[] =>
  node.outputs.map(({ type }) => new Float64Array(size(type.shape)).fill(NaN));

function outputsOf(node: Node, known: ReadonlyMap<Value, Float64Array>): Float64Array[] {
  const inputs = node.inputs.map(v => known.get(v)!);
  const { name } = node.op;
  if (hasKernel(node)) return [productOf(node, inputs)];
  if (node.op === batchNormalization) return [normalized(node, inputs)];
  // weights: nothing that varies goes in
  if (!node.outputs[0]!.type.batched) return inputs.every(isKnown) ? evaluated(node, inputs) : unknown(node);
  if (inputs.every(numbers => numbers.every(Number.isNaN))) return unknown(node);
  if (MOVES.includes(name)) return evaluated(node, inputs);
  if (ELEMENTWISE.includes(name)) return [elementwise(node, inputs)];
  if (WINDOWS.includes(name)) return windows(node, inputs[0]!);
  return unknown(node);
}

const isKnown = (numbers: Float64Array): boolean => !numbers.some(Number.isNaN);

/** Runs the op on one image. */
function evaluated(node: Node, inputs: readonly Float64Array[]): Float64Array[] {
  const types = { inputs: node.inputs.map(v => v.type), outputs: node.outputs.map(v => v.type) };
  const tensors = node.inputs.map(({ type }, i): Tensor => {
    return tensor(type.batched ? [1, ...type.shape] : type.shape, inputs[i]!.slice());
  });
  const rule = EVALUATE[node.op.name as keyof typeof EVALUATE];
  return rule(tensors, node.attrs, types).map(({ data }) => Float64Array.from(data));
}

function elementwise(node: Node, inputs: readonly Float64Array[]): Float64Array {
  const [made] = evaluated(node, inputs);
  const byZero = node.op.name === "mul";
  // an operand that is smaller than the output, such as slopes, is repeated along it
  const at = (numbers: Float64Array, i: number) => numbers[i % numbers.length]!;
  return made!.map((v, i) => {
    if (byZero && inputs.some(numbers => at(numbers, i) === 0)) return 0;
    return inputs.some(numbers => Number.isNaN(at(numbers, i))) ? NaN : v;
  });
}

/** The output varies where any element of its window does. */
function windows(node: Node, x: Float64Array): Float64Array[] {
  const varies = evaluated(node, [x.map(v => Number(Number.isNaN(v)))]);
  const made = evaluated(node, [x.map(v => (Number.isNaN(v) ? 0 : v))]);
  return made.map((numbers, k) => (k ? numbers.fill(NaN) : numbers.map((v, i) => (varies[0]![i] === 0 ? v : NaN))));
}

/** A gamma of zero makes its channel beta. */
function normalized(node: Node, inputs: readonly Float64Array[]): Float64Array {
  const [x, gamma, beta] = inputs as [Float64Array, Float64Array, Float64Array];
  const [made] = evaluated(node, inputs);
  const channels = gamma.length;
  return made!.map((v, i) => {
    if (gamma[i % channels] === 0) return beta[i % channels]!;
    return Number.isNaN(x[i]!) ? NaN : v;
  });
}

/** A sum of products is constant where those with numbers that vary are by weights of zero. */
function productOf(node: Node, [x, kernel, bias]: readonly Float64Array[]): Float64Array {
  const [output] = unknown(node);
  if (!isKnown(kernel!) || (bias && !isKnown(bias))) return output!;
  const filters = node.inputs[1]!.type.shape[0]!;
  const each = kernel!.length / filters;
  const empty = Array.from({ length: filters }, (_, o) =>
    kernel!.subarray(o * each, (o + 1) * each).every(w => w === 0),
  );
  // filters of zeros need no sums
  if (x!.every(Number.isNaN)) return output!.map((_, i) => (empty[i % filters] ? (bias?.[i % filters] ?? 0) : NaN));
  const [varying] = evaluated(node, [
    x!.map(v => Number(Number.isNaN(v))),
    kernel!.map(w => Number(w !== 0)),
    ...(bias ? [bias.map(() => 0)] : []),
  ]);
  const [made] = evaluated(node, [x!.map(v => (Number.isNaN(v) ? 0 : v)), kernel!, ...(bias ? [bias] : [])]);
  return made!.map((v, i) => (varying![i] === 0 ? v : NaN));
}
