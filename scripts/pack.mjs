// WebAssembly modules -> the text that the JavaScript carries. assembly/boot.ts is the way back, and says what columns are.
import { compress } from "lzma1";

/** lc = 3, lp = 0, pb = 2, as assembly/boot.ts has it: (pb * 5 + lp) * 9 + lc. */
const LZMA_PROPERTIES = 93;
/** Properties, size of the dictionary, size of what is packed. */
const LZMA_HEADER = 1 + 4 + 8;
const PAGE = 65536;

const EXPORT = 7;
const CODE = 10;

/**
 * Modules in a row, each resembling those before it, as one stream of LZMA that can be cut after any of them. Of what they export only
 * `exported` is kept. For each: its `text`, which goes on where the text of the one before ends; where its columns lie in what is packed,
 * `from` to `to`; and the `bytes` of the module they make.
 */
export function pack(boot, modules, exported) {
  const told = modules.map(module => columnsOf(module, exported));
  const content = Buffer.concat(told.map(({ columns }) => columns));
  const [properties, ...rest] = compress(content, 9);
  if (properties !== LZMA_PROPERTIES)
    throw new Error(`LZMA with properties ${properties}, which boot.ts does not know`);
  const stream = Buffer.from(rest).subarray(LZMA_HEADER - 1);

  let to = 0;
  let cut = 0;
  return told.map(({ columns, bytes }) => {
    const from = to;
    to += columns.length;
    // whole groups of three bytes are whole groups of characters of base64, so that texts can be joined
    const begin = cut;
    cut = Math.ceil(streamLength(boot, stream, to) / 3) * 3;
    const part = Buffer.alloc(cut - begin);
    stream.copy(part, 0, begin, cut);
    return { text: part.toString("base64"), from, to, bytes };
  });
}

/** How much of a stream tells the first `bytes` bytes of what it holds. */
function streamLength(boot, stream, bytes) {
  const memory = new WebAssembly.Memory({ initial: Math.ceil((PAGE + stream.length + bytes) / PAGE) });
  new Uint8Array(memory.buffer).set(stream, PAGE);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(boot), { env: { memory } });
  return exports.unpack(PAGE, PAGE + stream.length, bytes) - PAGE;
}

/** A module told by columns, and the size of the module that these make. */
function columnsOf(module, exported) {
  const reader = new Reader(module);
  const columns = { head: [], locals: [], opcodes: [], gets: [], sets: [], addresses: [], vectors: [], rest: [] };
  columns.head.push(...reader.bytes(8));
  let bytes = 0;
  while (!reader.done) {
    const [id] = reader.bytes(1);
    const section = new Reader(reader.bytes(reader.number().value));
    if (id === CODE) {
      const count = section.number();
      const bodies = [];
      while (!section.done) bodies.push(new Reader(section.bytes(section.number().value)));
      for (const body of bodies) bytes += 3 + functionInto(columns, body);
      columns.head.push(CODE, ...threeBytes(count.bytes.length + bytes), ...count.bytes);
    } else {
      const kept = id === EXPORT ? exportsOf(section, exported) : [...section.left];
      columns.head.push(id, ...number(kept.length), ...kept);
    }
  }
  const all = Object.values(columns);
  const sizes = Buffer.alloc(4 * all.length);
  all.forEach((column, i) => sizes.writeUInt32LE(column.length, 4 * i));
  return {
    columns: Buffer.concat([sizes, ...all.map(column => Buffer.from(column))]),
    bytes: columns.head.length + bytes,
  };
}

/** Only the exports of these names. */
function exportsOf(section, names) {
  const kept = [];
  for (let n = section.number().value; n > 0; n--) {
    const name = section.bytes(section.number().value);
    const what = [...section.bytes(1), ...section.number().bytes];
    if (names.includes(name.toString())) kept.push([...number(name.length), ...name, ...what]);
  }
  return [...number(kept.length), ...kept.flat()];
}

/** Appends a function to the columns; gives the size it will have. */
function functionInto(columns, body) {
  const size = body.left.length;
  const groups = body.number();
  columns.locals.push(...groups.bytes);
  for (let i = 0; i < groups.value; i++) columns.locals.push(...body.number().bytes, ...body.bytes(1));
  const recent = Array.from({ length: 4096 }, (_, local) => local);
  while (!body.done) {
    const [op] = body.bytes(1);
    columns.opcodes.push(op);
    const numbers = (n, column = columns.rest) => {
      for (let i = 0; i < n; i++) column.push(...body.number().bytes);
    };
    const others = (n, column = columns.rest) => column.push(...body.bytes(n));
    if (op >= 0x20 && op <= 0x22) {
      const { value: local, bytes } = body.number();
      if (number(local).length !== bytes.length) throw new Error("a local is told by more bytes than it needs");
      const place = recent.indexOf(local);
      recent.unshift(...recent.splice(place, 1));
      (op === 0x20 ? columns.gets : columns.sets).push(...number(place));
    } else if (op === 0x0e) {
      const targets = body.number();
      columns.rest.push(...targets.bytes);
      numbers(targets.value + 1);
    } else if (op >= 0x28 && op <= 0x3e) numbers(2, columns.addresses);
    else if (op === 0xfc || op === 0xfd) {
      const more = body.number();
      columns.opcodes.push(...more.bytes);
      if (op === 0xfc) numbers(more.value >= 10 ? 12 - more.value : 0);
      else if (more.value < 12 || (more.value >= 84 && more.value < 94)) {
        numbers(2, columns.addresses);
        if (more.value < 92 && more.value > 83) others(1, columns.addresses);
      } else if (more.value < 14) others(16, columns.vectors);
      else if (more.value > 20 && more.value < 35) others(1);
    } else if (op >= 0x02 && op <= 0x04) others(1);
    else if (op === 0x0c || op === 0x0d || op === 0x10 || (op >= 0x3f && op <= 0x42)) numbers(1);
    else if (op === 0x43 || op === 0x44) others(op === 0x43 ? 4 : 8);
  }
  return size;
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

  get left() {
    return this.#bytes.subarray(this.#at);
  }

  bytes(n) {
    this.#at += n;
    return this.#bytes.subarray(this.#at - n, this.#at);
  }

  /** A number as it stands, seven bits a byte. */
  number() {
    const from = this.#at;
    let value = 0;
    for (let shift = 0, byte = 128; byte > 127; shift += 7) {
      byte = this.#bytes[this.#at++];
      value |= (byte & 127) << shift;
    }
    return { value: value >>> 0, bytes: this.#bytes.subarray(from, this.#at) };
  }
}

function number(value) {
  return value > 127 ? [(value & 127) | 128, ...number(value >>> 7)] : [value];
}

function threeBytes(value) {
  return [(value & 127) | 128, ((value >>> 7) & 127) | 128, value >>> 14];
}
