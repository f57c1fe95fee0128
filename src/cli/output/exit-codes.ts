import { ProblemsError, BingoError } from '../../model/errors.ts'

/** What the process ends with; documented in every `--help` and in docs/cli.md. */
export const ExitCode = {
  ok: 0,
  /** Configuration or rules are wrong, a check or test failed, or the command could not do its work. */
  failed: 1,
  /** Unknown command or option. */
  usage: 2,
  /** The source or checkpoint refuses: a gap, a foreign server, a missing grant, STATEMENT format. Somebody must decide. */
  refused: 3,
  /** Something that is needed cannot be reached. Trying again may help. */
  unreachable: 4,
  /** Another process holds or took over the checkpoint of this instance. */
  taken: 5,
  /** A mistake in BinGo itself. */
  internal: 70,
  interrupted: 130,
  terminated: 143,
} as const

const TAKEN: ReadonlySet<string> = new Set(['BINGO_CHECKPOINT_LOCKED', 'BINGO_CHECKPOINT_FENCED', 'BINGO_LEASE_LOST'])
const REFUSED = /^BINGO_(SOURCE|BROKER|CHECKPOINT|STATE|BINLOG|SCHEMA|STATEMENT|PREFLIGHT)_/

export function exitCodeOf(error: unknown): number {
  if (!(error instanceof BingoError)) return ExitCode.internal
  if (error instanceof ProblemsError) return ExitCode.failed
  if (TAKEN.has(error.code)) return ExitCode.taken
  if (error.retryable) return ExitCode.unreachable
  return REFUSED.test(error.code) ? ExitCode.refused : ExitCode.failed
}

export const EXIT_CODES_HELP = `
Exit codes:
  0    success; the daemon stopped after delivering and saving everything
  1    invalid configuration or rules, or a failed check
  2    unknown command or option
  3    source or checkpoint unusable (gap, foreign server, missing grant …)
  4    a required service is unreachable
  5    another process holds the checkpoint of this instance
  70   internal error (a bug in BinGo: please report it)
  130  second SIGINT · 143  second SIGTERM, or shutdown deadline exceeded`
