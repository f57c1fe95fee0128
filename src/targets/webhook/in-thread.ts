import type { Serve } from '../threads/messages.ts'
import { OwnExchanges } from './exchanges.ts'
import type { ThreadRequest } from './exchanges.ts'
import type { WebhookTargetOptions } from './options.ts'

/** The client of a webhook target, in a thread of its own. */
export function webhookInThread(options: WebhookTargetOptions): Serve {
  const own = new OwnExchanges(options)
  return (request, bytes, signal) => {
    const { text, bodyless, timeoutMs, bodyBytes, ...head } = request as ThreadRequest
    return own.exchange({ ...head, body: bodyless ? null : (text ?? bytes) }, timeoutMs, signal, bodyBytes)
  }
}
