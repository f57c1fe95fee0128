import { BingoError } from '../../model/errors.ts'
import { configFor, type GlobalOptions } from '../context.ts'
import { askDaemon } from './ask-daemon.ts'

/** `bingo rules resume`. Throws BINGO_RULE_NOT_SUSPENDED. */
export async function resumeRule(rule: string, options: GlobalOptions): Promise<void> {
  const path = `/rules/resume?rule=${encodeURIComponent(rule)}`
  const { status, body } = await askDaemon(configFor(options, 'events'), path, { method: 'POST' })
  if (status === 200) {
    process.stdout.write(`the events of rule "${rule}" are evaluated again\n`)
    return
  }
  const { error = `the daemon refused the request with HTTP ${status}` } = body as { readonly error?: string }
  if (status !== 409) throw new BingoError('BINGO_DAEMON_REFUSED', error)
  throw new BingoError('BINGO_RULE_NOT_SUSPENDED', error, { hint: 'See `bingo status` for suspended rules.' })
}
