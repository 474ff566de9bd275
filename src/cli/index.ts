#!/usr/bin/env node
/**
 * The command `penjing`. This file has everything that concerns the process: streams, signals and exit code; the rest
 * is in main.ts.
 */
import { Interrupted, SIGNALS } from "./errors.ts";
import { main } from "./main.ts";
import { Terminal } from "./terminal.ts";

const interrupt = new AbortController();
const signals = Object.keys(SIGNALS) as (keyof typeof SIGNALS)[];
for (const name of signals)
  process.on(name, () => {
    interrupt.abort(new Interrupted(name));
    // a second signal, such as another Ctrl-C, ends the process immediately
    for (const each of signals) process.removeAllListeners(each);
  });

main(process.argv.slice(2), new Terminal(process.stdout, process.stderr, interrupt.signal)).then(code => {
  process.exitCode = code;
});
