/**
 * The network that docs/architecture.md prints: `npx vitest run test/docs/architecture.test.ts -u` writes its blocks
 * anew. A comment before each block names the function that prints it.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { printGraph } from "../../src/graph/print.ts";
import { conv2d, dense, flatten, maxPool2d, pruneOnce, sequential } from "../../src/index.ts";
import { RUN } from "../../src/kernels/load-run.ts";
import { LOWER, PREFERS } from "../../src/ops/index.ts";
import { FORWARD, fuse } from "../../src/passes/fuse.ts";
import { plan } from "../../src/plan/plan.ts";
import { printArena, printProgram } from "../../src/plan/print.ts";

/** The output of each function for the network, as a program for eight images. */
function printed(): Readonly<Record<string, string>> {
  const layers = [
    conv2d({ filters: 2, kernelSize: 3, activation: "relu", inputShape: [6, 6, 1] }),
    maxPool2d(),
    flatten(),
    dense({ units: 3 }),
  ];
  const { graph } = pruneOnce(sequential(layers, { seed: 1 }), { sparsity: 0.5, layers: ["dense"] });
  const built = printGraph(graph);
  fuse(graph, FORWARD);
  const planned = plan([{ name: "x8", graph, batch: 8 }], "simd", { lower: LOWER, prefers: PREFERS }, RUN.kernels);
  const [program] = planned.programs;
  return {
    printGraph: built,
    "printGraph, fused": printGraph(graph),
    printProgram: printProgram(program!),
    printArena: printArena(planned, program!),
  };
}

test("docs/architecture.md shows what printGraph, printProgram and printArena print: -u writes it anew", async () => {
  const blocks = printed();
  const shown: string[] = [];
  const page = readFileSync("docs/architecture.md", "utf8").replaceAll(
    /^<!-- (print[^>]*) -->\n```\n[\s\S]*?^```$/gm,
    (_, name: string) => {
      shown.push(name);
      return `<!-- ${name} -->\n\`\`\`\n${blocks[name]}\n\`\`\``;
    },
  );
  expect(shown).toEqual(Object.keys(blocks));
  await expect(page).toMatchFileSnapshot("../../docs/architecture.md");
});
