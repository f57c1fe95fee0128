import type { Clock } from '../../model/clock.ts'
import { BingoError } from '../../model/errors.ts'
import type { Log } from '../../model/rule/action.ts'
import { MissingSecret, resolveSecrets, type Environment } from '../../model/secrets.ts'
import type { FieldSource } from '../../outbox/mapping/contract.ts'
import type { PolledOptions } from '../../sources/polled/contract.ts'
import type { Config } from '../config/config.ts'
import type { OutboxConfig, PollingConfig } from '../config/outbox/contract.ts'
import type { NamedSource } from '../open-sources.ts'
import type { RunningOutbox } from './open-polled.ts'

/** Longer than a stalled process or a slow target may need to renew them. */
const LEASE_MS = 30_000

/** The outboxes of a running instance that are polled. */
export interface PolledOutboxes {
  readonly sources: readonly NamedSource[]
  /** Settles what is finished. */
  close(): Promise<void>
}

export interface PolledOutboxesDeps {
  readonly clock: Clock
  readonly log: Log
  readonly env: Environment
}

/** One source for each worker of each outbox; nothing is asked yet. Rejects with BINGO_OUTBOX_UNREACHABLE for a missing file. */
export async function openPolledOutboxes(
  { name, outboxes, rules }: Config,
  { clock, log, env }: PolledOutboxesDeps,
): Promise<PolledOutboxes | null> {
  const polled = polledOnly(outboxes)
  if (polled.length === 0) return null
  const { openPolled } = await import('./open-polled.ts')
  const opened: RunningOutbox[] = []
  for (const { outbox, polling } of polled) {
    const url = addressOf(outbox, polling, env, rules.baseDir)
    for (let worker = 0; worker < polling.workers; worker++) {
      opened.push(
        await openPolled(polledName(polling, worker), url, optionsOf(name, outbox, polling, worker), { clock, log }),
      )
    }
  }
  return {
    sources: opened.map(({ source }) => source),
    close: async () => {
      for (const each of opened) await each.close()
    },
  }
}

/** Names of the sources: `outbox-public-outbox`, with the number of the worker where there are several. */
export function polledSourceNames(outboxes: readonly OutboxConfig[]): readonly string[] {
  return polledOnly(outboxes).flatMap(({ polling }) =>
    Array.from({ length: polling.workers }, (_, worker) => polledName(polling, worker)),
  )
}

export function polledOnly(outboxes: readonly OutboxConfig[]) {
  return outboxes.flatMap((outbox) => (outbox.polling === undefined ? [] : [{ outbox, polling: outbox.polling }]))
}

/** Names of sources are parts of keys and labels. */
function polledName({ schema, name }: PollingConfig, worker: number): string {
  const called = `outbox-${schema}-${name}`.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, 60)
  return worker === 0 ? called : `${called}-${worker + 1}`
}

export function optionsOf(
  instance: string,
  { mapping }: OutboxConfig,
  { schema, name, order, after, batch, everyMs }: PollingConfig,
  worker: number,
): PolledOptions {
  const column = (source: FieldSource | null): string | null =>
    source !== null && 'column' in source ? source.column : null
  return {
    schema,
    table: name,
    idColumn: column(mapping.fields.id),
    keyColumn: column(mapping.fields.key),
    orderColumn: order,
    after,
    batch,
    everyMs,
    leaseMs: LEASE_MS,
    owner: `${instance}#${worker}`,
  }
}

export function addressOf({ table }: OutboxConfig, { url }: PollingConfig, env: Environment, baseDir: string): string {
  try {
    return resolveSecrets(url, { env, baseDir, url: true })
  } catch (error) {
    if (!(error instanceof MissingSecret)) throw error
    throw new BingoError('BINGO_CONFIG_SECRET', `outbox: url of ${table}: ${error.message}`, { hint: error.hint })
  }
}
