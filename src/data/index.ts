/** `penjing/data`: data sets, and readers of their file formats. */
export {
  type Batch,
  checkFinite,
  checkLabels,
  Dataset,
  type DatasetOptions,
  type ImageArray,
  type MapOptions,
  type MapRow,
  type NestedNumbers,
  type Row,
  showDataset,
} from "./dataset.ts";
export { type Idx, type IdxOptions, parseIdx, readIdx } from "./idx.ts";
export { fashionMnist, type MnistFile, type MnistOptions, mnist, type TrainAndTest } from "./mnist.ts";
export type { Normalisation, PerChannel } from "./scaling.ts";
