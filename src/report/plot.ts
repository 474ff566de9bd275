/**
 * Charts drawn by Observable Plot as text of SVG. Plot is an optional peer, and so is linkedom, the document it draws
 * into where there is no page: both are loaded when the first chart is drawn.
 */
import type { PlotOptions } from "@observablehq/plot";
import { PenjingError } from "../base/errors.ts";
import { colours } from "./colours.ts";
import { escaped } from "./escape.ts";

type Plot = typeof import("@observablehq/plot");

/** One entry of a legend. */
export interface LegendEntry {
  name: string;
  colour: string;
}

const CLASS = "penjing-chart";
const STYLE = `${colours(`.${CLASS}`)}.${CLASS}{color:var(--text);font:12px system-ui,sans-serif;max-width:100%;height:auto}`;

/** Height of a line of legend. */
const LINE = 22;
/** What a letter of a legend takes, on average, and its swatch with the space around. */
const LETTER = 6.8;
const SWATCH = 32;

/** What Plot draws with these options, with a legend above it, as an SVG that needs nothing else. */
export async function chart(
  draw: (plot: Plot) => PlotOptions & { width: number },
  { title, legend = [] }: { title: string; legend?: readonly LegendEntry[] },
): Promise<string> {
  const plot = await peer("@observablehq/plot", () => import("@observablehq/plot"));
  const document = await documentToDrawIn();
  const options = draw(plot);
  const svg = plot.plot({ ...options, document, figure: false });
  // what is left of styles is Plot's own: sizes and fonts stand in the style of the whole
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

/** Hundredths of a pixel are enough. */
const shortened = (svg: string): string =>
  svg.replace(/<[^>]*>/g, tag => tag.replace(/\d+\.\d{3,}/g, number => String(Number(Number(number).toFixed(2)))));

function legendOf(entries: readonly LegendEntry[], width: number): { text: string; lines: number } {
  if (!entries.length) return { text: "", lines: 0 };
  let [x, line] = [8, 0];
  const parts = entries.map(({ name, colour }) => {
    const wide = SWATCH + LETTER * name.length;
    if (x > 8 && x + wide > width) [x, line] = [8, line + 1];
    const y = line * LINE + 4;
    const part = `<rect x="${x}" y="${y}" width="12" height="12" rx="2" fill="${colour}"/><text x="${x + 18}" y="${y + 10}">${escaped(name)}</text>`;
    x += wide;
    return part;
  });
  return { text: parts.join(""), lines: line + 1 };
}

/** The page's document; elsewhere one of linkedom, whose name no bundler for pages should follow. */
async function documentToDrawIn(): Promise<Document> {
  if (globalThis.document) return globalThis.document;
  const name: string = "linkedom";
  const { parseHTML } = await peer(name, () => import(name) as Promise<typeof import("linkedom")>);
  return parseHTML("<!doctype html><html></html>").document;
}

async function peer<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const message = `charts are drawn by packages that are not installed with penjing: npm install @observablehq/plot linkedom`;
    throw new PenjingError("missing", message, { path: name, cause });
  }
}
