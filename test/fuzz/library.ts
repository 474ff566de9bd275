/** The library under test: its sources, or the published bundles. Files for it are always made by the sources. */

export interface Library {
  readonly load: typeof import("../../src/run/index.ts").load;
  readonly loadTflite: typeof import("../../src/formats/tflite/index.ts").loadTflite;
  readonly readIdx: typeof import("../../src/data/index.ts").readIdx;
  readonly PenjingError: typeof import("../../src/base/errors.ts").PenjingError;
  /** The sources of a bundle: both must give the same, and the sources know the addresses in memory. */
  readonly sources?: Library;
}

export async function sources(): Promise<Library> {
  const { load } = await import("../../src/run/index.ts");
  const { loadTflite } = await import("../../src/formats/tflite/index.ts");
  const { readIdx } = await import("../../src/data/index.ts");
  const { PenjingError } = await import("../../src/base/errors.ts");
  return { load, loadTflite, readIdx, PenjingError };
}

/** The bundles in `folder`, a URL. */
export async function published(folder: string): Promise<Library> {
  const [run, tflite, data] = await Promise.all(["run", "tflite", "data"].map(name => import(`${folder}/${name}.js`)));
  return {
    load: run.load,
    loadTflite: tflite.loadTflite,
    readIdx: data.readIdx,
    PenjingError: run.PenjingError,
    sources: await sources(),
  };
}
