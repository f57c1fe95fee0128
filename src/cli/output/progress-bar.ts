const WIDTH = 30
const REDRAW_MS = 100

/** How far something long has come, on one line of a terminal; silent where no person looks. */
export class ProgressBar implements Disposable {
  private readonly stream: NodeJS.WriteStream
  private readonly label: string
  private total: number
  private done = 0
  private drawnAt = 0

  constructor(stream: NodeJS.WriteStream, label: string, total: number) {
    this.stream = stream
    this.label = label
    this.total = total
  }

  advance(steps = 1): void {
    this.done += steps
    const now = performance.now()
    if (now - this.drawnAt < REDRAW_MS && this.done < this.total) return
    this.drawnAt = now
    this.draw()
  }

  /** There is more to do than was known. */
  grow(more: number): void {
    this.total += more
  }

  /** Prints a line above the bar. */
  line(text: string): void {
    this.clear()
    this.stream.write(`${text}\n`)
    this.draw()
  }

  [Symbol.dispose](): void {
    this.clear()
  }

  private draw(): void {
    if (!this.stream.isTTY) return
    const filled = this.total === 0 ? WIDTH : Math.round((this.done / this.total) * WIDTH)
    const bar = '█'.repeat(filled) + '░'.repeat(WIDTH - filled)
    this.stream.write(`\r${this.label} ${bar} ${this.done}/${this.total}`)
  }

  private clear(): void {
    if (this.stream.isTTY) this.stream.write('\r\u001B[K')
  }
}
