/** Networks drawn from layers with any geometry, branches and shared layers among them. */
import fc from "fast-check";
import { size } from "../../src/base/shape.ts";
import {
  type Activation,
  activation,
  add,
  average,
  averagePool1d,
  averagePool2d,
  batchNormalization,
  concatenate,
  conv1d,
  conv2d,
  conv2dTranspose,
  dense,
  depthwiseConv2d,
  flatten,
  globalAveragePool1d,
  globalAveragePool2d,
  globalMaxPool1d,
  globalMaxPool2d,
  input,
  layerNormalization,
  type Model,
  maximum,
  maxPool1d,
  maxPool2d,
  minimum,
  model,
  multiply,
  type Padding1d,
  type Pads,
  type Pool1dOptions,
  rescaling,
  reshape,
  type SymbolicTensor,
  separableConv2d,
  subtract,
  upSampling2d,
  zeroPadding2d,
} from "../../src/model/index.ts";

const ACTIVATIONS = [
  "relu",
  "relu6",
  "leakyRelu",
  "elu",
  "prelu",
  "sigmoid",
  "hardSigmoid",
  "tanh",
  "hardSwish",
  "gelu",
  "silu",
  "softmax",
  "logSoftmax",
] as const satisfies Activation[];

/** One layer to draw: its kind, and random numbers for its options. */
const step = fc.record({
  kind: fc.constantFrom(
    "conv2d",
    "conv2d",
    "conv2d",
    "depthwise",
    "separable",
    "transposed",
    "transposed",
    "sequence",
    "sequence",
    "upSampling",
    "extreme",
    "rescale",
    "normalizeRows",
    "maxPool",
    "averagePool",
    "pad",
    "normalize",
    "activation",
    "residual",
    "excite",
    "spread",
    "beside",
    "twice",
    "flatten",
    "reshape",
    "mean",
    "most",
  ),
  kernel: fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 })),
  strides: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  dilation: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
  padding: fc.oneof(
    fc.constantFrom("valid" as const, "same" as const),
    fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 4, maxLength: 4 }).map(p => p as unknown as Pads),
  ),
  groups: fc.constantFrom(1, 1, 2, 3),
  filters: fc.integer({ min: 1, max: 9 }),
  useBias: fc.boolean(),
  activation: fc.constantFrom("linear" as const, "relu" as const, ...ACTIVATIONS),
});
export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** The random inputs of a network. */
export const network = fc.record({
  image: fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 4 })),
  steps: fc.array(step, { minLength: 1, maxLength: 5 }),
  units: fc.integer({ min: 0, max: 11 }),
  seed: fc.nat(1e6),
  training: fc.boolean(),
  fused: fc.boolean(),
});

function grow(x: SymbolicTensor, s: Step): SymbolicTensor {
  const { kernel, strides, padding, useBias } = s;
  const filters = s.filters * s.groups;
  const common = { strides, padding, dilationRate: s.dilation, activation: s.activation, useBias };
  switch (s.kind) {
    case "conv2d":
      return conv2d({ ...common, filters, kernelSize: kernel, groups: s.groups })(x);
    case "depthwise":
      return depthwiseConv2d({ ...common, kernelSize: kernel, depthMultiplier: s.groups })(x);
    case "separable":
      return separableConv2d({ ...common, filters, kernelSize: kernel, depthMultiplier: s.groups })(x);
    case "transposed": {
      const outputPadding = useBias ? {} : { outputPadding: [strides[0] - 1, 0] as const };
      const geometry = { ...common, ...outputPadding, padding: padding === "same" ? padding : ("valid" as const) };
      return conv2dTranspose({ ...geometry, filters: s.filters, kernelSize: kernel })(x);
    }
    case "sequence": {
      const rows = reshape({ targetShape: [-1, s.groups] })(x);
      const pools: Pool1dOptions = { poolSize: kernel[1], strides: strides[1], padding: useBias ? "same" : "valid" };
      const pooled = [maxPool1d(pools), averagePool1d(pools), activation("tanh")][s.groups - 1]!(rows);
      const pads: Padding1d = padding === "valid" || padding === "same" ? padding : s.filters > 4 ? "causal" : [2, 1];
      const along = { strides: strides[0], dilationRate: s.dilation[0], padding: pads, groups: s.groups, useBias };
      const filtered = conv1d({ ...along, filters, kernelSize: kernel[0], activation: s.activation })(pooled);
      return [globalMaxPool1d(), globalAveragePool1d(), layerNormalization()][s.strides[0] - 1]!(filtered);
    }
    case "upSampling":
      return upSampling2d({ size: s.dilation, interpolation: useBias ? "bilinear" : "nearest" })(x);
    case "extreme":
      return [maximum(), minimum(), average()][s.groups - 1]!(x, activation("tanh")(rescaling({ scale: 2 })(x)));
    case "rescale":
      return rescaling({ scale: s.filters / 4, offset: useBias ? -0.5 : 0 })(x);
    case "normalizeRows": {
      const axis = [-1, [-2, -1], [1, 2, 3]][s.groups - 1]!;
      return layerNormalization({ axis, epsilon: 0.1, center: useBias, scale: s.filters < 7 })(x);
    }
    case "maxPool":
      return maxPool2d({ poolSize: kernel, strides, padding: padding === "valid" ? "valid" : "same" })(x);
    case "averagePool":
      return averagePool2d({ poolSize: kernel, strides, padding: padding === "valid" ? "valid" : "same" })(x);
    case "pad":
      return zeroPadding2d({ padding: [s.strides, s.dilation] })(x);
    case "normalize":
      return batchNormalization({ epsilon: 0.1, center: useBias, scale: s.groups < 3 })(x);
    case "activation":
      return activation(s.activation)(x);
    case "residual":
      return [add(), subtract(), multiply()][s.groups - 1]!(x, activation("tanh")(x));
    case "excite": {
      const channels = dense({ units: filters, activation: "sigmoid" })(globalAveragePool2d()(x));
      const image = conv2d({ filters, kernelSize: kernel, padding: "same" })(x);
      return [multiply(), add(), subtract()][s.groups - 1]!(...(useBias ? [image, channels] : [channels, image]));
    }
    case "spread": {
      const row = activation("tanh")(averagePool2d({ poolSize: [1, 1], strides: [99, 1], padding: "same" })(x));
      const column = conv2d({ filters: 1, kernelSize: 1, strides: [1, 99], padding: "same" })(x);
      return [multiply(), add(), subtract()][s.groups - 1]!(...(useBias ? [row, column] : [column, row]));
    }
    case "beside":
      return concatenate()(conv2d({ filters, kernelSize: kernel, padding: "same", activation: s.activation })(x), x, x);
    case "twice": {
      const shared = depthwiseConv2d({ kernelSize: kernel, padding: "same", useBias });
      return add()(shared(shared(x)), x);
    }
    case "flatten":
      return dense({ units: s.filters, activation: s.activation, useBias })(flatten()(x));
    case "reshape":
      return reshape({ targetShape: [-1, 1, 1] })(x);
    case "mean":
      return globalAveragePool2d()(x);
    case "most":
      return globalMaxPool2d()(x);
  }
}

/** The network with every layer that fits. */
export function draw({
  image,
  steps,
  units,
  seed,
}: {
  image: number[];
  steps: Step[];
  units: number;
  seed: number;
}): Model {
  const x = input({ shape: image });
  let y = activation("tanh")(x);
  let built = model({ inputs: x, outputs: y, seed });
  const extend = (next: SymbolicTensor) => {
    try {
      const made = model({ inputs: x, outputs: next, seed });
      if (size(made.outputShape) > 2000) return;
      built = made;
      y = next;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  };
  for (const s of steps) extend(grow(y, s));
  if (units) extend(dense({ units })(flatten()(y)));
  return built;
}
