/**
 * Draws charts by Observable Plot as text of SVG. Plot is an optional peer, and so is linkedom, the document for
 * drawing outside of a page: both are loaded when the first chart is drawn.
 */
import type { PlotOptions } from "@observablehq/plot";
import { PenjingError } from "../base/errors.ts";
import { colours } from "./colours.ts";
import { escaped } from "./escape.ts";

type Plot = typeof import("@observablehq/plot");

/** An entry of a legend. */
export interface LegendEntry {
  name: string;
  colour: string;
}

const CLASS = "penjing-chart";
const TEXT = "color:var(--text);font:12px system-ui,sans-serif";
const STYLE = `${colours(`.${CLASS}`)}.${CLASS}{${TEXT};max-width:100%;height:auto}`;

/** Height of a line of legend. */
const LINE = 22;
/** The average width of a letter of a legend; and of its swatch with margins. */
const LETTER = 6.8;
const SWATCH = 32;

/** Draws a chart by Plot, with a legend above it, as a self-contained SVG. */
export async function chart(
  draw: (plot: Plot) => PlotOptions & { width: number },
  { title, legend = [] }: { title: string; legend?: readonly LegendEntry[] },
): Promise<string> {
  const plot = await loadPlot();
  const document = await documentToDrawIn();
  const options = draw(plot);
  const svg = plot.plot({ ...options, document, figure: false });
  // the remaining styles are Plot's own; sizes and fonts are in the style of the whole
  for (const style of svg.querySelectorAll("style")) style.remove();
  const [width, height] = ["width", "height"].map(name => Number(svg.getAttribute(name))) as [number, number];
  const { text, lines } = legendOf(legend, width);
  const above = lines * LINE;
  const inner = shortened(svg.innerHTML.replaceAll("&nbsp;", "&#160;"));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="${CLASS}" role="img" aria-label="${escaped(title)}"`,
    ` width="${width}" height="${height + above}" viewBox="0 0 ${width} ${height + above}" fill="currentColor">`,
    `<style>${STYLE}</style><rect width="100%" height="100%" fill="var(--ground)"/>${text}`,
    `<g transform="translate(0,${above})" text-anchor="middle">${inner}</g></svg>`,
  ].join("");
}

/** Rounds to hundredths of a pixel. */
const shortened = (svg: string): string =>
  svg.replace(/<[^>]*>/g, tag => tag.replace(/\d+\.\d{3,}/g, number => String(Number(Number(number).toFixed(2)))));

function legendOf(entries: readonly LegendEntry[], width: number): { text: string; lines: number } {
  if (!entries.length) return { text: "", lines: 0 };
  let [x, line] = [8, 0];
  const parts = entries.map(({ name, colour }) => {
    const wide = SWATCH + LETTER * name.length;
    if (x > 8 && x + wide > width) [x, line] = [8, line + 1];
    const y = line * LINE + 4;
    const swatch = `<rect x="${x}" y="${y}" width="12" height="12" rx="2" fill="${colour}"/>`;
    const part = `${swatch}<text x="${x + 18}" y="${y + 10}">${escaped(name)}</text>`;
    x += wide;
    return part;
  });
  return { text: parts.join(""), lines: line + 1 };
}

/** The page's document; elsewhere one of linkedom, imported by a name that bundlers for pages do not follow. */
async function documentToDrawIn(): Promise<Document> {
  if (globalThis.document) return globalThis.document;
  const name: string = "linkedom";
  const { parseHTML } = await peer(
    name,
    () => import(/* @vite-ignore */ /* webpackIgnore: true */ name) as Promise<typeof import("linkedom")>,
  );
  return parseHTML("<!doctype html><html></html>").document;
}

const loadPlot = (): Promise<Plot> => peer("@observablehq/plot", () => import("@observablehq/plot"));

/** Throws the error of a missing package now, before long work that ends with a chart. */
export async function checkPeers(): Promise<void> {
  await Promise.all([loadPlot(), documentToDrawIn()]);
}

async function peer<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const install = "npm install @observablehq/plot linkedom";
    const message = `charts are drawn by packages that are not installed with penjing: ${install}`;
    throw new PenjingError("missing", message, { path: name, cause });
  }
}
