import type { SagaCommand } from '../../sagas/contract.ts'
import { table } from '../output/table.ts'
import { print, type ApiOptions } from '../posted/ask-api.ts'
import { askSaga, askSagas, changeSaga } from './client.ts'
import type { SagaPageOptions, ShownSaga, ShownStep } from './client.ts'

/** Instances of one request. */
const PAGE = 200
const DEFAULT_LIMIT = 50
/** What a person looks for in a list: where it is. */
const AT: ReadonlySet<string> = new Set(['sending', 'waiting', 'undoing'])

/** `bingo sagas list`: newest first. */
export async function listInstances(options: SagaPageOptions & { readonly limit?: number }): Promise<void> {
  let left = options.limit ?? DEFAULT_LIMIT
  let cursor: string | undefined
  const rows: string[][] = [['STARTED', 'STATUS', 'SAGA', 'KEY', 'AT', 'ERROR']]
  do {
    const { body, text } = await askSagas(options, Math.min(left, PAGE), cursor)
    const { sagas, next } = body as { readonly sagas: readonly ShownSaga[]; readonly next: string | null }
    if (options.json) print(sagas.length === 0 ? [] : [text.trimEnd()])
    for (const instance of sagas) {
      const { startedAt, status, saga, key, steps, failure } = instance
      rows.push([startedAt, status, saga, key, placesOf(steps), failure === null ? '' : failure.code])
    }
    left -= sagas.length
    cursor = next ?? undefined
  } while (cursor !== undefined && left > 0)
  if (!options.json) print(table(rows))
}

function placesOf(steps: readonly ShownStep[]): string {
  return steps
    .filter(({ status }) => AT.has(status))
    .map(({ id, status }) => `${id} (${status})`)
    .join(', ')
}

/** `bingo sagas show`. */
export async function showInstance(saga: string, key: string, options: ApiOptions): Promise<void> {
  const { body, text } = await askSaga(options, saga, key)
  print(options.json ? [text.trimEnd()] : [...describe(body as ShownSaga), '', text.trimEnd()])
}

/** `bingo sagas retry`, `skip`, `complete` and `compensate`. */
export async function changeInstance(
  saga: string,
  key: string,
  command: SagaCommand,
  options: ApiOptions,
): Promise<void> {
  const { body, text } = await changeSaga(options, saga, key, command)
  print(options.json ? [text.trimEnd()] : describe(body as ShownSaga))
}

function describe({ saga, key, status, startedAt, endedAt, deadlineAt, failure, steps, event }: ShownSaga): string[] {
  const end = endedAt === null ? (deadlineAt === null ? '' : `, deadline ${deadlineAt}`) : `, ended ${endedAt}`
  return [
    `${saga} ${key}: ${status}, started ${startedAt} by ${event.type} (${event.id})${end}`,
    ...(failure === null ? [] : [`  error: ${failure.code} ${failure.message}`]),
    ...table([['STEP', 'STATUS', 'SENT', 'UNDONE', 'NEXT', 'ERROR'], ...steps.map(stepRow)]).map((line) => `  ${line}`),
  ]
}

function stepRow({ id, status, attempts, undoAttempts, sendAt, failure }: ShownStep): (string | number)[] {
  const error = failure === null ? '' : `${failure.code} ${failure.message}`
  return [id, status, attempts, undoAttempts, sendAt ?? '', error]
}
