/**
 * `penjing/report`: pages and pictures for people. A page is one HTML file with styles and pictures inside, a picture
 * one SVG; both follow light and dark, and print. Charts are drawn by Observable Plot, an optional peer:
 * `npm install @observablehq/plot linkedom` (in a page, without linkedom).
 */
export {
  type BarChartOptions,
  barChart,
  type ChartAxis,
  type LineChartOptions,
  lineChart,
  type Series,
} from "./charts.ts";
export { comparisonPage } from "./comparison-page.ts";
export { type ModelPageOptions, modelPage } from "./model-page.ts";
export type { PageOptions } from "./options.ts";
export { type Page, type PageBlock, type PageCell, type PageSection, type PageTable, page } from "./page.ts";
export { sensitivityChart, sensitivityPage } from "./sensitivity-page.ts";
