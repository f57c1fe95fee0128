import type { RunningEvents } from '../../app/events/open-events.ts'
import type { Config } from '../../app/config/config.ts'
import { systemClock } from '../../model/clock.ts'
import { BingoError } from '../../model/errors.ts'
import { EventCounters } from '../../model/event/posted/event-counters.ts'
import type { EventSink, MadeEvent } from '../../model/event/posted/event-sink.ts'
import { exactJson } from '../../model/json/strict-json.ts'
import type { Log } from '../../model/rule/action.ts'
import { askDaemon } from '../daemon/ask-daemon.ts'
import { refusalOf } from '../posted/ask-api.ts'

/**
 * Stores the events that retried dead letters make: by the daemon where one runs, which owns its store, else in the store
 * itself.
 */
export class RetriedEvents implements EventSink, AsyncDisposable {
  private readonly readConfig: () => Config
  private config: Config | null = null
  private readonly log: Log
  private opened: Promise<RunningEvents> | null = null

  /** The configuration is asked for with the first event: mostly there is none. */
  constructor(readConfig: () => Config, log: Log) {
    this.readConfig = readConfig
    this.log = log
  }

  async publish(events: readonly MadeEvent[]): Promise<void> {
    const config = (this.config ??= this.readConfig())
    if (this.opened === null && (await byDaemon(config, events))) return
    const { sink } = await (this.opened ??= this.openStore(config))
    await sink.publish(events)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.opened?.then((events) => events.close()).catch(() => undefined)
  }

  private async openStore({ name, events }: Config): Promise<RunningEvents> {
    if (events === null || events.store === 'memory:') {
      const why =
        events === null ? '`events.store` is not set' : 'the store is the memory of a daemon, which does not run'
      throw new BingoError('BINGO_EVENT_NO_STORE', `Events of dead letters cannot be stored: ${why}`, {
        hint: 'Start the daemon and retry, or set `events.store`, such as file:/var/lib/bingo/events.db.',
      })
    }
    const { openEvents } = await import('../../app/events/open-events.ts')
    return openEvents({
      name,
      config: events,
      counters: new EventCounters(),
      skipped: { has: () => false },
      schemas: () => undefined,
      log: this.log,
      clock: systemClock,
    })
  }
}

/** False: there is none. */
async function byDaemon(config: Config, events: readonly MadeEvent[]): Promise<boolean> {
  const body = exactJson({ events: events.map(({ event, sent }) => ({ event, sent: [...sent] })) })
  try {
    const answer = await askDaemon(config, '/api/v1/events/made', { method: 'POST', body })
    if (answer.status !== 200) throw refusalOf(answer)
    return true
  } catch (error) {
    if (error instanceof BingoError && error.code === 'BINGO_DAEMON_UNREACHABLE') return false
    throw error
  }
}
