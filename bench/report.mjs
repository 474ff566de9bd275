/** Reports a run of peers.mjs as a table, as Markdown, and as a chart. */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { basename } from "node:path";

const number = value => (value === undefined ? "" : value >= 100 ? value.toFixed(0) : value.toPrecision(3));

/** All names of peers, in order of appearance. */
const peersOf = rows => [...new Set(rows.flatMap(row => Object.keys(row.peers)))];

export function table({ engine, variant, rows }) {
  const peers = peersOf(rows);
  const head = ["network", "batch", "penjing", ...peers, "ratio"];
  const cells = rows.map(row => [
    row.network,
    String(row.batch),
    number(row.ours),
    ...peers.map(peer => number(row.peers[peer])),
    `${row.bestRatio.toFixed(2)}x`,
  ]);
  const line = list => `| ${list.join(" | ")} |`;
  const rule = line(head.map((_, i) => (i === 0 ? "---" : "---:")));
  return [`${engine}, ${variant} kernels; us per image`, "", line(head), rule, ...cells.map(line)].join("\n");
}

/** Writes `path`.md, `path`.svg and `path`.json. */
export function writeReport(path, document) {
  const { rows } = document;
  writeFileSync(`${path}.json`, `${JSON.stringify(document, undefined, 2)}\n`);
  writeFileSync(`${path}.svg`, chart(rows));
  const method = "The least of many loops that take turns in one process";
  const text = [
    `# penjing beside other runtimes: ${document.engine}`,
    "",
    `${cpus()[0].model}; one thread. ${method}; \`ratio\`: the fastest rival for Node or the web over penjing.`,
    "`litert-native` and `openvino` ran natively, from Python, just before.",
    "",
    table(document),
    "",
    `![times relative to penjing](${basename(path)}.svg)`,
    "",
    "Medians of the same loops:",
    "",
    table({ ...document, rows: rows.map(withMedians) }),
    "",
  ];
  writeFileSync(`${path}.md`, text.join("\n"));
}

function withMedians(row) {
  const { penjing: ours, ...peers } = row.medians;
  return { ...row, ours, peers, bestRatio: Math.min(...Object.values(peers)) / ours };
}

const BAR = 14;
const LEFT = 190;
const RIGHT = 70;
const WIDTH = 760;

/** Horizontal bars: the time of each relative to penjing, on a logarithmic scale from 1/4 to the slowest. */
export function chart(rows) {
  const ratios = rows.flatMap(({ ours, peers }) => Object.values(peers).map(value => value / ours));
  const low = Math.min(0.25, ...ratios) / 1.1;
  const high = Math.max(2, ...ratios);
  const x = ratio => LEFT + ((WIDTH - LEFT - RIGHT) * Math.log(ratio / low)) / Math.log(high / low);
  const parts = [];
  let y = 8;
  for (const { network, batch, ours, peers } of rows) {
    parts.push(`<text x="8" y="${y + 12}" font-weight="bold">${network}, batch ${batch}: ${number(ours)} us</text>`);
    y += BAR + 6;
    for (const [name, value] of Object.entries(peers)) {
      const ratio = value / ours;
      const [from, to] = [Math.min(x(1), x(ratio)), Math.max(x(1), x(ratio))];
      const bar = `width="${(to - from).toFixed(1)}" height="${BAR - 2}" fill="${ratio < 1 ? "#c60" : "#37a"}"`;
      parts.push(
        `<text x="${LEFT - 8}" y="${y + 11}" text-anchor="end">${name}</text>`,
        `<rect x="${from.toFixed(1)}" y="${y}" ${bar}/>`,
        `<text x="${(to + 4).toFixed(1)}" y="${y + 11}">${ratio.toFixed(2)}x</text>`,
      );
      y += BAR;
    }
    y += 10;
  }
  const axis = `<line x1="${x(1).toFixed(1)}" x2="${x(1).toFixed(1)}" y1="8" y2="${y}" stroke="#888"/>`;
  const size = `width="${WIDTH}" height="${y + 20}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="#fff"/>
${parts.join("\n")}
${axis}
<text x="${LEFT}" y="${y + 14}">time of each, as a multiple of penjing's (logarithmic; right of the line: slower)</text>
</svg>
`;
}
