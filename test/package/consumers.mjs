// Installs the tarball by npm and by pnpm and uses it from each: import, require, TypeScript with `strict`, and the
// command.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { installed } from "./install.mjs";

const { version, exports } = JSON.parse(readFileSync("package.json", "utf8"));
const entries = Object.keys(exports)
  .filter(path => exports[path].types)
  .map(path => path.replace(".", "penjing"));

const TSCONFIG = {
  compilerOptions: {
    strict: true,
    noEmit: true,
    target: "es2022",
    lib: ["es2023", "dom"],
    module: "nodenext",
    skipLibCheck: false,
    types: [],
  },
  files: ["consumer.ts", "consumer.cts"],
};

for (const manager of ["npm", "pnpm"])
  await installed(manager, folder => {
    const run = (command, ...args) => {
      try {
        return execFileSync(command, args, { cwd: folder, encoding: "utf8", stdio: "pipe" }).trim();
      } catch ({ stdout, stderr }) {
        throw new Error(`${[command, ...args].join(" ")}\n${stdout}${stderr}`);
      }
    };

    const names = {};
    for (const entry of entries) {
      const show =
        "console.log(JSON.stringify(Object.keys(m).filter(k => k !== '__esModule' && k !== 'module.exports').sort()))";
      const imported = run(process.execPath, "--input-type=module", "-e", `import * as m from "${entry}"; ${show}`);
      // a warning that `require` of a module is experimental goes to stderr
      const required = run(process.execPath, "--input-type=commonjs", "-e", `const m = require("${entry}"); ${show}`);
      names[entry] = JSON.parse(imported);
      assert.notEqual(names[entry].length, 0, `${entry} exports nothing`);
      assert.equal(required, imported, `require("${entry}") is not what import gives`);
    }
    console.log(`${manager}: import and require of ${entries.join(", ")}`);

    const product = "k.f32Gemm(Float32Array.of(1, 2), Float32Array.of(3, 4), { m: 1, n: 1, k: 2 })[0]";
    const code = `import { kernels } from "penjing/kernels";
      const k = await kernels({ bytes: 65536 });
      console.log(${product})`;
    assert.equal(run(process.execPath, "--input-type=module", "-e", code), "11");
    console.log(`${manager}: a kernel gives the right answer`);

    answers(folder);
    console.log(`${manager}: a network answers alike by import, by require, and bundled as either`);
    imports(run);
    console.log(`${manager}: importing touches nothing of a page; without SIMD it is load that fails`);

    cpSync("test/package/consumer.ts", join(folder, "consumer.ts"));
    const required = entries.map((entry, i) => `import m${i} = require("${entry}");\nm${i} satisfies object;`);
    writeFileSync(join(folder, "consumer.cts"), required.join("\n"));
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(TSCONFIG));
    run(process.execPath, resolve("node_modules/typescript/bin/tsc"), "-p", ".");
    console.log(`${manager}: types under strict, from ES modules and CommonJS`);

    const help = run(join(folder, "node_modules/.bin/penjing"), "--help");
    for (const verb of [
      "demo",
      "train",
      "evaluate",
      "prune",
      "quantize",
      "convert",
      "inspect",
      "profile",
      "predict",
      "bench",
    ])
      assert.match(help, new RegExp(`\\b${verb}\\b`), `penjing --help does not name ${verb}`);
    assert.equal(run(join(folder, "node_modules/.bin/penjing"), "--version"), version);
    console.log(`${manager}: penjing --help`);
  });

/** The outputs for the same image are the same, however the library was installed. */
function answers(folder) {
  // by standard input: a bundle is longer than an argument may be
  const node = (kind, code) =>
    execFileSync(process.execPath, [`--input-type=${kind}`, "-"], {
      cwd: folder,
      encoding: "utf8",
      input: code,
    }).trim();
  node("module", 'import { lenet5 } from "penjing"; await lenet5({ seed: 1 }).save("digits.penjing");');
  const use = 'load("digits.penjing").then(net => console.log(net.predict(new Uint8Array(784).fill(99)).join()))';
  const imported = `import { load } from "penjing/run"; ${use};`;
  const required = `const { load } = require("penjing/run"); ${use};`;
  const expected = node("module", imported);
  assert.equal(expected.split(",").map(Number).filter(Number.isFinite).length, 10);
  assert.equal(node("commonjs", required), expected, "require");
  for (const [kind, format, code] of [
    ["module", "esm", imported],
    ["commonjs", "cjs", imported],
    ["commonjs", "cjs", required],
  ]) {
    const options = ["--bundle", "--platform=node", `--format=${format}`, "--minify"];
    const bundle = execFileSync(resolve("node_modules/.bin/esbuild"), options, { cwd: folder, input: code });
    assert.equal(node(kind, bundle.toString()), expected, `${code} bundled as ${format}`);
  }
}

/** Server-side rendering may import the library: it accesses no globals of a page, and leaves nothing behind. */
function imports(run) {
  const untouched = `
    const page = ["window", "document", "self", "location", "navigator", "localStorage"];
    const get = () => { throw new Error("touched at import") };
    for (const name of [...page, "fetch", "Worker", "WebAssembly"]) Object.defineProperty(globalThis, name, { get });
    const before = Reflect.ownKeys(globalThis).length;
    for (const entry of ${JSON.stringify(entries)}) await import(entry);
    console.log(Reflect.ownKeys(globalThis).length - before);`;
  assert.equal(run(process.execPath, "--input-type=module", "-e", untouched), "0");

  const bare = `
    import { readFileSync } from "node:fs";
    import { createContext, SourceTextModule } from "node:vm";
    const code = readFileSync("node_modules/penjing/build/run.js", "utf8");
    const module = new SourceTextModule(code, { context: createContext({}) });
    await module.link(name => { throw new Error("imports " + name) });
    await module.evaluate();
    console.log(typeof module.namespace.load);`;
  const vm = ["--experimental-vm-modules", "--no-warnings", "--input-type=module"];
  assert.equal(run(process.execPath, ...vm, "-e", bare), "function", "an engine with nothing but the language");

  const load = 'import { load } from "penjing/run"; console.log(await load("digits.penjing").catch(e => e.code));';
  assert.equal(run(process.execPath, "--no-enable-sse4-1", "--input-type=module", "-e", load), "no-simd");
}
