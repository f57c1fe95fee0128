import { styleText } from 'node:util'

export interface Paint {
  readonly enabled: boolean
  red(text: string): string
  green(text: string): string
  yellow(text: string): string
  cyan(text: string): string
  bold(text: string): string
  dim(text: string): string
}

/** Colours where a person looks: a terminal, and neither NO_COLOR nor TERM=dumb. */
export function paint(stream: NodeJS.WriteStream): Paint {
  const enabled = stream.isTTY && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb'
  const style =
    (name: 'red' | 'green' | 'yellow' | 'cyan' | 'bold' | 'dim') =>
    (text: string): string =>
      enabled ? styleText(name, text, { validateStream: false }) : text
  return {
    enabled,
    red: style('red'),
    green: style('green'),
    yellow: style('yellow'),
    cyan: style('cyan'),
    bold: style('bold'),
    dim: style('dim'),
  }
}
