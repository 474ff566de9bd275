/** What a run of compress.mjs leaves: rows of means, as JSON, as a table in Markdown, as a page and as a chart. */
import { renameSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { barChart, page } from "../../build/report.js";
import { NETWORKS } from "./networks.mjs";

const mean = numbers => numbers.reduce((a, b) => a + b, 0) / numbers.length;
const median = numbers => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

/** One row for each method of each network: means over the seeds, the median of times. */
export function rowsOf(runs) {
  const nameOf = ({ network, method }) => `${network}: ${method}`;
  const groups = [...new Set(runs.map(nameOf))].map(name => runs.filter(run => nameOf(run) === name));
  return groups.map(group => ({
    method: group[0].method,
    network: group[0].network,
    accuracy: mean(group.map(run => run.accuracy)),
    bytes: Math.round(mean(group.map(run => run.bytes))),
    micros: median(group.map(run => run.micros)),
    macs: Math.round(mean(group.map(run => run.macs))),
    baseline: mean(group.map(run => run.baseline)),
  }));
}

const grouped = count => String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, " ");
const percent = share => `${(100 * share).toFixed(2)} %`;
const points = ({ accuracy, baseline }) => {
  const difference = (100 * (accuracy - baseline)).toFixed(2);
  return difference.startsWith("-") ? difference : `+${difference}`;
};

const HEADS = ["method", "accuracy", "points", "bytes", "MACs", "us", "seeds", "epochs"];

/** Cells of the table of one network. */
function cellsOf({ rows, runs }, network) {
  return rows
    .filter(row => row.network === network)
    .map(row => {
      const own = runs.filter(run => run.network === network && run.method === row.method);
      const epochs = [...new Set(own.map(run => run.epochs))].join(", ");
      const { method, accuracy, bytes, macs, micros } = row;
      const numbers = [grouped(bytes), grouped(macs), micros.toPrecision(3), String(own.length), epochs];
      return [method, percent(accuracy), points(row), ...numbers];
    });
}

const networksOf = rows => Object.keys(NETWORKS).filter(name => rows.some(row => row.network === name));

/** Tables in Markdown, one for each network. */
export function tables(document) {
  const line = cells => `| ${cells.join(" | ")} |`;
  const rule = line(HEADS.map((_, i) => (i ? "--:" : "---")));
  return networksOf(document.rows)
    .map(name => [`## ${NETWORKS[name].title}`, "", line(HEADS), rule, ...cellsOf(document, name).map(line)].join("\n"))
    .join("\n\n");
}

/** Bars of one number of each row. */
const bars = (rows, title, label, value, format) =>
  barChart({
    title,
    names: rows.map(row => row.method),
    series: [{ name: label, values: rows.map(value) }],
    x: { label },
    format,
  });

/** Points of accuracy lost against the float network of the same seeds. */
const lossChart = (rows, network) =>
  bars(
    rows,
    `Accuracy that each method costs ${NETWORKS[network].title}`,
    "points of accuracy lost",
    row => 100 * (row.baseline - row.accuracy),
    value => value.toFixed(2),
  );

async function sectionOf(document, network) {
  const rows = document.rows.filter(row => row.network === network);
  const { title } = NETWORKS[network];
  return {
    title,
    blocks: [
      { table: { heads: HEADS, rows: cellsOf(document, network) } },
      { svg: await lossChart(rows, network), caption: "Against the float network of the same seeds; less is better." },
      { svg: await bars(rows, `Bytes of each file of ${title}`, "bytes of the file", row => row.bytes, grouped) },
      { svg: await bars(rows, `MACs of ${title}`, "multiply-accumulates of an image", row => row.macs, grouped) },
      {
        svg: await bars(
          rows,
          `Time of ${title}`,
          "microseconds of an image",
          row => row.micros,
          v => v.toPrecision(3),
        ),
      },
    ],
  };
}

const distinct = (runs, key) => [...new Set(runs.map(run => run[key]))];

function notesOf({ runs }) {
  const loads = runs.map(run => run.load);
  const where = distinct(runs, "machine").join("; ");
  const commands = distinct(runs, "command").map(command => `\`${command}\``);
  return [
    `${where}; one thread. Times are medians of one \`predict\` of one image, taken while the machine had a load of ${Math.min(...loads)} to ${Math.max(...loads)}: they are comparable within this page only, and on a busy machine roughly.`,
    `Accuracies are of the 10 000 test images, which each network saw once. Recipes were chosen on 10 000 of the training images; the networks are trained on the other 50 000. Numbers are means over the seeds. \`points\` is the difference to the float network of the same seeds; \`epochs\` counts the training of the float network too.`,
    `Commands: ${commands.join(", ")}.`,
  ];
}

/** Writes `path`.json, .md, .html and a chart of each network, `path`-network.svg. */
export async function writeReport(path, document) {
  const names = networksOf(document.rows);
  const notes = notesOf(document);
  const title = "What compression costs, and what it saves";
  for (const name of names) {
    const rows = document.rows.filter(row => row.network === name);
    write(`${path}-${name}.svg`, `${await lossChart(rows, name)}\n`);
  }
  const pictures = names.map(
    name => `![Points of accuracy lost, ${NETWORKS[name].title}](${basename(path)}-${name}.svg)`,
  );
  const text = [`# ${title}`, ...notes, tables(document), ...pictures];
  write(`${path}.md`, `${text.join("\n\n")}\n`);
  const [times, accuracies, command] = notes.map(note => note.replaceAll("`", ""));
  const sections = await Promise.all(names.map(name => sectionOf(document, name)));
  sections.push({ title: "How it was measured", blocks: [times, accuracies, command].map(text => ({ text })) });
  write(`${path}.html`, page({ title, summary: "Each row beside the float network of the same seeds.", sections }));
  write(`${path}.json`, `${JSON.stringify(document, undefined, 2)}\n`);
}

/** Writes a file whole: an abort leaves the one before. */
function write(path, text) {
  writeFileSync(`${path}.part`, text);
  renameSync(`${path}.part`, path);
}
