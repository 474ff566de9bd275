/** The networks, their data, and how the float network is trained that every method starts from. */
import { fashionMnist, mnist } from "../../build/data.js";
import { lenet5, resnet8 } from "../../build/index.js";

/** Images that only choose hyperparameters: the last of the training images. */
const HELD = 10_000;

export const NETWORKS = {
  lenet5: {
    title: "LeNet-5 on MNIST",
    load: mnist,
    build: seed => lenet5({ seed }),
    epochs: 10,
    rate: 2e-3,
  },
  resnet8: {
    title: "ResNet-8 on Fashion-MNIST",
    load: fashionMnist,
    build: seed => resnet8({ seed, inputShape: [28, 28, 1] }),
    epochs: 20,
    rate: 2e-3,
  },
};

/** Training, validation and test images; `quick`: few of each, for a look at whether everything works. */
export async function dataOf({ load }, quick) {
  const all = await load();
  const kept = all.train.length - HELD;
  const data = { train: all.train.take(kept), validation: all.train.skip(kept), test: all.test };
  if (!quick) return data;
  return { train: data.train.take(512), validation: data.validation.take(200), test: data.test.take(200) };
}
