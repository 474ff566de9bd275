/** Calls `drawn` with the picture whenever a stroke grows on the page's canvas: white on black, as in MNIST. */
export function paper(drawn) {
  const canvas = document.querySelector("canvas");
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  Object.assign(pen, { strokeStyle: "white", lineWidth: 2.5, lineCap: "round", lineJoin: "round" });
  const at = ({ offsetX, offsetY }) => [(offsetX * 28) / canvas.clientWidth, (offsetY * 28) / canvas.clientHeight];
  canvas.onpointerdown = event => {
    pen.fillRect(0, 0, 28, 28);
    pen.beginPath();
    pen.moveTo(...at(event));
  };
  canvas.onpointermove = event => {
    if (!event.buttons) return;
    pen.lineTo(...at(event));
    pen.stroke();
    drawn(pen.getImageData(0, 0, 28, 28));
  };
}

/** Shows the most probable class of `net.classify`. */
export function show({ label, probability }) {
  document.querySelector("output").textContent = `${label} (${Math.round(100 * probability)} %)`;
}
