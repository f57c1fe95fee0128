import { WebhookReceiver } from '../../support/webhook-receiver.ts'
import type { Arrival } from '../checker.ts'
import { arrivalOf, NOTE, recordingRules } from './recorder.ts'
import type { Note, Recorder } from './recorder.ts'

/** A web server that takes everything. */
export async function recordWebhooks(): Promise<Recorder> {
  const seen: Arrival[] = []
  const receiver = await WebhookReceiver.start()
  receiver.answer = (body) => {
    const parsed = JSON.parse(body) as Note | { events: Note[] }
    for (const note of 'events' in parsed ? parsed.events : [parsed]) seen.push(arrivalOf(note))
    // Only the notes are kept: an hour of requests would not fit.
    receiver.requests.length = 0
    return 204
  }
  return {
    rules: recordingRules(`{type: webhook, url: "${receiver.url}/", batch: auto, body: ${NOTE}}`),
    env: {},
    arrivals: async () => seen,
    [Symbol.asyncDispose]: () => receiver[Symbol.asyncDispose](),
  }
}
