import { BingoError } from '../../model/errors.ts'
import type { SagaStatus } from '../../model/saga/instance.ts'
import { jsonText } from '../../ops/api/records.ts'
import { shownSaga, shownSummary } from '../../ops/api/sagas/sagas.ts'
import type { SagaCommand } from '../../sagas/contract.ts'
import { askApi, withQuery, type ApiOptions } from '../posted/ask-api.ts'
import type { Answer } from '../daemon/ask-daemon.ts'
import { askOrRead } from './stored.ts'

/** An instance as the API shows it: ops/api/sagas/sagas.ts. */
export interface ShownSaga {
  readonly saga: string
  readonly key: string
  readonly status: string
  readonly startedAt: string
  readonly endedAt: string | null
  readonly deadlineAt: string | null
  readonly dueAt: string | null
  readonly failure: ShownFailure | null
  readonly event: { readonly id: string; readonly type: string }
  readonly steps: readonly ShownStep[]
}

export interface ShownFailure {
  readonly at: string
  readonly code: string
  readonly message: string
}

export interface ShownStep {
  readonly id: string
  readonly status: string
  readonly attempts: number
  readonly undoAttempts: number
  readonly sendAt: string | null
  readonly failure: ShownFailure | null
}

export interface SagaPageOptions extends ApiOptions {
  readonly saga?: string
  readonly status?: SagaStatus
  readonly key?: string
}

/** As the API answers. */
export type Shown = Pick<Answer, 'body' | 'text'>

/** One page of instances, newest first. */
export function askSagas(options: SagaPageOptions, limit: number, cursor: string | undefined): Promise<Shown> {
  const { saga, status, key } = options
  return askOrRead<Shown>(
    options,
    () => askApi(options, withQuery('/api/v1/sagas', { saga, status, key, limit, cursor })),
    async (store) => {
      const filter = { saga, status: status && [status], keyPrefix: key }
      const { instances, next } = await store.list(filter, { limit, after: cursor ?? null })
      return shown({ sagas: instances.map(shownSummary), next })
    },
  )
}

export function askSaga(options: ApiOptions, saga: string, key: string): Promise<Shown> {
  const path = pathOf(saga, key)
  return askOrRead<Shown>(
    options,
    () => askApi(options, path),
    async (store) => {
      const [instance] = await store.load([{ saga, key }])
      if (instance != null) return shown(shownSaga(instance))
      throw new BingoError('BINGO_SAGA_UNKNOWN', 'there is no such instance of a saga', {
        hint: 'Run `bingo sagas list`. Instances are removed some time after their end (sagas.keep).',
      })
    },
  )
}

function shown(body: object): Shown {
  const text = jsonText(body)
  return { body: JSON.parse(text) as object, text }
}

export function changeSaga(
  options: ApiOptions,
  saga: string,
  key: string,
  { tag, ...body }: SagaCommand,
): Promise<Answer> {
  return askApi(options, pathOf(saga, key, `/${tag}`), { method: 'POST', body: JSON.stringify(body) })
}

function pathOf(saga: string, key: string, verb = ''): string {
  if (saga === '' || key === '') throw new BingoError('BINGO_SAGA_UNKNOWN', 'a saga and a key must not be empty')
  return `/api/v1/sagas/${encodeURIComponent(saga)}/${encodeURIComponent(key)}${verb}`
}
