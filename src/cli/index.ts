#!/usr/bin/env node
/** The command `penjing`: what belongs to the process, its streams, signals and exit code; the rest is in main.ts. */
import { Interrupted, SIGNALS } from "./errors.ts";
import { main } from "./main.ts";
import { Terminal } from "./terminal.ts";

const interrupt = new AbortController();
const signals = Object.keys(SIGNALS) as (keyof typeof SIGNALS)[];
for (const name of signals)
  process.on(name, () => {
    interrupt.abort(new Interrupted(name));
    // a second one, such as another Ctrl-C, ends the process at once
    for (const each of signals) process.removeAllListeners(each);
  });

main(process.argv.slice(2), new Terminal(process.stdout, process.stderr, interrupt.signal)).then(code => {
  process.exitCode = code;
});
