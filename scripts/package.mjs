// npm run package: packs the tarball and looks at it as its consumers' tools will. `npm run build` comes first.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { runBundle } from "./bundle.mjs";

/**
 * Ceilings in bytes under gzip of everything an entry exports, bundled and minified as a page would have it. To be
 * lowered, never raised in passing.
 */
const SIZE_LIMITS = { "penjing/run": 61_700, penjing: 138_600 };

/** The files that the tarball may hold. */
const EXPECTED_FILES = [
  /^(package\.json|README\.md|CHANGELOG\.md|SECURITY\.md|LICENSE)$/,
  /^docs\/([\w-]+\.md|pictures\/[\w-]+\.svg)$/,
  /^examples\/[\w-]+\.(md|mjs)$/,
  /^build\/(index|run|data|kernels|tflite|report|cli)\.js$/,
  /^build\/chunks\/[\w-]+\.js$/,
  /^build\/types\/(src|build)\/.*\.d\.ts$/,
  /^build\/wasm\/(run|train)\.(simd|relaxed)\.wasm$/,
];

const failures = [];
const check = (what, problem) => {
  console.log(`${problem ? "FAILED" : "ok"}: ${what}${problem ? `\n  ${problem}` : ""}`);
  if (problem) failures.push(what);
};
const run = (command, args) => {
  try {
    execFileSync(command, args, { encoding: "utf8", stdio: "pipe" });
  } catch (failed) {
    return `${failed.stdout}${failed.stderr}`.trim().replaceAll("\n", "\n  ");
  }
};

rmSync("build/package", { recursive: true, force: true });
mkdirSync("build/package", { recursive: true });
const [packed] = JSON.parse(
  execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", "build/package"], {
    encoding: "utf8",
  }),
);
const tarball = `build/package/${packed.filename}`;
console.log(`${tarball}: ${packed.size} bytes, ${packed.files.length} files`);

const manifest = JSON.parse(readFileSync("package.json", "utf8"));
const odd = packed.files.map(({ path }) => path).filter(path => !EXPECTED_FILES.some(pattern => pattern.test(path)));
check("the tarball holds what users need and no more", odd.join(", "));
const scripts = ["preinstall", "install", "postinstall", "prepare"].filter(name => name in manifest.scripts);
check("nothing runs at install", scripts.join(", "));
check("publint", run("node_modules/.bin/publint", ["run", tarball, "--strict"]));
// profile esm-only: `require` gets the ES module itself, which Node does from 20.19 on
check("are the types wrong", run("node_modules/.bin/attw", [tarball, "--profile", "esm-only", "--no-emoji"]));

for (const [entry, limit] of Object.entries(SIZE_LIMITS)) {
  const path = `./${manifest.exports[entry.replace("penjing", ".")].default.slice(2)}`;
  const { outputFiles } = await build({
    stdin: { contents: `export * from ${JSON.stringify(path)};`, resolveDir: "." },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "neutral",
    external: ["node:*", ...Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })],
    write: false,
    logOverride: { "ignored-bare-import": "silent" }, // chunks have no side effects, as package.json says
  });
  const size = gzipSync(outputFiles[0].contents, { level: 9 }).length;
  check(`${entry} under gzip: ${size} of ${limit} bytes`, size > limit && `${size - limit} bytes too many`);
}
check("penjing/run carries nothing but what runs", await strangers());

console.log(failures.length ? `${failures.length} failed` : "all well");
process.exit(failures.length ? 1 : 0);

/**
 * Sources that have no place in a page that only runs, and what is declared in those that have one for other purposes
 * than running.
 */
async function strangers() {
  const { text, inputs } = await runBundle();
  const files = Object.keys(inputs).filter(
    file =>
      inputs[file].bytesInOutput &&
      !/^(src\/(base|kernels|graph|ops|plan|container|run)\/|src\/passes\/fuse\.ts$|build\/(boot-|run-|op-tables))/.test(
        file,
      ),
  );
  const tables = Object.keys(inputs).filter(
    file => file.startsWith("src/kernels/table") && inputs[file].bytesInOutput > 1000,
  );
  // tables of meanings are declared as `lower4`, `gradient2`
  const meanings =
    text.match(
      /^var (evaluate(?:Backward)?|gradient|lowerBackward|cost|axes|traits|unstored|BACKWARD|TRAIN)\d* = /gm,
    ) ?? [];
  const backward = text.match(/\b\w+Gradient\w*/g) ?? [];
  // the half of the container that writes
  const writers = text.match(/^(?:var|function) (BitWriter|ByteWriter|\w+Encoder|encode|write\w*)\b/gm) ?? [];
  return [...files, ...tables, ...meanings, ...backward, ...writers].join(", ");
}
