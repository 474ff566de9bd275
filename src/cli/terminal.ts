/**
 * Results on stdout, progress and errors on stderr. Colours and progress only where somebody looks: on a terminal, without NO_COLOR.
 */
import type { Writable } from "node:stream";
import { styleText } from "node:util";
import cliProgress from "cli-progress";
import Table from "cli-table3";

export type Cell = string | number;

type Style = Parameters<typeof styleText>[0];

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

export class Terminal {
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly #out: Stream;
  readonly #errors: Stream;
  #bar: cliProgress.SingleBar | undefined;

  constructor(out: Stream, errors: Stream, signal: AbortSignal) {
    this.#out = out;
    this.#errors = errors;
    this.signal = signal;
  }

  print(text: string): void {
    this.#out.write(`${text}\n`);
  }

  /** One JSON document where it was asked for, else the text. */
  report(json: boolean | undefined, document: object, text: () => string): void {
    this.print(json ? JSON.stringify(document, undefined, 2) : text());
  }

  style(style: Style, text: string): string {
    return this.#out.isTTY && this.#out.hasColors?.() ? styleText(style, text) : text;
  }

  /** Columns under bold heads; numbers to the right. */
  table(heads: readonly string[], rows: readonly (readonly (Cell | undefined)[])[]): string {
    const table = new Table({
      head: heads.map(head => this.style("bold", head)),
      chars: BARE,
      style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
      colAligns: heads.map((_, column) => (rows.some(row => typeof row[column] === "number") ? "right" : "left")),
    });
    for (const row of rows) table.push(row.map(cell => shown(cell)));
    return table
      .toString()
      .split("\n")
      .map(line => line.trimEnd())
      .join("\n");
  }

  /** A line on stderr, on a terminal only. */
  note(text: string): void {
    if (!this.#errors.isTTY) return;
    this.endProgress();
    this.#errors.write(`${text}\n`);
  }

  /** Shows how far `title` is, 0 .. 1, on a terminal only. */
  progress(title: string, share: number, detail = ""): void {
    if (!this.#errors.isTTY) return;
    if (!this.#bar) {
      this.#bar = new cliProgress.SingleBar(
        {
          format: "{title} {bar} {percentage}%  {detail}",
          stream: this.#errors,
          hideCursor: true,
          clearOnComplete: true,
          barsize: 20,
        },
        cliProgress.Presets.rect,
      );
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
    this.#errors.write(`${red ? styleText("red", line) : line}\n`);
  }
}

const shown = (cell: Cell | undefined): string => (cell === undefined ? "" : String(cell));
