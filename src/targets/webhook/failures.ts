import type { DeliveryFailure } from '../../model/action.ts'
import { BingoError } from '../../model/errors.ts'
import { classify, HTTP_STATUSES } from '../failure/classify.ts'
import { codeOf, deliveryFailure, reasonOf } from '../failure/failure.ts'
import type { Answer } from './exchange.ts'
import { DeadlineError } from './exchange.ts'
import { tlsHint } from '../failure/tls-hint.ts'
import { retryAfterMs } from './retry-after.ts'

/** These say nothing about one event of a batch: sending the events one by one would be refused all the same. */
const REFUSES_EVERYTHING = new Set([401, 402, 403, 404, 405, 406, 407, 410, 415, 426, 431])

/** With TLS 1.3 the handshake is over for us before the server has looked at our certificate. */
const HUNG_UP = /^(UND_ERR_SOCKET|ECONNRESET)$/
const HUNG_UP_HINT =
  'The server closed the connection without an answer; it may want a client certificate (`tls.cert`, `tls.key`).'

/** A batch that was refused for what may be one event’s fault may be taken in parts. */
export interface Refusal {
  readonly failure: DeliveryFailure
  readonly divisible: boolean
}

/** Null for a 2xx. `kindOf` has the last word about what a failure means for the target. */
export function refusalOf(
  origin: string,
  answer: Answer,
  kindOf: (kind: DeliveryFailure['kind']) => DeliveryFailure['kind'],
): Refusal | null {
  const { status } = answer
  if (status >= 200 && status < 300) return null
  const kind = kindOf(classify(HTTP_STATUSES, String(status)))
  const hint =
    status < 400 ? 'Redirects are not followed: write the address that it points to into the rule.' : undefined
  const failure = deliveryFailure(kind, 'BINGO_WEBHOOK_STATUS', `${origin} answered ${status}`, {
    hint,
    retryAfterMs: retryAfterMs(answer.retryAfter, Date.now()),
  })
  return { failure, divisible: kind === 'poison' && !REFUSES_EVERYTHING.has(status) }
}

/** For an exchange that had no answer. */
export function outageOf(
  origin: string,
  error: unknown,
  timeoutMs: number,
  kindOf: (kind: DeliveryFailure['kind']) => DeliveryFailure['kind'],
): DeliveryFailure {
  if (error instanceof BingoError) {
    // The address policy: with a host from data another event may have a better one, else none will.
    return { kind: kindOf('down') === 'down' ? 'down' : 'poison', error }
  }
  if (error instanceof DeadlineError) {
    const message = `${origin} did not answer within ${timeoutMs} ms`
    return deliveryFailure(kindOf('down'), 'BINGO_WEBHOOK_TIMEOUT', message, { cause: error })
  }
  const hungUp = origin.startsWith('https:') && HUNG_UP.test(codeOf(error) ?? '')
  const hint = tlsHint(error) ?? (hungUp ? HUNG_UP_HINT : undefined)
  const message = `${origin} cannot be reached: ${reasonOf(error)}`
  return deliveryFailure(kindOf('down'), 'BINGO_WEBHOOK_UNREACHABLE', message, { hint, cause: error })
}
