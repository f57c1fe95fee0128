import type { WriteLine } from '../deliver/queue/send-log.ts'
import type { Clock } from '../model/clock.ts'
import type { DeliveryRun } from '../model/delivery/delivery-run.ts'
import { BingoError } from '../model/errors.ts'
import type { Log, Target, TargetContext } from '../model/rule/action.ts'
import type { TargetConfig } from '../model/rule/target-config.ts'
import { targetTypeOf } from '../targets/registry.ts'
import type { Config } from './config/config.ts'

export interface TargetDeps extends Pick<TargetContext, 'events' | 'streams' | 'sagas' | 'onReopen'> {
  readonly log: Log
  readonly clock: Clock
}

/** Lines that nobody would see are not even made. */
export function logSendsOf({ level, deliveries }: Config['log'], log: Log): WriteLine | null {
  if (deliveries) return (fields, message) => log.info(fields, message)
  return level === 'debug' ? (fields, message) => log.debug(fields, message) : null
}

/** Rejects with BINGO_TARGET_UNKNOWN, or with what its type says. */
export function openTarget(
  target: TargetConfig,
  run: DeliveryRun,
  { log, clock, onReopen, events, streams, sagas }: TargetDeps,
  mayDeliver?: () => boolean,
): Promise<Target> {
  const type = targetTypeOf(target.type)
  if (type === undefined) throw new BingoError('BINGO_TARGET_UNKNOWN', `unknown action type ${target.type}`)
  const asked = { log: log.child({ target: target.id }), now: () => clock.now(), run, mayDeliver, onReopen }
  return type.open(target, { ...asked, events, streams, sagas })
}
