/** `penjing profile`: prints time and memory of one image by layer. */
import { type Command, Option } from "commander";
import { supported, type Variant } from "../kernels/load.ts";
import { loadModel } from "../model/index.ts";
import type { Profile } from "../run/profile.ts";
import { real } from "./options.ts";
import type { Printed, Terminal } from "./terminal.ts";

interface Options {
  json?: boolean;
  variant?: Variant;
  milliseconds: number;
}

export function define(command: Command, terminal: Terminal): void {
  command
    .argument("<file>", "a .penjing file")
    .option("--milliseconds <n>", "spent on each kernel call", real({ above: 0 }), 10)
    .addOption(
      new Option("--variant <name>", "kernels to measure (default: the best this engine runs)").choices([
        "simd",
        "relaxed",
      ]),
    )
    .action((file: string, options: Options) => run(file, options, terminal));
}

async function run(file: string, options: Options, terminal: Terminal): Promise<void> {
  const model = await loadModel(file, { signal: terminal.signal });
  const { variant, milliseconds } = options;
  const measured = await model.profile({ milliseconds, ...(variant && { variant }) });
  const { engine } = supported();
  terminal.report(options.json, { file, engine, ...measured }, () => [
    `${file}: ${measured.micros.toFixed(2)} us an image, ${engine}, ${measured.variant} kernels`,
    "",
    layerTable(measured, terminal),
    "",
    ...arenaTable(measured.arena, terminal),
  ]);
}

function layerTable({ rows, ...whole }: Profile, terminal: Terminal): Printed {
  const sum = rows.reduce((sum, row) => sum + row.micros, 0);
  const rate = (gigamacs: number) => (gigamacs ? Number(gigamacs.toFixed(1)) : "");
  return terminal.table(
    ["layer", "op", "kernels", "us", "share %", "MACs", "GMAC/s"],
    [
      ...rows.map(row => [
        row.layer,
        row.op,
        row.kernels.join(" "),
        Number(row.micros.toFixed(3)),
        Number((100 * row.share).toFixed(1)),
        row.macs || "",
        rate(row.gigamacs),
      ]),
      ["all, each alone", "", "", Number(sum.toFixed(3)), 100, whole.macs, rate(whole.macs / sum / 1e3)],
      ["all, in one run", "", "", Number(whole.micros.toFixed(3)), "", whole.macs, rate(whole.gigamacs)],
    ],
  );
}

function arenaTable({ bytes, kept, temporaries, buffers }: Profile["arena"], terminal: Terminal): Printed[] {
  return [
    `arena: ${bytes} bytes, of which ${kept} are kept and ${temporaries} shared by temporaries`,
    terminal.table(
      ["temporary", "address", "bytes", "calls"],
      buffers.map(b => [b.name, b.address, b.bytes, `${b.first} .. ${b.last}`]),
    ),
  ];
}
