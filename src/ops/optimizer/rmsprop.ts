/**
 * One RMSprop step on one parameter (Hinton 2012), in Keras' order of operations, four ops by what state they keep:
 * rmsprop(w, v, g, rate, decay), rmspropMomentum(w, v, m, ...), rmspropCentered(w, v, a, ...),
 * rmspropCenteredMomentum(w, v, a, m, ...). v: mean square of the gradient, a: its mean, m: momentum. `rate` and
 * `decay` are one number each, from streams.
 */
import { tensor } from "../../base/tensor.ts";
import type { Op, Type } from "../../graph/graph.ts";
import {
  type CostOf,
  type Evaluate,
  type Gradient,
  type Lower,
  type Lowering,
  type Prefers,
  type Ref,
  refuse,
} from "../../graph/meaning.ts";
import { realOperands } from "../../graph/operand.ts";
import { free } from "../elementwise.ts";

export interface Rmsprop {
  rho: number;
  epsilon: number;
}

export interface RmspropMomentum extends Rmsprop {
  momentum: number;
}

/** The first `states` inputs are updated in place. */
const step = <A>(name: string, states: readonly string[]): Op<A> => ({
  name,
  takes: realOperands,
  infer: (inputs: Type[]) => inputs.slice(0, states.length),
  updates: states.map((_, i) => i),
});

const STATES = {
  rmsprop: ["w", "v"],
  rmspropMomentum: ["w", "v", "m"],
  rmspropCentered: ["w", "v", "a"],
  rmspropCenteredMomentum: ["w", "v", "a", "m"],
} as const;

export const rmsprop: Op<Rmsprop> = step("rmsprop", STATES.rmsprop);
export const rmspropMomentum: Op<RmspropMomentum> = step("rmspropMomentum", STATES.rmspropMomentum);
export const rmspropCentered: Op<Rmsprop> = step("rmspropCentered", STATES.rmspropCentered);
export const rmspropCenteredMomentum: Op<RmspropMomentum> = step(
  "rmspropCenteredMomentum",
  STATES.rmspropCenteredMomentum,
);

type Name = keyof typeof STATES;

const evaluateStep =
  (name: Name): Evaluate<Rmsprop & Partial<RmspropMomentum>> =>
  (inputs, { rho, epsilon, momentum = 0 }) => {
    const names: readonly string[] = STATES[name];
    const states = names.map((_, i) => tensor(inputs[i]!.shape, inputs[i]!.data.slice()));
    const of = (state: string) => states[names.indexOf(state)]?.data;
    const [g, rate, decay] = inputs.slice(names.length);
    const [w, v, a, m] = [of("w")!, of("v")!, of("a"), of("m")];
    g!.data.forEach((d, i) => {
      v[i] = rho * v[i]! + (1 - rho) * d * d;
      if (a) a[i] = rho * a[i]! + (1 - rho) * d;
      const quotient = (rate!.data[0]! * d) / Math.sqrt(v[i]! - (a ? a[i]! ** 2 : 0) + epsilon);
      if (m) m[i] = momentum * m[i]! + quotient;
      w[i] = w[i]! * (1 - decay!.data[0]!) - (m ? m[i]! : quotient);
    });
    return states;
  };

export const evaluateBackward = {
  rmsprop: /* @__PURE__ */ evaluateStep("rmsprop"),
  rmspropMomentum: /* @__PURE__ */ evaluateStep("rmspropMomentum"),
  rmspropCentered: /* @__PURE__ */ evaluateStep("rmspropCentered"),
  rmspropCenteredMomentum: /* @__PURE__ */ evaluateStep("rmspropCenteredMomentum"),
} satisfies Record<string, Evaluate>;

const noGradient = /* @__PURE__ */ refuse("an optimizer step is not differentiated");

export const gradient = {
  rmsprop: noGradient,
  rmspropMomentum: noGradient,
  rmspropCentered: noGradient,
  rmspropCenteredMomentum: noGradient,
} satisfies Record<string, Gradient | object>;

/** The arguments that all kernels share. */
interface Shared {
  readonly n: number;
  readonly w: Ref;
  readonly v: Ref;
  readonly g: Ref;
  readonly rate: Ref;
  readonly decay: Ref;
}

/** Lowers to the call of a kernel, which gets the places of the states that come after w and v. */
const lowerStep =
  <A>(name: Name, call: (c: Lowering, args: Shared & A, more: Ref[]) => void): Lower<A> =>
  (node, c) => {
    const { length } = STATES[name];
    const layout = c.layoutOf(node.inputs[0]!);
    const [w, v, ...more] = node.inputs.slice(0, length).map(state => c.in(state, layout));
    const [g, rate, decay] = node.inputs.slice(length);
    const shared = { n: layout.bytes(node.inputs[0]!.type.shape, "f32") / 4, w: w!, v: v!, g: c.in(g!, layout) };
    call(c, { ...node.attrs, ...shared, rate: c.ref(rate!), decay: c.ref(decay!) }, more);
    node.outputs.forEach((o, i) => {
      c.alias(o, node.inputs[i]!, true);
    });
  };

export const lowerBackward = {
  rmsprop: /* @__PURE__ */ lowerStep<Rmsprop>("rmsprop", (c, args) => c.call("f32_rmsprop", args)),
  rmspropMomentum: /* @__PURE__ */ lowerStep<RmspropMomentum>("rmspropMomentum", (c, args, [m]) =>
    c.call("f32_rmsprop_momentum", { ...args, m: m! }),
  ),
  rmspropCentered: /* @__PURE__ */ lowerStep<Rmsprop>("rmspropCentered", (c, args, [a]) =>
    c.call("f32_rmsprop_centered", { ...args, a: a! }),
  ),
  rmspropCenteredMomentum: /* @__PURE__ */ lowerStep<RmspropMomentum>("rmspropCenteredMomentum", (c, args, [a, m]) =>
    c.call("f32_rmsprop_centered_momentum", { ...args, a: a!, m: m! }),
  ),
} satisfies Record<string, Lower>;

/** State lies as its parameter does. */
const asParameter: Prefers = (node, operand, c) =>
  operand > 0 && operand < node.outputs.length ? c.prefer(node.inputs[0]!) : undefined;

export const prefersBackward = {
  rmsprop: asParameter,
  rmspropMomentum: asParameter,
  rmspropCentered: asParameter,
  rmspropCenteredMomentum: asParameter,
} satisfies Record<string, Prefers>;

export const cost = {
  rmsprop: free,
  rmspropMomentum: free,
  rmspropCentered: free,
  rmspropCenteredMomentum: free,
} satisfies Record<string, CostOf>;
