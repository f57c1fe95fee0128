import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream'
import type { NatsStreamOptions } from './connection.ts'
import { matchesSubjects } from './subject.ts'

/** Messages of these subjects from the stream itself, with sequences behind `after` and up to `last`, in that order. */
export async function* storedMessages(
  manager: JetStreamManager,
  { stream, topics }: Pick<NatsStreamOptions, 'stream' | 'topics'>,
  { after, last }: { readonly after: number; readonly last: number },
): AsyncIterable<StoredMsg> {
  const subject = topics.length === 1 ? topics[0]! : '>'
  for (let seq = after + 1; seq <= last;) {
    // The server knows `next_by_subj`, the types of the client do not.
    const request = { seq, next_by_subj: subject } as Parameters<typeof manager.streams.getMessage>[1]
    const message = await manager.streams.getMessage(stream, request)
    if (message === null || message.seq > last) return
    seq = message.seq + 1
    if (matchesSubjects(message.subject, topics)) yield message
  }
}
