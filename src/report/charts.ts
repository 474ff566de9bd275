/** Charts of pages, each as the text of an SVG that follows light and dark mode and prints. */
import { printable } from "../base/printable.ts";
import { seriesColour } from "./colours.ts";
import { chart } from "./plot.ts";

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** A numeric axis. */
export interface ChartAxis {
  readonly label: string;
  /** Numbers are fractions, shown in percent. */
  readonly percent?: boolean;
}

export interface LineChartOptions {
  /** A description of the chart, for screen readers. */
  readonly title: string;
  readonly x: ChartAxis & {
    /** Values in order, at equal distances. Default: a linear scale. */
    readonly values?: readonly number[];
  };
  readonly y: ChartAxis;
  readonly series: readonly Series[];
  /** A reference value for all series, drawn as a dashed horizontal line. */
  readonly reference?: number;
  /** A panel per series instead of one for all. Default: with more than six series. */
  readonly panels?: boolean;
}

const WIDTH = 752;
const COLUMNS = 4;

/** Draws lines through points. */
export async function lineChart(options: LineChartOptions): Promise<string> {
  const { series, panels = series.length > 6 } = options;
  return panels ? panelChart(options) : oneChart(options);
}

interface Point {
  x: number;
  y: number;
  i: number;
}

const pointsOf = (series: readonly Series[]): Point[] =>
  series.flatMap(({ points }, i) => points.map(([x, y]) => ({ x, y, i })));

const labelOf = ({ label, percent }: ChartAxis): string => printable(percent ? `${label}, %` : label);

/** Truncates a name to `letters` letters. */
const short = (name: string, letters: number): string => {
  const shown = printable(name);
  return shown.length > letters ? `${shown.slice(0, letters - 1)}…` : shown;
};

/** The text of a tick: 1500 is 1.5k. */
const tick = (value: number): string =>
  Math.abs(value) >= 1e6 ? `${value / 1e6}M` : Math.abs(value) >= 1e3 ? `${value / 1e3}k` : String(value);

const scales = ({ x, y }: LineChartOptions) => ({
  x: {
    label: labelOf(x),
    ...(x.percent && { percent: true }),
    ...(x.values && { type: "point" as const, domain: x.percent ? x.values.map(v => 100 * v) : [...x.values] }),
  },
  y: { label: labelOf(y), grid: true, nice: true, ...(y.percent && { percent: true }) },
});

function oneChart(options: LineChartOptions): Promise<string> {
  const { title, series, reference } = options;
  const data = pointsOf(series);
  const colour = (point: Point) => seriesColour(point.i);
  const legend = series.length > 1 ? series.map(({ name }, i) => ({ name, colour: seriesColour(i) })) : [];
  return chart(
    plot => ({
      width: WIDTH,
      height: 340,
      marginLeft: 56,
      marginBottom: 46,
      ...scales(options),
      color: { type: "identity" },
      marks: [
        ...(reference === undefined
          ? []
          : [plot.ruleY([reference], { stroke: "var(--quiet)", strokeDasharray: "5 4" })]),
        plot.lineY(data, { x: "x", y: "y", z: "i", stroke: colour, strokeWidth: 2 }),
        plot.dot(data, { x: "x", y: "y", fill: colour, r: 3 }),
      ],
    }),
    { title, legend },
  );
}

function panelChart(options: LineChartOptions): Promise<string> {
  const { title, series, reference } = options;
  const columns = Math.min(COLUMNS, series.length);
  const rows = Math.ceil(series.length / columns);
  const [fx, fy] = [(p: { i: number }) => p.i % columns, (p: { i: number }) => Math.floor(p.i / columns)];
  const data = pointsOf(series);
  const names = series.map(({ name }, i) => ({ i, name: short(name, 24) }));
  return chart(
    plot => ({
      width: WIDTH,
      height: 76 + 120 * rows,
      marginLeft: 48,
      marginBottom: 46,
      marginTop: 40,
      ...scales(options),
      fx: { axis: null, padding: 0.12 },
      fy: { axis: null, padding: 0.28 },
      marks: [
        plot.frame({ stroke: "var(--rule)" }),
        ...(reference === undefined
          ? []
          : [plot.ruleY([reference], { stroke: "var(--quiet)", strokeDasharray: "5 4" })]),
        plot.lineY(data, { x: "x", y: "y", z: "i", fx, fy, stroke: seriesColour(0), strokeWidth: 2 }),
        plot.dot(data, { x: "x", y: "y", fx, fy, fill: seriesColour(0), r: 2.5 }),
        plot.text(names, { text: "name", fx, fy, frameAnchor: "top-left", dy: -14, fontWeight: 600 }),
      ],
    }),
    { title },
  );
}

export interface BarChartOptions {
  readonly title: string;
  /** The names along the left side, from top to bottom. */
  readonly names: readonly string[];
  /** A number per name; several series are drawn side by side. */
  readonly series: readonly { readonly name: string; readonly values: readonly number[] }[];
  readonly x: ChartAxis;
  /** Formats the number at the end of its bar. Default: unchanged, or in percent. */
  readonly format?: (value: number) => string;
}

/** Horizontal bars, with their numbers. */
export function barChart({ title, names, series, x, format }: BarChartOptions): Promise<string> {
  const write = format ?? (x.percent ? (v: number) => `${(100 * v).toFixed(1)} %` : String);
  // names need not differ
  const bars = names.flatMap((_, row) =>
    series.map(({ values }, i) => ({ row, i, value: values[row]!, text: printable(write(values[row]!)) })),
  );
  const shown = names.map(name => short(name, 28));
  const left = 18 + 6.9 * Math.max(...shown.map(name => name.length));
  const legend = series.length > 1 ? series.map(({ name }, i) => ({ name, colour: seriesColour(i) })) : [];
  const thickness = series.length > 1 ? 15 : 19;
  return chart(
    plot => ({
      width: WIDTH,
      height: 50 + names.length * (series.length * thickness + 8),
      marginLeft: left,
      marginRight: 64,
      marginTop: 4,
      marginBottom: 42,
      x: {
        label: labelOf(x),
        grid: true,
        nice: true,
        ticks: 6,
        ...(x.percent ? { percent: true } : { tickFormat: tick }),
      },
      y: { axis: null, domain: series.map((_, i) => i), padding: 0.12 },
      fy: {
        domain: names.map((_, row) => row),
        tickFormat: (row: number) => shown[row]!,
        label: null,
        axis: "left",
        padding: 0.18,
      },
      color: { type: "identity" },
      marks: [
        plot.barX(bars, { x: "value", y: "i", fy: "row", fill: bar => seriesColour(bar.i) }),
        plot.ruleX([0], { stroke: "var(--rule)" }),
        plot.text(bars, {
          x: bar => Math.max(0, bar.value), // right of zero for negative numbers too, not on the bar
          y: "i",
          fy: "row",
          text: "text",
          textAnchor: "start",
          dx: 5,
        }),
      ],
    }),
    { title, legend },
  );
}
