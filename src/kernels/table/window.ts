/**
 * The window of a convolution or pool: output pixel (oy, ox) reads x at
 * (oy * stride_h + ky * dilation_h - pad_t, ox * stride_w + kx * dilation_w - pad_l). Negative pads crop.
 */
export const window = {
  kh: "int",
  kw: "int",
  stride_h: "int",
  stride_w: "int",
  pad_t: "int",
  pad_l: "int",
  dilation_h: "int",
  dilation_w: "int",
} as const;
