/**
 * docs/reference.md is made from the tables of ops and kernels: `npx vitest run test/docs/reference.test.ts -u` writes
 * it anew.
 */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { count, type Field, index, type Parameter, real, type Stored, signed } from "../../src/graph/stored.ts";
import { FAMILIES, KERNEL_NAMES, type Row } from "../../src/kernels/table.ts";
import { ACTIVATION, LOWER, STORED, TRAITS, UNSTORED } from "../../src/ops/index.ts";

// ---------------------------------------------------------------- ops

const KINDS = new Map<unknown, string>([
  [index, "index"],
  [count, "count"],
  [signed, "signed"],
  [real, "real"],
]);

/** Words for defaults and shapes that follow from inputs. */
const FOLLOWS: Readonly<Record<string, string>> = {
  "reshape.shape": "one axis of all elements",
  "resizeNearest.size": "twice the input's height and width",
  "resizeBilinear.size": "twice the input's height and width",
  "conv2d.kernel": "out, kh, kw, *channels / groups*",
  "dense.kernel": "out, *in*",
  "depthwiseConv2d.kernel": "out, kh, kw, *1*",
  bias: "*out*",
  "batchNormalization.*": "*channels*",
  "layerNormalization.*": "*as the last axes of the input*",
  "prelu.alpha": "*as the input*",
  "pact.bound": "1",
  "lookup.table": "1, 256",
};

const NUMBERS = ["no", "one", "two", "three", "four"];

function attribute(op: string, name: string, { of, usual }: Field<any>): string {
  if (!of) return `\`${name}\` flag`;
  const follows = FOLLOWS[`${op}.${name}`];
  if (typeof usual === "function" && !follows) throw new Error(`no words for the usual ${name} of ${op}`);
  const value = Array.isArray(usual) ? usual.join(", ") : usual;
  const is = usual === undefined ? "" : ` (${follows ?? value})`;
  if (typeof of !== "function") return `\`${name}\` word${is}: ${of.map((word, i) => `${i} ${word}`).join(", ")}`;
  const kind = KINDS.get(of)!;
  const many = kind === "index" ? "indices" : kind === "signed" ? kind : `${kind}s`;
  if (typeof usual === "number") return `\`${name}\` ${kind}${is}`;
  return Array.isArray(usual)
    ? `\`${name}\` ${NUMBERS[usual.length]} ${many}${is}`
    : `\`${name}\` list of ${many}${is}`;
}

function parameter(op: string, { name }: Parameter): string {
  const shape = FOLLOWS[`${op}.${name}`] ?? FOLLOWS[`${op}.*`] ?? FOLLOWS[name];
  if (!shape) throw new Error(`no words for the shape of ${name} of ${op}`);
  return `\`${name}\` [${shape}]`;
}

const readers = readFileSync("src/formats/tflite/operators.ts", "utf8");

/** Operators of TensorFlow Lite whose reader names the op. */
const tfliteNames = (op: string): string[] =>
  [...readers.matchAll(/^ {2}([A-Z\d_]+): (.*),$/gm)]
    .filter(([, , reader]) => new RegExp(`\\b${op}s?\\b`).test(reader!))
    .map(([, name]) => name!);

function opRow([op, record]: [string, Stored]): string {
  const { int8 } = TRAITS[op as keyof typeof TRAITS];
  const fields = Object.entries(record.fields).map(([name, field]) => attribute(op, name, field as Field));
  const parameters = (record.parameters ?? []).map(p => parameter(op, p));
  const activations = Object.entries(ACTIVATION)
    .filter(([, activation]) => activation.op.name === op)
    .map(([name]) => `\`${name}\``);
  const form = typeof int8 === "string" ? int8 : `fixed: ${int8.scale[0]} (q + ${-int8.zeroPoint})`;
  const cells = [fields.join("; "), parameters.join("; "), form, activations.join(", "), tfliteNames(op).join(", ")];
  return `| ${record.number} | \`${op}\` | ${cells.join(" | ")} |`;
}

const records = Object.entries<Stored>(STORED);

// ---------------------------------------------------------------- kernels

const FOLDER = "src/kernels/table";
const sources = readdirSync(FOLDER)
  .map(file => readFileSync(`${FOLDER}/${file}`, "utf8"))
  .join("\n");

/** The first sentence of the comment above a row; a gradient without one is described by its forward kernel. */
function purpose(name: string): string {
  const before = sources.slice(0, sources.search(new RegExp(`\\n {2,4}${name}: (?!")`))).trimEnd();
  const forward = name.replace(/_gradient$/, "");
  if (!before.endsWith("*/")) return forward === name ? "" : `The gradient of ${forward}.`;
  const comment = before
    .slice(before.lastIndexOf("/**") + 3, -2)
    .replaceAll(/\n\s*\* ?/g, " ")
    .trim();
  return comment.match(/^.*?(?<!\.)\.(?=\s+[A-Z`]|$)/)?.[0] ?? comment;
}

/** In order, with their roles; an argument without one is an integer. */
const argumentsOf = ({ args }: Row): string =>
  Object.entries(args)
    .map(([name, role]) => (role === "int" ? name : `${name}:${role}`))
    .join(" ");

const BINARY = { both: "both", run: "running", train: "training" };

const families = (): string[] =>
  Object.entries(FAMILIES as Record<string, Record<string, Row>>).map(([family, kernels]) => {
    const rows = Object.entries(kernels).map(
      ([name, row]) =>
        `| \`${name}\` | ${purpose(name).replaceAll("|", "\\|")} | ${BINARY[row.binary]} | \`${argumentsOf(row)}\` |`,
    );
    return [`### ${family}`, "", "| kernel | | binary | arguments |", "|---|---|---|---|", ...rows].join("\n");
  });

// ---------------------------------------------------------------- the page

const page = (): string => `# Ops and kernels

Every op of a network and every kernel, made from their tables by \`npx vitest run test/docs/reference.test.ts -u\`.

## Ops

Numbers and attributes are those of a [file](container.md#ops): default values, in parentheses, are not stored, nor are
sizes in *italics*, which follow from the inputs.

*int8* is the form of the op that \`quantizeStatic\` makes. *kernel*: int8 weights, integers throughout; *chooses*:
int8, with a quantization of the output; *sums*: the same, if the scales of both operands are near enough; *keeps*:
int8 in the quantization of the input; *alike*: the inputs are requantized to that of the output; *clamps*: the same,
merged into the layer before; *fixed*: int8 in TensorFlow Lite's quantization; *float*: computed in float between int8
layers; *border*: int8 begins or ends.
*Activation*: its name in \`dense({ activation })\` and other layers. *TensorFlow Lite*: operators that are read as the
op; [tflite.md](tflite.md) has those made of several.

| number | op | attributes | parameters | int8 | activation | TensorFlow Lite |
|---|---|---|---|---|---|---|
${records
  .sort(([, a], [, b]) => a.number - b.number)
  .map(opRow)
  .join("\n")}

## Kernels

The kernels of \`penjing/kernels\`, by the names that \`printProgram\` and error messages use. Further preconditions
of a kernel (bytes it may read or write past an end) are in its row in \`src/kernels/table/\`.

Names: \`<data>[_<weights>]_<family>[_<fused>]\`. A family's code is in \`assembly/<family>.ts\`, its specification, the
same in plain TypeScript, in \`src/kernels/reference/\`.

Arguments: a plain name is an integer; \`:float\` a float; \`:count\` the number of images (or rows) of the call;
\`:read\`, \`:write\` and \`:update\` are byte addresses in the memory.
Distances (\`lda\`, \`xs\`, \`x_row_stride\` ...) are in bytes. [row.ts](../src/kernels/table/row.ts) lists the names of
arguments.

${families().join("\n\n")}
`;

test("KERNEL_NAMES: every kernel says what it does", () => {
  expect(KERNEL_NAMES.filter(name => !purpose(name))).toEqual([]);
});

test("STORED: every op that runs and is stored has a row", () => {
  const unstored = Object.keys(UNSTORED).filter(op => op in LOWER).length;
  expect(records.length).toBe(Object.keys(LOWER).length - unstored);
});

test("docs/reference.md is the tables: -u writes it anew", async () => {
  await expect(page()).toMatchFileSnapshot("../../docs/reference.md");
});
