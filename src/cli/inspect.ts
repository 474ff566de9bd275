/**
 * `penjing inspect`: prints the contents of a file by section and by layer, and its graph, program and memory as text.
 */
import type { Command } from "commander";
import { ByteReader } from "../base/bytes.ts";
import { showShape } from "../base/shape.ts";
import { readSource } from "../base/source.ts";
import { type Analysis, analyzeFile } from "../compress/index.ts";
import { MAGIC } from "../container/format.ts";
import { read } from "../container/index.ts";
import { printGraph } from "../graph/print.ts";
import { printArena, printProgram } from "../plan/print.ts";
import { inputsOf, portsOf } from "../run/inputs.ts";
import { Net } from "../run/net.ts";
import { sizesOf, sizesText } from "./sizes.ts";
import type { Printed, Terminal } from "./terminal.ts";

interface Options {
  json?: boolean;
  graph?: boolean;
  program?: boolean;
  arena?: boolean;
}

interface Section {
  name: string;
  bytes: number;
}

export function define(command: Command, terminal: Terminal): void {
  command
    .argument("<file>", "a .penjing file")
    .option("--graph", "the network, one line a node")
    .option("--program", "the kernel calls for one image")
    .option("--arena", "which memory they use, and when")
    .action((file: string, options: Options) => run(file, options, terminal));
}

async function run(file: string, options: Options, terminal: Terminal): Promise<void> {
  const { bytes } = await readSource(file, terminal.signal);
  const { graph, labels, preprocessing, metadata } = read(bytes, { path: file });
  const analysis = analyzeFile(bytes);
  const { parameters, nonZeros, macs, layers } = analysis;
  const document = {
    file,
    bytes: bytes.length,
    sections: sectionsOf(bytes),
    inputs: portsOf(inputsOf(graph)),
    outputs: portsOf(graph.results),
    ...(labels && { labels }),
    ...(preprocessing && { preprocessing }),
    ...(metadata && { metadata }),
    parameters,
    nonZeros,
    macs,
    layers,
    size: sizesOf(analysis),
  };
  const texts: { graph?: string; program?: string; arena?: string } = {};
  if (options.graph) texts.graph = printGraph(graph);
  if (options.program || options.arena) {
    const { machine } = await Net.create(graph, { capacity: 1 });
    const program = machine.program("x1");
    if (options.program) texts.program = printProgram(program);
    if (options.arena) texts.arena = printArena(machine.plan, program);
  }
  terminal.report(options.json, { ...document, ...texts }, () => {
    const asked = Object.values(texts);
    if (asked.length) return asked.join("\n\n").split("\n");
    const { sections, inputs, outputs } = document;
    const ends = [...inputs, ...outputs].map(t => `${t.dtype} ${showShape(t.shape)}`).join(" -> ");
    return [
      `${file}, ${bytes.length} bytes: ${ends}`,
      `sections: ${sections.map(s => `${s.name} ${s.bytes}`).join(", ")} bytes`,
      ...(labels ? [`labels: ${labels.join(", ")}`] : []),
      ...(preprocessing ? [`preprocessing: ${JSON.stringify(preprocessing)}`] : []),
      ...(metadata ? [`metadata: ${JSON.stringify(metadata)}`] : []),
      "",
      layerTable(analysis, terminal),
      "",
      sizesText(document.size),
    ];
  });
}

function layerTable({ layers, ...all }: Analysis, terminal: Terminal): Printed {
  const bytes = layers.reduce((total, layer) => total + layer.bytes, 0);
  return terminal.table(
    ["layer", "op", "output", "parameters", "non-zeros", "MACs", "bytes"],
    [
      ...layers.map(l => [l.name, l.op, showShape(l.outputShape), l.parameters, l.nonZeros, l.macs, l.bytes]),
      ["all", "", "", all.parameters, all.nonZeros, all.macs, bytes],
    ],
  );
}

/** The sections of a valid file; docs/container.md describes them. */
function sectionsOf(bytes: Uint8Array): Section[] {
  const from = new ByteReader(bytes);
  from.raw(MAGIC.length + 1);
  from.varint();
  from.u32();
  const frame = from.offset;
  from.raw(from.varint());
  return [
    { name: "frame", bytes: frame },
    { name: "description", bytes: from.offset - frame },
    { name: "graph", bytes: from.left },
  ];
}
