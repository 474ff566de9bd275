/** Reference networks. All end in logits (the autoencoder in its input's likeness): losses and `predict` take them as they are. */
export { autoencoder } from "./autoencoder.ts";
export { caffeLenet5 } from "./caffe-lenet5.ts";
export { dsCnn } from "./ds-cnn.ts";
export { lenet5 } from "./lenet5.ts";
export { lenet300100 } from "./lenet300100.ts";
export { mobilenetV1 } from "./mobilenet-v1.ts";
export { resnet8 } from "./resnet8.ts";
