/** keras.layers.Dense, over one vector per image. */
import { integer } from "../../base/errors.ts";
import { showShape } from "../../base/shape.ts";
import { dense as matrixProduct } from "../../ops/convolution/dense.ts";
import { type Activation, activate, activationOf } from "../activations.ts";
import { type InitializerOption, initializerOf } from "../initializer-option.ts";
import { type Layer, type LayerOptions, layer } from "../layer.ts";
import { type Regularizer, regularizerOf } from "../regularizers.ts";
import { biasOf } from "./convolution.ts";

export interface DenseOptions extends LayerOptions {
  units: number;
  /** Default: none. */
  activation?: Activation;
  /** Default true. */
  useBias?: boolean;
  /** Default "glorotUniform". */
  kernelInitializer?: InitializerOption;
  /** Default "zeros". */
  biasInitializer?: InitializerOption;
  kernelRegularizer?: Regularizer;
  biasRegularizer?: Regularizer;
}

const OWN = [
  "units",
  "activation",
  "useBias",
  "kernelInitializer",
  "biasInitializer",
  "kernelRegularizer",
  "biasRegularizer",
] as const;

/** A fully connected layer. Weights: kernel [in][units], bias [units]. */
export function dense(options: DenseOptions): Layer {
  return layer(
    "dense",
    options,
    OWN,
    settings => {
      const units = integer("units", settings.units, 1);
      const initializer = initializerOf("kernelInitializer", settings.kernelInitializer, "glorotUniform");
      const regularizer = regularizerOf("kernelRegularizer", settings.kernelRegularizer);
      const biased = biasOf(settings);
      const activation = activationOf(settings.activation);
      return ([x], to) => {
        const { shape } = x!.type;
        if (shape.length !== 1)
          throw new RangeError(`expects a vector per image, got ${showShape(shape)}: flatten first`);
        const fans = { in: shape[0]!, out: units };
        const weight = to.parameter("kernel", [units, shape[0]!], { role: "weight", initializer, fans, regularizer });
        const bias = biased && to.parameter("bias", [units], biased);
        const y = to.graph.one(matrixProduct, bias ? [x!, weight, bias] : [x!, weight]);
        return activate(activation, y, to);
      };
    },
    { prunable: ["kernel"] },
  );
}
