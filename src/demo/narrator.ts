import { styleText } from 'node:util'

/** Tells the demo's story on a stream, in colour where a person looks. */
export class Narrator {
  private readonly stream: NodeJS.WriteStream
  private readonly colour: boolean

  constructor(stream: NodeJS.WriteStream) {
    this.stream = stream
    this.colour = stream.isTTY && !process.env['NO_COLOR']
  }

  title(text: string): void {
    this.line(`\n${this.style('bold', text)}`)
  }

  /** Something that takes a while has begun. */
  progress(text: string): void {
    this.line(this.style('dim', `  … ${text}`))
  }

  /** What was done. */
  action(text: string): void {
    this.line(`  ${this.style('cyan', '▸')} ${text}`)
  }

  /** What came of it. */
  effect(ok: boolean, text: string): void {
    this.line(`    ${ok ? this.style('green', '✓') : this.style('red', '✗')} ${text}`)
  }

  line(text = ''): void {
    this.stream.write(`${text}\n`)
  }

  /** Two columns in a frame. */
  table(rows: readonly (readonly [string, string])[]): void {
    const left = Math.max(...rows.map(([label]) => label.length))
    const right = Math.max(...rows.map(([, value]) => value.length))
    this.line(`  ┌${'─'.repeat(left + 2)}┬${'─'.repeat(right + 2)}┐`)
    for (const [label, value] of rows) this.line(`  │ ${label.padEnd(left)} │ ${value.padStart(right)} │`)
    this.line(`  └${'─'.repeat(left + 2)}┴${'─'.repeat(right + 2)}┘`)
  }

  private style(name: 'bold' | 'dim' | 'cyan' | 'green' | 'red', text: string): string {
    return this.colour ? styleText(name, text, { validateStream: false }) : text
  }
}
