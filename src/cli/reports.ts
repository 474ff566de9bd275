/** The page a command writes for people, by `--report`. */
import type { Command } from "commander";
import { saveFile } from "../container/index.ts";
import { checkPeers } from "../report/plot.ts";
import { refuseSame } from "./outputs.ts";

export interface ReportOptions {
  report?: string;
}

export const reportOption = (command: Command): Command =>
  command.option("--report <file>", "write a page for people, an HTML file (needs @observablehq/plot and linkedom)");

/** Checks, before the work begins, that the page can be drawn and replaces no file that is read. */
export async function checkReport({ report }: ReportOptions, ...read: readonly string[]): Promise<void> {
  if (report === undefined) return;
  for (const file of read) refuseSame(file, report);
  await checkPeers();
}

/** Writes the page, where one was asked for. */
export async function saveReport(
  { report }: ReportOptions,
  write: () => Promise<string>,
  signal: AbortSignal,
): Promise<void> {
  if (report !== undefined) await saveFile(report, new TextEncoder().encode(await write()), signal);
}
