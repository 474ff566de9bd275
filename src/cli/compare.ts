/** `penjing compare`: two networks beside each other. */
import type { Command } from "commander";
import { compare } from "../compress/index.ts";
import { comparisonPage } from "../report/index.ts";
import { asReadBy, type DataOptions, dataOptions, digits } from "./digits.ts";
import { ANY_NETWORK, networkIn } from "./network.ts";
import { whole } from "./options.ts";
import { checkReport, type ReportOptions, reportOption, saveReport } from "./reports.ts";
import type { Terminal } from "./terminal.ts";

interface Options extends DataOptions, ReportOptions {
  json?: boolean;
  examples: number;
}

export function define(command: Command, terminal: Terminal): void {
  const reads = command.argument("<a>", ANY_NETWORK).argument("<b>", `another one, float or integer`);
  reportOption(dataOptions(reads))
    .option("--examples <n>", "answers that changed to show, at most", whole(0), 10)
    .action((a: string, b: string, options: Options) => run([a, b], options, terminal));
}

async function run(files: [string, string], options: Options, terminal: Terminal): Promise<void> {
  const { signal } = terminal;
  const { examples } = options;
  await checkReport(options, ...files);
  const [a, b] = [await networkIn(files[0], signal), await networkIn(files[1], signal)];
  const { name, test } = await digits(options, signal);
  asReadBy(b, test, files[1]);
  const found = await compare(a, b, asReadBy(a, test, files[0]), {
    names: files,
    examples,
    signal,
    onProgress: (done, total) => terminal.progress("compare", done / total),
  });
  terminal.endProgress();
  await saveReport(options, () => comparisonPage(found), signal);
  terminal.report(options.json, { files, dataset: { name, test: test.length }, ...found }, () =>
    String(found).split("\n"),
  );
}
