/**
 * Every coordinate mode and rounding of ONNX's Resize, nearest and linear, is one of resizeNearest's or
 * resizeBilinear's: against results of the standard.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Graph, type Value } from "../../src/graph/graph.ts";
import { RUN } from "../../src/kernels/load-run.ts";
import { LOWER, PREFERS } from "../../src/ops/index.ts";
import { constantPad } from "../../src/ops/shape/constant-pad.ts";
import type { Placement } from "../../src/ops/shape/coordinates.ts";
import { resizeBilinear } from "../../src/ops/shape/resize-bilinear.ts";
import { resizeNearest } from "../../src/ops/shape/resize-nearest.ts";
import { evaluated, expectClose, planned } from "./planned.ts";

interface Numbers {
  shape: number[];
  data: number[];
}

interface Case {
  name: string;
  attributes: {
    mode: "nearest" | "linear";
    coordinate_transformation_mode?: string;
    nearest_mode?: "round_prefer_floor" | "round_prefer_ceil" | "floor" | "ceil";
    axes?: number[];
    keep_aspect_ratio_policy?: string;
    extrapolation_value?: number;
  };
  x: Numbers;
  y: Numbers;
  scales?: number[];
  sizes?: number[];
  roi?: number[];
}

const CASES: Case[] = JSON.parse(readFileSync("test/vectors/onnx-resize/resize.json", "utf8"));

const ROUNDING = {
  round_prefer_floor: "roundPreferFloor",
  round_prefer_ceil: "roundPreferCeil",
  floor: "floor",
  ceil: "ceil",
} as const;

const OWN = {
  half_pixel: "halfPixel",
  asymmetric: "asymmetric",
  align_corners: "alignCorners",
  pytorch_half_pixel: "pytorchHalfPixel",
} as const;

/** (o + shift) / scale + offset along one axis. */
type Line = { scale: number; shift: number; offset: number };

const point = (at: number): Line => ({ scale: 1, shift: 0, offset: at });

function lineOf(mode: string, length: number, out: number, scale: number, [start, end]: [number, number]): Line {
  const whole = length * scale;
  switch (mode) {
    case "asymmetric":
      return { scale, shift: 0, offset: 0 };
    case "align_corners":
      return whole === 1 || length === 1 ? point(0) : { scale: (whole - 1) / (length - 1), shift: 0, offset: 0 };
    case "pytorch_half_pixel":
      return out === 1 ? point(0) : { scale, shift: 0.5, offset: -0.5 };
    case "half_pixel_symmetric":
      return { scale, shift: 0.5, offset: (length / 2) * (1 - out / whole) - 0.5 };
    case "tf_crop_and_resize":
      if (out === 1) return point(((start + end) / 2) * (length - 1));
      return { scale: (out - 1) / ((end - start) * (length - 1)), shift: 0, offset: start * (length - 1) };
  }
  return { scale, shift: 0.5, offset: -0.5 };
}

/** Height and width of the node: the sizes, and the scales if they are given. */
function asked({ attributes, scales, sizes, x, y }: Case) {
  const [axes, { shape }] = [attributes.axes ?? [0, 1, 2, 3], x];
  const of = (list: number[] | undefined, axis: number) => list?.[axes.indexOf(axis)];
  const ratio = (axis: number) => of(sizes, axis)! / shape[axis]!;
  const kept = { not_larger: Math.min, not_smaller: Math.max }[attributes.keep_aspect_ratio_policy ?? ""];
  return [2, 3].map(axis => {
    const scale = kept ? kept(ratio(2), ratio(3)) : of(scales, axis);
    return { length: shape[axis]!, out: y.shape[axis]!, scale };
  });
}

function resize(graph: Graph, x: Value, c: Case): Value {
  const { mode, coordinate_transformation_mode: coordinates = "half_pixel", nearest_mode: nearest } = c.attributes;
  const sides = asked(c);
  const size = sides.map(s => s.out) as [number, number];
  const node = (placement: Placement): Value => {
    if (mode === "linear") return graph.one(resizeBilinear, [x], placement);
    return graph.one(resizeNearest, [x], { ...placement, rounding: ROUNDING[nearest ?? "round_prefer_floor"] });
  };
  // in float32 either of two equally near pixels may be chosen
  const tied = mode === "nearest" && coordinates.endsWith("half_pixel");
  if (coordinates in OWN && !tied && sides.every(s => s.scale === undefined))
    return node({ size, coordinates: OWN[coordinates as keyof typeof OWN] });
  const lines = sides.map(({ length, out, scale = out / length }, i) =>
    lineOf(coordinates, length, out, scale, [c.roi?.[2 + i] ?? 0, c.roi?.[6 + i] ?? 1]),
  );
  // outputs whose coordinates are outside a cropped image get a value of their own; they surround the others
  const inside = sides.map(({ length, out }, i) => {
    const at = (o: number) => (o + lines[i]!.shift) / lines[i]!.scale + lines[i]!.offset;
    const all = Array.from({ length: out }, (_, o) => o);
    return coordinates === "tf_crop_and_resize" ? all.filter(o => at(o) >= 0 && at(o) <= length - 1) : all;
  });
  const pair = (of: (line: Line, i: number) => number) => lines.map(of) as [number, number];
  const y = node({
    size: inside.map(all => all.length) as [number, number],
    coordinates: "affine",
    scales: pair(l => l.scale),
    shifts: pair((l, i) => l.shift + inside[i]![0]!),
    offsets: pair(l => l.offset),
  });
  const before = [...inside.map(all => all[0]!), 0];
  const after = [...inside.map((all, i) => size[i]! - 1 - all.at(-1)!), 0];
  if ([...before, ...after].every(n => n === 0)) return y;
  return graph.one(constantPad, [y], { before, after, value: c.attributes.extrapolation_value ?? 0 });
}

test.each(CASES)("$name", async c => {
  const graph = new Graph();
  const [, , h, w] = c.x.shape as [number, number, number, number];
  const x = graph.leaf("input", "x", { shape: [h, w, 1], dtype: "f32", batched: true });
  graph.results = [resize(graph, x, c)];
  expect(graph.results[0]!.type.shape).toEqual([...c.y.shape.slice(2), 1]);
  const feed = { x: Float32Array.from(c.x.data) };
  const options = { batch: 1, binary: RUN, ops: { lower: LOWER, prefers: PREFERS }, variant: "simd", runs: 1 } as const;
  const ran = await planned(graph, feed, options);
  expectClose(evaluated(graph, feed, 1)[0]!.data, c.y.data, "the specification", 1e-5);
  expectClose(ran.results[0]!.data, c.y.data, "the plan", 1e-5);
});
