import type { DeliveryFailure } from '../../model/rule/action.ts'
import { BingoError } from '../../model/errors.ts'
import { receiverAnswer } from '../../model/rule/outcome.ts'
import { DeadlineError } from '../../model/with-deadline.ts'
import { classify, classifyThrown, HTTP_STATUSES } from '../failure/classify.ts'
import { codeOf, reasonOf } from '../failure/error-text.ts'
import { deliveryFailure } from '../failure/failure.ts'
import type { Answer } from './exchange.ts'
import { tlsHint } from '../failure/tls-hint.ts'
import { retryAfterMs } from './retry-after.ts'

/** These say nothing about one event of a batch: sending the events one by one would be refused all the same. */
const REFUSES_EVERYTHING = new Set([401, 402, 403, 404, 405, 406, 407, 410, 415, 426, 431])

/** Refused because of who asks. */
const UNAUTHORIZED = new Set([401, 402, 403, 407])

/** With TLS 1.3 the handshake is over for us before the server has looked at our certificate. */
const HUNG_UP = /^(UND_ERR_SOCKET|ECONNRESET)$/
const HUNG_UP_HINT =
  'Check whether the server requires a client certificate (`tls.cert`, `tls.key`): it closed the connection without an answer.'

/** A batch that was refused for what may be one event’s fault may be taken in parts. */
export interface Refusal {
  readonly failure: DeliveryFailure
  readonly divisible: boolean
}

/** Whose answers these are, and how the rule wants them read. */
export interface Receiver {
  /** Origin, for messages; null where data names the host, which then stands in none. */
  readonly origin: string | null
  readonly unauthorized: 'wait' | 'refuse'
  readonly notFound: 'wait' | 'refuse'
}

const DYNAMIC_HOST = 'the host that `url` names'

/** Null for a 2xx. */
export function refusalOf(receiver: Receiver, answer: Answer): Refusal | null {
  const { status } = answer
  if (status >= 200 && status < 300) return null
  const kind = forTarget(receiver, kindOfStatus(receiver, status))
  const failure = deliveryFailure(kind, 'BINGO_WEBHOOK_STATUS', `${nameOf(receiver)} answered ${status}`, {
    hint: hintOf(status, kind),
    retryAfterMs: retryAfterMs(answer.retryAfter, Date.now()),
    answer: receiverAnswer(String(status), answer.body.toString('utf8')),
  })
  return { failure, divisible: kind === 'poison' && !REFUSES_EVERYTHING.has(status) }
}

function kindOfStatus({ unauthorized, notFound }: Receiver, status: number): DeliveryFailure['kind'] {
  if (unauthorized === 'refuse' && UNAUTHORIZED.has(status)) return 'poison'
  if (notFound === 'wait' && status === 404) return 'down'
  return classify(HTTP_STATUSES, String(status))
}

function hintOf(status: number, kind: DeliveryFailure['kind']): string | undefined {
  if (status < 400) return 'Set `url` to the address that the redirect points to: BinGo does not follow redirects.'
  if (kind === 'poison') return undefined
  if (UNAUTHORIZED.has(status)) {
    return 'Check the credentials in `headers`; the events wait. With `unauthorized: refuse` they move to the dead letters.'
  }
  return status === 404 ? 'Check the path in `url`; the events wait because of `notFound: wait`.' : undefined
}

/** For an exchange that had no answer. */
export function outageOf(receiver: Receiver, error: unknown, timeoutMs: number, encrypted: boolean): DeliveryFailure {
  const where = nameOf(receiver)
  const down = forTarget(receiver, 'down')
  if (error instanceof BingoError) {
    // The address policy: with a host from data another event may have a better one, else none will.
    if (receiver.origin !== null) return { kind: 'down', error }
    const { code, hint } = error
    return deliveryFailure('poison', code, `${where} has no permitted address`, { hint })
  }
  if (error instanceof DeadlineError) {
    const message = `${where} did not answer within ${timeoutMs} ms`
    return deliveryFailure(down, 'BINGO_WEBHOOK_TIMEOUT', message, { cause: error, timedOut: true })
  }
  // What a socket says names the host.
  const reason = receiver.origin === null ? (codeOf(error) ?? 'no connection') : reasonOf(error)
  // The client has one word for a request that it does not take and for a proxy that does not take it.
  const kind = /proxy/i.test(reasonOf(error)) ? 'down' : classifyThrown(error)
  if (kind === 'poison') {
    const message = `not sent to ${where}: the client rejects the request (${codeOf(error) ?? 'invalid'})`
    return deliveryFailure('poison', 'BINGO_WEBHOOK_REQUEST', message, { cause: error })
  }
  const hungUp = encrypted && HUNG_UP.test(codeOf(error) ?? '')
  const hint = tlsHint(error) ?? (hungUp ? HUNG_UP_HINT : undefined)
  const message = `${where} is unreachable: ${reason}`
  return deliveryFailure(down, 'BINGO_WEBHOOK_UNREACHABLE', message, { hint, cause: error })
}

function nameOf({ origin }: Receiver): string {
  return origin ?? DYNAMIC_HOST
}

/** With dynamicHost, one host that is down says nothing about the others: the target as a whole stays up. */
function forTarget({ origin }: Receiver, kind: DeliveryFailure['kind']): DeliveryFailure['kind'] {
  return origin === null && kind === 'down' ? 'unknown' : kind
}
