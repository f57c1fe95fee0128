let lastBuffer: Buffer = Buffer.alloc(0)
let lastView = new DataView(lastBuffer.buffer)

/** Rows come from one buffer after the other: the view of the last one is kept. */
export function viewOf(buffer: Buffer): DataView {
  if (buffer !== lastBuffer) {
    lastBuffer = buffer
    lastView = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
  }
  return lastView
}
