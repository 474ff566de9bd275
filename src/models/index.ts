/**
 * Reference networks. All end in logits (the autoencoder in a reconstruction of its input), which losses and `predict`
 * take directly.
 */
export { type AutoencoderOptions, autoencoder } from "./autoencoder.ts";
export { type CaffeLenet5Options, caffeLenet5 } from "./caffe-lenet5.ts";
export { type DsCnnOptions, dsCnn } from "./ds-cnn.ts";
export { type Lenet5Options, lenet5 } from "./lenet5.ts";
export { type Lenet300100Options, lenet300100 } from "./lenet300100.ts";
export { type MobilenetV1Options, mobilenetV1 } from "./mobilenet-v1.ts";
export type { ClassifierOptions, ReferenceOptions } from "./options.ts";
export { type Resnet8Options, resnet8 } from "./resnet8.ts";
