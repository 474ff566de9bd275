/** Self-contained pages: one file with its styles and pictures, and no script. */
import { colours } from "./colours.ts";
import { escaped } from "./escape.ts";
import { grouped } from "./numbers.ts";

/** Numbers are aligned to the right, also as a text: "98.5 %". Undefined leaves the cell empty. */
export type PageCell = string | number | undefined;

export interface PageTable {
  readonly heads: readonly string[];
  readonly rows: readonly (readonly PageCell[])[];
  /** The intensity of a cell's tint, 0 .. 1; undefined: none. */
  readonly shade?: (row: number, column: number) => number | undefined;
}

/** A block of a section. */
export type PageBlock =
  | { readonly text: string }
  /** Figures are names and values, shown large. */
  | { readonly figures: readonly (readonly [name: string, value: string])[] }
  | { readonly table: PageTable }
  /** A chart of this library. */
  | { readonly svg: string; readonly caption?: string };

export interface PageSection {
  /** Default: none, for the section right below the summary. */
  readonly title?: string;
  readonly blocks: readonly PageBlock[];
}

export interface Page {
  readonly title: string;
  /** A sentence or two below the title. */
  readonly summary?: string;
  readonly sections: readonly PageSection[];
}

const STYLE = `
${colours(":root")}
:root{color-scheme:light dark}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:800px;margin:0 auto;padding:32px 24px}
h1{font-size:28px;line-height:1.2;margin:0 0 8px;overflow-wrap:anywhere}
h2{font-size:19px;margin:36px 0 12px;padding-bottom:6px;border-bottom:1px solid var(--rule);overflow-wrap:anywhere}
p{margin:0 0 12px;max-width:68ch;overflow-wrap:anywhere}
.summary{color:var(--quiet);font-size:16px;margin-bottom:24px}
.figures{display:flex;flex-wrap:wrap;gap:12px;margin:0 0 16px}
.figures div{background:var(--tint);border:1px solid var(--rule);border-radius:8px;padding:10px 16px;min-width:124px}
.figures dt{color:var(--quiet);font-size:13px}
.figures dd{margin:0;font-size:20px;font-weight:600;font-variant-numeric:tabular-nums}
.wide{overflow-x:auto;margin:0 0 16px}
table{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums}
th,td{padding:5px 10px 5px 0;text-align:left;border-bottom:1px solid var(--rule);white-space:nowrap}
th{color:var(--quiet);font-weight:600}
td+td,th+th{padding-left:10px}
.number{text-align:right}
figure{margin:0 0 20px}
figure svg{display:block}
figcaption{color:var(--quiet);font-size:13px}
footer{margin-top:40px;color:var(--quiet);font-size:13px}
@media print{
main{max-width:none;padding:0}
body{font-size:11pt}
h2{break-after:avoid}
figure,tr,.figures{break-inside:avoid}
thead{display:table-header-group}
.wide{overflow:visible}
table{font-size:9.5pt}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}
}
@page{margin:16mm}
`;

/** No page can load or run anything, whatever its texts contain. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'";

/**
 * Makes the text of an HTML file. All texts are escaped; pictures are included unchanged. It follows the reader's
 * choice of light or dark mode, and prints.
 */
export function page({ title, summary, sections }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escaped(title)}</h1>
${summary === undefined ? "" : `<p class="summary">${escaped(summary)}</p>\n`}${sections.map(section).join("\n")}
<footer>Written by penjing.</footer>
</main>
</body>
</html>
`;
}

function section({ title, blocks }: PageSection): string {
  const heading = title === undefined ? "" : `<h2>${escaped(title)}</h2>\n`;
  return `<section>\n${heading}${blocks.map(block).join("\n")}\n</section>`;
}

function block(of: PageBlock): string {
  if ("text" in of) return `<p>${escaped(of.text)}</p>`;
  if ("table" in of) return table(of.table);
  if ("figures" in of) {
    const figures = of.figures.map(([name, value]) => `<div><dt>${escaped(name)}</dt><dd>${escaped(value)}</dd></div>`);
    return `<dl class="figures">${figures.join("")}</dl>`;
  }
  const caption = of.caption === undefined ? "" : `<figcaption>${escaped(of.caption)}</figcaption>`;
  return `<figure>${of.svg}${caption}</figure>`;
}

const NUMERIC = /^-?\d[\d,]*(\.\d+)?(e-?\d+)?( ?%| dB|x)?$/;

function table({ heads, rows, shade }: PageTable): string {
  const numbers = heads.map((_, column) => {
    const cells = rows.map(row => row[column]).filter(cell => cell !== undefined);
    return cells.length > 0 && cells.every(cell => NUMERIC.test(String(cell)));
  });
  const kind = (column: number) => (numbers[column] ? ' class="number"' : "");
  const head = heads.map((text, column) => `<th scope="col"${kind(column)}>${escaped(text)}</th>`).join("");
  const body = rows.map((row, r) => {
    const cells = row.map((cell, column) => {
      const share = shade?.(r, column);
      const tint = share === undefined ? "" : ` style="background:${tinted(share)}"`;
      return `<td${kind(column)}${tint}>${cell === undefined ? "" : escaped(shown(cell))}</td>`;
    });
    return `<tr>${cells.join("")}</tr>`;
  });
  return `<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>${body.join("\n")}</tbody></table></div>`;
}

const tinted = (share: number): string => {
  const percent = Math.floor(60 * Math.max(0, Math.min(1, share)));
  return `color-mix(in srgb,var(--series-2) ${percent}%,transparent)`;
};

const shown = (cell: string | number): string => (typeof cell === "number" ? grouped(cell) : cell);
