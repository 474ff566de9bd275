/**
 * Results on stdout, progress and errors on stderr. Colours and progress only where somebody looks: on a terminal, without NO_COLOR.
 * Everything a command writes passes here: names, labels and paths may be those of strangers, so their control characters are escaped.
 */
import type { Writable } from "node:stream";
import { styleText } from "node:util";
import cliProgress from "cli-progress";
import CliTable from "cli-table3";
import { printable } from "../base/printable.ts";
import { BAR } from "../train/progress-bar.ts";

export type Cell = string | number;

type Style = Parameters<typeof styleText>[0];

/** Whether there are colours is asked of the stream that is written to, which need not be the stdout that `styleText` would look at. */
const UNCHECKED = { validateStream: false };

type Stream = Writable & { readonly isTTY?: boolean; hasColors?(): boolean };

/** No lines: columns and a bold head are enough. */
const BARE = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

/** Lines of a table, as they are to be written: cells are escaped, heads may be bold. */
class Table {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A line, or a table that `Terminal.table` made. */
export type Printed = string | Table;

export class Terminal {
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly #out: Stream;
  readonly #errors: Stream;
  /** Where results go. */
  #results: Stream;
  #failure: NodeJS.ErrnoException | undefined;
  #bar: cliProgress.SingleBar | undefined;

  constructor(out: Stream, errors: Stream, signal: AbortSignal) {
    this.#out = out;
    this.#errors = errors;
    this.signal = signal;
    this.#results = out;
    out.on("error", error => {
      this.#failure ??= error;
    });
    // there is no place left to tell it
    errors.on("error", () => {});
  }

  /** Writes each as a line, or a table as its lines. */
  print(...all: readonly Printed[]): void {
    const lines = all.map(part => (part instanceof Table ? part.text : printable(part)));
    this.#results.write(`${lines.join("\n")}\n`);
  }

  /** One JSON document where it was asked for, else the text. */
  report(json: boolean | undefined, document: object, text: () => readonly Printed[]): void {
    // what JSON.stringify leaves of control characters is in strings, where an escape means the same
    this.print(...(json ? JSON.stringify(document, undefined, 2).split("\n") : text()));
  }

  /** Results are to go to stderr: stdout gets a file. */
  reportOnErrors(): void {
    this.#results = this.#errors;
  }

  /** Waits until all is written; gives the error where stdout did not take it. */
  async failure(): Promise<NodeJS.ErrnoException | undefined> {
    await new Promise<void>(resolve => this.#out.write("", () => resolve()));
    // the event of an error comes after the call
    await new Promise(resolve => setImmediate(resolve));
    return this.#failure;
  }

  #style(style: Style, text: string): string {
    return this.#results.isTTY && this.#results.hasColors?.() ? styleText(style, text, UNCHECKED) : text;
  }

  /** Columns under bold heads; numbers to the right. */
  table(heads: readonly string[], rows: readonly (readonly (Cell | undefined)[])[]): Table {
    const table = new CliTable({
      head: heads.map(head => this.#style("bold", head)),
      chars: BARE,
      style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
      colAligns: heads.map((_, column) => (rows.some(row => typeof row[column] === "number") ? "right" : "left")),
    });
    for (const row of rows) table.push(row.map(cell => shown(cell)));
    const lines = table.toString().split("\n");
    return new Table(lines.map(line => line.trimEnd()).join("\n"));
  }

  /** A line on stderr, on a terminal only. */
  note(text: string): void {
    if (!this.#errors.isTTY) return;
    this.endProgress();
    this.#errors.write(`${printable(text)}\n`);
  }

  /** Shows how far `title` is, 0 .. 1, on a terminal only. */
  progress(title: string, share: number, detail = ""): void {
    if (!this.#errors.isTTY) return;
    if (!this.#bar) {
      this.#bar = new cliProgress.SingleBar({ ...BAR, stream: this.#errors }, cliProgress.Presets.rect);
      this.#bar.start(1000, 0, { title, detail });
    }
    this.#bar.update(Math.round(1000 * share), { title, detail });
  }

  endProgress(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  error(line: string): void {
    const red = this.#errors.isTTY && this.#errors.hasColors?.();
    const text = printable(line);
    this.#errors.write(`${red ? styleText("red", text, UNCHECKED) : text}\n`);
  }
}

const shown = (cell: Cell | undefined): string => (cell === undefined ? "" : printable(String(cell)));
