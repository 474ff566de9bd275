/** Recognizes other file formats, for the message about a file that is not a `.penjing` file. */

const textAt = (bytes: Uint8Array, from: number, to: number): string =>
  String.fromCharCode(...bytes.subarray(from, to));

/** " but ..." if the format is recognized, else "". */
export function butForeign(bytes: Uint8Array): string {
  if (textAt(bytes, 4, 8) === "TFL3") return " but a TensorFlow Lite one: loadTflite of penjing/tflite reads it";
  const start = textAt(bytes, 0, 64).trimStart().toLowerCase();
  if (start.startsWith("<!doctype") || start.startsWith("<html"))
    return " but HTML: servers answer so where there is no such file";
  // the first field of an ONNX file is its version, the second its producer
  if (bytes[0] === 8 && bytes[1]! < 32 && bytes[2] === 18) return " but looks like an ONNX one, which is not read";
  return "";
}
