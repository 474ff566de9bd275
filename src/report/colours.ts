/**
 * The colours of pages and pictures, light and dark. Series have those of M. Okabe and K. Ito, "Color universal design"
 * (2008), which are distinguishable with any colour vision; lighter ones are used on a dark background.
 */
const LIGHT = {
  ground: "#ffffff",
  text: "#1f2328",
  quiet: "#656d76",
  rule: "#d0d7de",
  tint: "#f6f8fa",
  series: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b38600", "#3a9bd9"],
};

const DARK: typeof LIGHT = {
  ground: "#0d1117",
  text: "#e6edf3",
  quiet: "#9198a1",
  rule: "#3d444d",
  tint: "#151b23",
  series: ["#56b4e9", "#f0883e", "#2ec28f", "#e3a1c6", "#e6b422", "#8ecbf2"],
};

/** Number of series with distinct colours. */
export const SERIES = LIGHT.series.length;

/** The colour of the series `i`, counted from 0, as a value of CSS. */
export const seriesColour = (i: number): string => `var(--series-${(i % SERIES) + 1})`;

const variables = ({ series, ...others }: typeof LIGHT): string =>
  [
    ...Object.entries(others).map(([name, colour]) => `--${name}:${colour}`),
    ...series.map((colour, i) => `--series-${i + 1}:${colour}`),
  ].join(";");

/** CSS rules that give `selector` the colours of the reader's mode; paper is light. */
export const colours = (selector: string): string =>
  `${selector}{${variables(LIGHT)}}@media screen and (prefers-color-scheme:dark){${selector}{${variables(DARK)}}}`;
