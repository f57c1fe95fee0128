import { Redelivery } from '../../deliver/dead-letters/redelivery.ts'
import { countOf, planRetry } from '../../deliver/dead-letters/retry-plan.ts'
import type { RetryPlan } from '../../deliver/dead-letters/retry-plan.ts'
import { RetryRun } from '../../deliver/dead-letters/retry-run.ts'
import { createEventStore } from '../../event-store/create.ts'
import type { Log } from '../../model/rule/action.ts'
import { systemClock } from '../../model/clock.ts'
import { targetTypeOf } from '../../targets/registry.ts'
import { isOfOutbox } from '../../model/event/posted/outbox-event.ts'
import type { DeadLetter, DeadLetterStore } from '../../model/delivery/dead-letter.ts'
import { lookupsOf, sourceAddresses } from '../../app/lookups.ts'
import { asksTheSource } from '../../deliver/lookups/open-lookup.ts'
import type { Lookups } from '../../deliver/lookups/lookups.ts'
import type { RuleSet } from '../../model/rule/rule-set.ts'
import { SampledLog } from '../../model/sampled-log.ts'
import { createStats } from '../../model/stats.ts'
import type { Config } from '../../app/config/config.ts'
import { commandLog, configFor } from '../context.ts'
import { filterOf, type SelectOptions } from './selection.ts'
import { eventsAgain, type ServerSource } from '../../app/event-again.ts'
import { tellOfRedelivered } from './redelivered-events.ts'
import { RetriedEvents } from './event-sink.ts'
import { RetriedSagas } from './saga-sink.ts'
import { openLetters } from './open-letters.ts'
import { ProgressBar } from '../output/progress-bar.ts'
import { rulesFor } from '../rules-for.ts'
import { stopSignals } from '../daemon/stop-signals.ts'

const MAKING = 'dead-letters retry, making events'
const ASKING = 'dead-letters retry, asking the source'

/** `bingo dead-letters retry`: answers whether all that were chosen were taken. */
export async function retryLetters(ids: readonly string[], options: SelectOptions): Promise<boolean> {
  const config = configFor(options, options.dryRun ? 'dead-letters' : 'dead-letters retry')
  const log = await commandLog(config, options)
  const store = await openLetters(config, log)
  try {
    if (options.dryRun) {
      const plan = await planRetry(store, filterOf(ids, options))
      for (const row of plan.values()) for (const id of row.ids) process.stdout.write(`would retry ${id}\n`)
      process.stdout.write(`${countOf(plan)} would be retried\n`)
      return true
    }
    // Two at a time could send an older event of a row after a newer one.
    await using _lease = await store.lease()
    return await retryAll(await planRetry(store, filterOf(ids, options)), { store, config, log, options })
  } finally {
    await store.close()
  }
}

interface RetryParts {
  readonly store: DeadLetterStore
  readonly config: Config
  readonly log: Log
  readonly options: SelectOptions
}

async function retryAll(plan: RetryPlan, { store, config, log, options }: RetryParts): Promise<boolean> {
  const { ruleSet } = await rulesFor(config)
  using stop = stopSignals()
  const run = { name: config.name, epoch: null, window: null }
  await using events = new RetriedEvents(() => configFor(options, MAKING), log)
  await using streams = config.eventStore && createEventStore(config.eventStore.url, { exactNumbers: true })
  await using sagas = new RetriedSagas(config, ruleSet, log)
  const kept = { sagas, ...(streams !== null && { streams }) }
  await using redelivery = new Redelivery({
    ruleSet,
    by: options.by,
    readAgain: eventsAgain({
      instance: config.name,
      servers: () => serversOf(configFor(options, ASKING)),
      clock: systemClock,
      signal: stop.signal,
    }),
    openTarget: (target) =>
      targetTypeOf(target.type)!.open(target, { log, now: () => Date.now(), run, events, ...kept }),
    lookups: lookupsFor(ruleSet, options, { clock: systemClock, log, stats: createStats(config.budgetBytes) }),
    clock: systemClock,
    signal: stop.signal,
  })
  let total = countOf(plan)
  let sent = 0
  const posted: DeadLetter[] = []
  using bar = new ProgressBar(process.stderr, 'retrying', total)
  const told = new Set<string>()
  const line = (_fields: object, message: string): void => bar.line(message)
  const refused = new SampledLog({ debug: line, info: line, warn: line, error: line }, systemClock)
  const retry = new RetryRun({
    store,
    signal: stop.signal,
    send: (letter) => redelivery.send(letter),
    onRemoved: (sent) => redelivery.removed(sent),
    onResult: (letter, failure) => {
      bar.advance()
      if (failure === null) {
        sent += 1
        if (letter.event.op === 'event' && !isOfOutbox(letter.event.new)) posted.push(letter)
      } else if (failure.kind !== 'down') {
        const { code, message } = failure.error
        const kind = { rule: letter.ruleId, target: letter.target, code }
        refused.write('warn', kind, `${letter.id}: ${code} ${message}`, 'refused')
      } else if (!told.has(failure.error.message)) {
        told.add(failure.error.message)
        bar.line(`${letter.target} is down: ${failure.error.code} ${failure.error.message}`)
      }
    },
    onMore: (count) => {
      total += count
      bar.grow(count)
    },
  })
  try {
    await retry.run(plan)
  } finally {
    refused.flush()
  }
  if (posted.length > 0) await tellOfRedelivered(posted, configFor(options, 'events'))
  const { unmatched } = redelivery
  const dropped = unmatched === 0 ? '' : `${unmatched} no longer matched, `
  process.stdout.write(`${sent - unmatched} delivered, ${dropped}${total - sent} remaining\n`)
  return sent === total
}

function serversOf({ sources }: Config): readonly ServerSource[] {
  return sources.map((mysql, i) => ({ name: mysql.name, mysql, isMain: i === 0 }))
}

/** The source is configured for this command too where a rule asks it; any other retry does without. */
function lookupsFor({ rules }: RuleSet, options: SelectOptions, deps: Parameters<typeof lookupsOf>[2]): Lookups {
  const asksSource = rules.some(({ lookups = [] }) => lookups.some(asksTheSource))
  return lookupsOf(asksSource ? sourceAddresses(configFor(options, ASKING)) : [], 'fail', deps)
}
