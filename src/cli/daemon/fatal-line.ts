import { BingoError, ProblemsError } from '../../model/errors.ts'
import { redactUrls } from '../../ops/redact.ts'
import { exitCodeOf } from '../output/exit-codes.ts'

/** What ended the daemon, as one line of its log: whoever collects stdout alone must see it too. */
export function fatalLine(error: unknown, time: Date): string {
  const known = error instanceof BingoError
  const problems =
    error instanceof ProblemsError
      ? { problems: error.problems.map(({ code, message }) => ({ code, message: redactUrls(message) })) }
      : {}
  return JSON.stringify({
    level: 'fatal',
    time: time.toISOString(),
    code: known ? error.code : 'BINGO_INTERNAL',
    err: redactUrls(error instanceof Error ? error.message : String(error)),
    ...(known && error.hint !== undefined && { hint: redactUrls(error.hint) }),
    ...problems,
    exitCode: exitCodeOf(error),
    msg: 'stopped by an error',
  })
}

/** Not where a person looks, who gets the error on stderr. */
export function writeFatal(error: unknown): void {
  if (process.stdout.isTTY) return
  process.stdout.write(`${fatalLine(error, new Date())}\n`)
}
