// Packs WebAssembly modules into the text that is embedded in the JavaScript; assembly/boot.ts unpacks it.
// docs/packing.md says why.
import { compress } from "lzma1";

/** lc = 3, lp = 0, pb = 2, as in assembly/boot.ts: (pb * 5 + lp) * 9 + lc. */
const LZMA_PROPERTIES = 93;
/** Properties, size of the dictionary, unpacked size. */
const LZMA_HEADER = 1 + 4 + 8;
/**
 * The characters for six bits: the most frequent ones of minified JavaScript, so that one table of frequencies suits
 * both in the blocks of gzip (measured: 0.3 kB less than with base64). None ends a string, begins a tag, or begins a
 * placeholder of a template.
 */
const ALPHABET = "et,nrsa.()io= h0l:ufp}cd;1m2ywgb[]>4&xv3?#8!*k6+_z|7M-EA5q/RIPNS";
const PAGE = 65536;
const EXPORT = 7;

/**
 * Packs modules, each of which resembles those before it, as one stream of LZMA that can be cut after any of them. Of
 * their exports only `exported` are kept. Returns for each its `text`, which continues the text of the one before, and
 * its place in the unpacked stream, `from` to `to`.
 */
export function pack(boot, modules, exported) {
  const stripped = modules.map(module => withExports(module, exported));
  const [properties, ...rest] = compress(Buffer.concat(stripped), 9);
  if (properties !== LZMA_PROPERTIES)
    throw new Error(`LZMA with properties ${properties}, which boot.ts does not know`);
  const stream = Buffer.from(rest).subarray(LZMA_HEADER - 1);

  let to = 0;
  let cut = 0;
  return stripped.map(module => {
    const from = to;
    to += module.length;
    // whole groups of three bytes are whole groups of four characters, so that texts can be joined
    const begin = cut;
    cut = Math.ceil(streamLength(boot, stream, to) / 3) * 3;
    const part = Buffer.alloc(cut - begin);
    stream.copy(part, 0, begin, cut);
    return { text: (begin ? "" : ALPHABET) + sixBits(part), from, to };
  });
}

/** Encodes whole groups of three bytes in characters of the alphabet. */
function sixBits(bytes) {
  const characters = [];
  for (let at = 0; at < bytes.length; at += 3)
    for (const shift of [18, 12, 6, 0]) characters.push(ALPHABET[(bytes.readUIntBE(at, 3) >> shift) & 63]);
  return characters.join("");
}

/** The number of bytes of a stream that decode to its first `bytes` bytes. */
function streamLength(boot, stream, bytes) {
  const memory = new WebAssembly.Memory({ initial: Math.ceil((PAGE + stream.length + bytes) / PAGE) });
  new Uint8Array(memory.buffer).set(stream, PAGE);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(boot), { env: { memory } });
  return exports.unpack(PAGE, PAGE + stream.length, bytes) - PAGE;
}

/** The module without other exports than these names. */
function withExports(module, names) {
  const reader = new Reader(module);
  const parts = [reader.bytes(8)];
  while (!reader.done) {
    const [id] = reader.bytes(1);
    const section = reader.bytes(reader.number());
    const kept = id === EXPORT ? exportsOf(new Reader(section), names) : section;
    parts.push(Buffer.from([id, ...number(kept.length)]), Buffer.from(kept));
  }
  return Buffer.concat(parts);
}

/** An export section without other names than these. */
function exportsOf(section, names) {
  const kept = [];
  for (let n = section.number(); n > 0; n--) {
    const name = section.bytes(section.number());
    const what = [...section.bytes(1), ...number(section.number())];
    if (names.includes(name.toString())) kept.push([...number(name.length), ...name, ...what]);
  }
  return [...number(kept.length), ...kept.flat()];
}

class Reader {
  #at = 0;
  #bytes;

  constructor(bytes) {
    this.#bytes = bytes;
  }

  get done() {
    return this.#at >= this.#bytes.length;
  }

  bytes(n) {
    this.#at += n;
    return this.#bytes.subarray(this.#at - n, this.#at);
  }

  /** LEB128: seven bits a byte, lowest first. */
  number() {
    let value = 0;
    for (let shift = 0, byte = 128; byte > 127; shift += 7) {
      byte = this.#bytes[this.#at++];
      value |= (byte & 127) << shift;
    }
    return value >>> 0;
  }
}

function number(value) {
  return value > 127 ? [(value & 127) | 128, ...number(value >>> 7)] : [value];
}
