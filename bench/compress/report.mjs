/** What a run of compress.mjs leaves: rows of means, as JSON, as a table in Markdown, as a page and as a chart. */
import { renameSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { barChart, page } from "../../build/report.js";
import { NETWORKS } from "./networks.mjs";
import { rowName } from "./runs.mjs";

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

/** Cells of the table of one network; bytes and MACs are numbers. */
function cellsOf({ rows, runs }, network) {
  return rows
    .filter(row => row.network === network)
    .map(row => {
      const own = runs.filter(run => run.network === network && run.method === row.method);
      const epochs = distinct(own, "epochs").join(", ");
      const { method, accuracy, bytes, macs, micros } = row;
      return [method, percent(accuracy), points(row), bytes, macs, micros.toPrecision(3), String(own.length), epochs];
    });
}

const networksOf = rows => Object.keys(NETWORKS).filter(name => rows.some(row => row.network === name));

/** Tables in Markdown, one for each network. */
export function tables(document) {
  const line = cells => `| ${cells.map(cell => (typeof cell === "number" ? grouped(cell) : cell)).join(" | ")} |`;
  const rule = line(HEADS.map((_, i) => (i ? "--:" : "---")));
  return networksOf(document.rows)
    .map(name => [`## ${NETWORKS[name].title}`, "", line(HEADS), rule, ...cellsOf(document, name).map(line)].join("\n"))
    .join("\n\n");
}

/** Bars of one number of each method: as float network, and in int8. Rows that are not done yet are left out. */
function bars(rows, title, label, value, format, forms = ["float", "int8"]) {
  const has = new Map(rows.map(row => [row.method, value(row)]));
  const methods = rows.map(row => row.method).filter(name => !/, int8( dynamic)?$/.test(name));
  const names = methods.filter(name => forms.every(form => has.has(rowName(name, form))));
  if (!names.length && forms.length > 1) return bars(rows, title, label, value, format, ["float"]);
  const series = forms.map(form => ({ name: form, values: names.map(name => has.get(rowName(name, form))) }));
  return barChart({ title, names, series, x: { label }, format });
}

/** Points of accuracy lost against the float network of the same seeds. */
const lossChart = (rows, network) =>
  bars(
    rows,
    `Points of accuracy that each method costs, ${NETWORKS[network].title}`,
    "points of accuracy lost",
    row => 100 * (row.baseline - row.accuracy),
    value => value.toFixed(2),
  );

async function sectionOf(document, network, loss) {
  const rows = document.rows.filter(row => row.network === network);
  const { title } = NETWORKS[network];
  const charts = [
    await bars(rows, `Bytes of each file, ${title}`, "bytes of the file", row => row.bytes, grouped),
    await bars(
      rows,
      `Time of an image, ${title}`,
      "microseconds of an image",
      row => row.micros,
      v => v.toPrecision(3),
    ),
    await bars(rows, `MACs of an image, ${title}`, "multiply-accumulates", row => row.macs, grouped, ["float"]),
  ];
  return {
    title,
    blocks: [
      { table: { heads: HEADS, rows: cellsOf(document, network) } },
      { svg: loss, caption: "Against the float network of the same seeds; less is better." },
      ...charts.map(svg => ({ svg })),
    ],
  };
}

const distinct = (runs, key) => [...new Set(runs.map(run => run[key]))];

function notesOf({ runs }) {
  const loads = runs.map(run => run.load);
  const where = distinct(runs, "machine").join("; ");
  const commands = distinct(runs, "command").map(command => `\`${command}\``);
  const short = runs.filter(run => run.share < 1);
  const shortened = distinct(short, "network").map(name => NETWORKS[name].title);
  return [
    `${where}; one thread. Times are medians of one \`predict\` of one image, taken while the machine had a load of ${Math.min(...loads)} to ${Math.max(...loads)}: they are comparable within this page only, and on a busy machine roughly.`,
    `Accuracies are of the test images, which each network saw once. Recipes were chosen on 10 000 of the training images; the networks are trained on ${distinct(runs, "images").map(grouped).join(" or ")} others. Numbers are means over the seeds. \`points\` is the difference to the float network of the same seeds; \`epochs\` counts the training of the float network too.`,
    ...(short.length
      ? [
          `${shortened.join(" and ")}: trained for less than the recipes ask (\`--epochs\`), the float network too. A method that trains further can then gain more than it costs, which says little about the method.`,
        ]
      : []),
    `Commands: ${commands.join(", ")}.`,
  ];
}

/** Writes `path`.json, .md, .html and a chart of each network, `path`-network.svg. */
export async function writeReport(path, document) {
  const title = "What compression costs, and what it saves";
  const notes = notesOf(document);
  const sections = [];
  const pictures = [];
  for (const name of networksOf(document.rows)) {
    const rows = document.rows.filter(row => row.network === name);
    const loss = await lossChart(rows, name);
    write(`${path}-${name}.svg`, `${loss}\n`);
    pictures.push(`![Points of accuracy lost, ${NETWORKS[name].title}](${basename(path)}-${name}.svg)`);
    sections.push(await sectionOf(document, name, loss));
  }
  write(`${path}.md`, `${[`# ${title}`, ...notes, tables(document), ...pictures].join("\n\n")}\n`);
  const measured = notes.map(note => ({ text: note.replaceAll("`", "") }));
  sections.push({ title: "How it was measured", blocks: measured });
  write(`${path}.html`, page({ title, summary: "Each row beside the float network of the same seeds.", sections }));
  write(`${path}.json`, `${JSON.stringify(document, undefined, 2)}\n`);
}

/** Writes a file whole: an abort leaves the one before. */
function write(path, text) {
  writeFileSync(`${path}.part`, text);
  renameSync(`${path}.part`, path);
}
