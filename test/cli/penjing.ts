/** Runs the command inside the test's process; returns its output and exit code. */
import { Writable } from "node:stream";
import { main } from "../../src/cli/main.ts";
import { Terminal } from "../../src/cli/terminal.ts";

export interface Ran {
  code: number;
  out: string;
  errors: string;
  /** stdout parsed as JSON. */
  json: any;
}

class Text extends Writable {
  text = "";

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.text += chunk;
    done();
  }
}

/** `onProgress`: called whenever a bar would be updated. */
export async function penjing(
  argv: readonly string[],
  signal = new AbortController().signal,
  onProgress = () => {},
): Promise<Ran> {
  const out = new Text();
  const errors = new Text();
  const terminal = new Terminal(out, errors, signal);
  terminal.progress = onProgress;
  const code = await main(argv, terminal);
  return {
    code,
    out: out.text,
    errors: errors.text,
    get json() {
      return JSON.parse(out.text);
    },
  };
}
