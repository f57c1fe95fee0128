import { BingoError, ProblemsError } from '../../model/errors.ts'
import { printable } from '../../model/printable.ts'
import { redactUrls } from '../../ops/redact.ts'
import { formatProblems } from '../../rules/files/format-problems.ts'
import { paint } from './paint.ts'

/** Prints what went wrong for a person: code, message, hint. A stack only with `debug`. */
export function printError(error: unknown, stream: NodeJS.WriteStream, debug: boolean): void {
  stream.write(`${describe(error, stream)}\n`)
  if (debug && error instanceof Error) stream.write(`\n${shown(error.stack ?? '')}\n${causes(error)}`)
}

function describe(error: unknown, stream: NodeJS.WriteStream): string {
  const colour = paint(stream)
  if (error instanceof ProblemsError) return formatProblems(error.problems, { color: colour.enabled })
  if (error instanceof BingoError) {
    const hint = error.hint === undefined ? '' : `\n  ${colour.dim('→')} ${shown(error.hint)}`
    return `${colour.red('error')} ${colour.bold(error.code)} ${shown(error.message)}${hint}`
  }
  const message = error instanceof Error ? error.message : String(error)
  return `${colour.red('error')} ${colour.bold('BINGO_INTERNAL')} ${shown(message)}\n  ${colour.dim('→')} Run the command again with --debug and report the output: this is a bug in BinGo.`
}

function causes(error: Error): string {
  return error.cause instanceof Error
    ? `caused by ${shown(error.cause.stack ?? error.cause.message)}\n${causes(error.cause)}`
    : ''
}

function shown(text: string): string {
  return printable(redactUrls(text))
}
