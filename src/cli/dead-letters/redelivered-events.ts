import type { Config } from '../../app/config/config.ts'
import type { DeadLetter } from '../../model/delivery/dead-letter.ts'
import { askDaemon } from '../daemon/ask-daemon.ts'
import { eventPath, refusalOf, withQuery } from '../posted/ask-api.ts'

/**
 * Tells the daemon which posted events were delivered after all, so that their status says so. Their effects are there
 * whether it hears of it or not: where it does not, that is printed, and nothing fails.
 */
export async function tellOfRedelivered(letters: readonly DeadLetter[], config: Config): Promise<void> {
  if (config.events === null) return
  for (const [i, { event, ruleId, actionIndex }] of letters.entries()) {
    const { id, environment } = (event.new ?? {}) as { readonly id?: string; readonly environment?: string }
    if (id === undefined) continue
    const body = JSON.stringify({ rule: ruleId, action: actionIndex })
    const isMain = environment === undefined || environment === config.events.environments[0]
    const path = withQuery(eventPath(id, '/redelivered'), { environment: isMain ? undefined : environment })
    try {
      const answer = await askDaemon(config, path, { method: 'POST', body })
      // Events of the event store and of outboxes have no status there.
      if (answer.status !== 200 && answer.status !== 404) throw refusalOf(answer)
    } catch (error) {
      const left = letters.length - i
      process.stderr.write(`the status of ${left} posted events was not updated: ${(error as Error).message}\n`)
      return
    }
  }
}
