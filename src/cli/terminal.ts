/**
 * Writes results to stdout, progress and errors to stderr. Colours and progress only on a terminal, and without
 * NO_COLOR. All output of a command passes through here: names, labels and paths may be untrusted, so control
 * characters in them are escaped.
 */
import type { Writable } from "node:stream";
import { styleText } from "node:util";
import cliProgress from "cli-progress";
import CliTable from "cli-table3";
import { printable } from "../base/printable.ts";
import { BAR } from "../train/progress-bar.ts";

export type Cell = string | number;

type Style = Parameters<typeof styleText>[0];

/** Colours depend on the stream that is written to, which need not be stdout, the default of `styleText`. */
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

/** Lines of a table, ready to be written: cells are escaped, heads may be bold. */
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
  /** The stream for results. */
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
    // an error of stderr cannot be reported
    errors.on("error", () => {});
  }

  /** Writes each as a line, or a table as its lines. */
  print(...all: readonly Printed[]): void {
    const lines = all.map(part => (part instanceof Table ? part.text : printable(part)));
    this.#results.write(`${lines.join("\n")}\n`);
  }

  /** Prints a JSON document if `json`, else the text. */
  report(json: boolean | undefined, document: object, text: () => readonly Printed[]): void {
    // JSON.stringify leaves some control characters (DEL, C1) in strings, where an escape means the same
    this.print(...(json ? JSON.stringify(document, undefined, 2).split("\n") : text()));
  }

  /** Redirects results to stderr, for a command that writes a file to stdout. */
  reportOnErrors(): void {
    this.#results = this.#errors;
  }

  /** Waits until all is written; returns the error if stdout failed. */
  async failure(): Promise<NodeJS.ErrnoException | undefined> {
    await new Promise<void>(resolve => this.#out.write("", () => resolve()));
    // the error event follows the call
    await new Promise(resolve => setImmediate(resolve));
    return this.#failure;
  }

  #style(style: Style, text: string): string {
    return this.#results.isTTY && this.#results.hasColors?.() ? styleText(style, text, UNCHECKED) : text;
  }

  /** Makes a table: bold heads, numbers aligned to the right. */
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

  /** Shows the progress of `title`, 0 .. 1, on a terminal only. */
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
