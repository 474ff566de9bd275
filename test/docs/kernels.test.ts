/** docs/kernels.md is made from the kernel table and the comments in it: `npx vitest run test/docs/kernels.test.ts -u` writes it anew. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { FAMILIES, KERNEL_NAMES, type Row } from "../../src/kernels/table.ts";

const FOLDER = "src/kernels/table";
const sources = readdirSync(FOLDER)
  .map(file => readFileSync(`${FOLDER}/${file}`, "utf8"))
  .join("\n");

/** The first sentence of the comment above a row; a gradient without one is known by its forward. */
function purpose(name: string): string {
  const before = sources.slice(0, sources.search(new RegExp(`\\n {2,4}${name}: `))).trimEnd();
  const forward = name.replace(/_gradient$/, "");
  if (!before.endsWith("*/")) return forward === name ? "" : `The gradient of ${forward}.`;
  const comment = before
    .slice(before.lastIndexOf("/**") + 3, -2)
    .replaceAll(/\n\s*\* ?/g, " ")
    .trim();
  return comment.match(/^.*?(?<!\.)\.(?=\s+[A-Z`]|$)/)?.[0] ?? comment;
}

/** In order, with their roles; a plain name is an integer. */
const argumentsOf = ({ args }: Row): string =>
  Object.entries(args)
    .map(([name, role]) => (role === "int" ? name : `${name}:${role}`))
    .join(" ");

const BINARY = { both: "both", run: "running", train: "training" };

function page(): string {
  const families = Object.entries(FAMILIES as Record<string, Record<string, Row>>).map(([family, kernels]) => {
    const rows = Object.entries(kernels).map(
      ([name, row]) =>
        `| \`${name}\` | ${purpose(name).replaceAll("|", "\\|")} | ${BINARY[row.binary]} | \`${argumentsOf(row)}\` |`,
    );
    return [`## ${family}`, "", "| kernel | | binary | arguments |", "|---|---|---|---|", ...rows].join("\n");
  });
  return `${INTRODUCTION}\n${families.join("\n\n")}\n`;
}

const INTRODUCTION = `# Kernels

Every kernel of the library, as \`penjing/kernels\` gives them and as \`printProgram\` and error messages call them.
Made from the kernel table by \`npx vitest run test/docs/kernels.test.ts -u\`; what else a kernel presumes (bytes it may read or write past an end) is in its row in \`src/kernels/table/\`.

Names: \`<data>[_<weights>]_<family>[_<fused>]\`. A family's code is in \`assembly/<family>.ts\`, its specification, the same in plain TypeScript, in \`src/kernels/reference/\`.

Arguments: a plain name is an integer; \`:float\` a float; \`:count\` for how many images (or rows) the call is; \`:read\`, \`:write\` and \`:update\` are byte addresses in the memory.
Distances (\`lda\`, \`xs\`, \`pitch\` ...) are in bytes.
`;

test("every kernel says what it does", () => {
  expect(KERNEL_NAMES.filter(name => !purpose(name))).toEqual([]);
});

test("docs/kernels.md is the table: -u writes it anew", async () => {
  await expect(page()).toMatchFileSnapshot("../../docs/kernels.md");
});
