import { protocolError, ResponseError } from './kafka.ts'
import type { PartitionBatch } from './produce-request.ts'

/** The broker has it already: the answer to an earlier try was lost. */
const DUPLICATE = 'DUPLICATE_SEQUENCE_NUMBER'

/** An error that a broker answered for one batch; named as the client names those of whole requests. */
export class BatchError extends Error {
  override readonly name = 'BatchError'
  readonly apiId: string
  readonly canRetry: boolean

  constructor(code: number) {
    const { id, canRetry, message } = protocolError(code)
    super(message)
    this.apiId = id
    this.canRetry = canRetry
  }
}

/** What a broker answers to a Produce request. */
export interface ProduceAnswer {
  readonly responses: readonly {
    readonly name: string
    readonly partitionResponses: readonly { readonly index: number; readonly errorCode: number }[]
  }[]
}

/** The client gives an answer that holds an error as one. */
export function answerInside(error: unknown): ProduceAnswer {
  if (error instanceof ResponseError) return (error as unknown as { readonly response: ProduceAnswer }).response
  throw error
}

/** One error or null for each batch. */
export function errorsOf({ responses }: ProduceAnswer, batches: readonly PartitionBatch[]): (Error | null)[] {
  return batches.map(({ topic, partition }) => {
    const partitions = responses.find(({ name }) => name === topic)?.partitionResponses ?? []
    const answer = partitions.find(({ index }) => index === partition)
    if (answer === undefined) return new Error(`the broker did not answer for partition ${partition} of ${topic}`)
    if (answer.errorCode === 0) return null
    const error = new BatchError(answer.errorCode)
    return error.apiId === DUPLICATE ? null : error
  })
}

/** Of all that went wrong, nothing is for ever. */
export function mayRetry(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(mayRetry)
  return !(error instanceof Error && 'canRetry' in error && error.canRetry === false)
}
